/*
 * The page as it is served: always the same text, so that nothing that a user named can become markup. What depends on
 * the run is put in by `page/main.ts`, as text.
 */

const head = (title: string, rest = ''): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title}</title>
    <link rel="icon" href="/icon.svg">
    <link rel="stylesheet" href="/style.css">${rest}
  </head>`;

export const PAGE = `${head('Review – Labelloop', '\n    <script type="module" src="/page/main.js"></script>')}
  <body>
    <a class="skip" href="#answers">To the classes</a>
    <header>
      <h1><span class="soft">Review</span> <span id="run"></span></h1>
      <div class="progress">
        <progress id="progress" max="1" value="0" aria-labelledby="progress-text" hidden></progress>
        <p id="progress-text"></p>
      </div>
      <nav aria-label="Page">
        <button type="button" id="who" hidden></button>
        <button type="button" id="grid-toggle" aria-pressed="false" aria-keyshortcuts="*">Grid <kbd aria-hidden="true">*</kbd></button>
        <button type="button" id="help-open" aria-keyshortcuts="?">Keys <kbd aria-hidden="true">?</kbd></button>
      </nav>
    </header>
    <p id="dry-run" class="banner" hidden><strong>Dry run: hidden labels answer.</strong> People are asked nothing, and no figure of this run is a field result.</p>
    <p id="trouble" class="banner trouble" role="alert" hidden></p>
    <main>
      <section id="stage" aria-label="Image" hidden>
        <div id="frame"></div>
        <p id="guess" hidden></p>
      </section>
      <section id="grid" aria-label="Images" hidden>
        <p id="grid-hint" class="soft">Choose a class, then click its images; or move with the arrows and press the class’s key.</p>
        <div id="tiles" role="group" aria-labelledby="grid-hint"></div>
      </section>
      <section id="nothing" aria-labelledby="nothing-title" tabindex="-1" hidden>
        <h2 id="nothing-title"></h2>
        <p id="nothing-words"></p>
      </section>
      <section id="answers" aria-labelledby="answers-title" tabindex="-1" hidden>
        <h2 id="answers-title">What is it?</h2>
        <div id="search-box" hidden>
          <label for="search">Type to find a class</label>
          <input id="search" type="text" role="combobox" aria-expanded="true" aria-controls="classes" aria-autocomplete="list"
            autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="done">
        </div>
        <div id="classes"></div>
        <div class="verdicts">
          <button type="button" id="unsure" aria-keyshortcuts=","><kbd aria-hidden="true">,</kbd> <span>Cannot tell</span></button>
          <button type="button" id="none" aria-keyshortcuts="."><kbd aria-hidden="true">.</kbd> <span>No such class</span></button>
        </div>
        <div class="actions">
          <button type="button" id="send" class="main" aria-keyshortcuts="Control+Enter" hidden></button>
          <button type="button" id="undo" aria-keyshortcuts="Backspace" disabled>Undo <kbd aria-hidden="true">⌫</kbd></button>
          <button type="button" id="zoom-open" aria-keyshortcuts="+" aria-haspopup="dialog">Zoom <kbd aria-hidden="true">+</kbd></button>
        </div>
      </section>
    </main>
    <footer>
      <p id="words"></p>
      <p id="status" role="status"></p>
    </footer>
    <p id="live" class="unseen" aria-live="polite"></p>

    <dialog id="name-dialog" aria-labelledby="name-title">
      <form id="name-form">
        <h2 id="name-title">Who answers?</h2>
        <p id="name-hint">It is kept with each answer. A pseudonym is enough; use the same one each time.</p>
        <label for="name">Name</label>
        <input id="name" type="text" maxlength="100" required autocomplete="nickname" aria-describedby="name-hint">
        <div class="actions"><button type="submit" class="main">Begin</button></div>
      </form>
    </dialog>

    <dialog id="help-dialog" aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl id="help-keys"></dl>
      <p><label><input id="shortcuts" type="checkbox" checked> Single keys answer</label> <span class="soft">Off: buttons alone do.</span></p>
      <p class="soft">An answer can be taken back for ten seconds, or until the next one. What the server does not have yet is kept in this browser.</p>
      <div class="actions"><button type="button" id="help-close" class="main">Close</button></div>
    </dialog>

    <dialog id="zoom-dialog" aria-label="The image at its own size">
      <div class="toolbar">
        <output id="zoom-scale"></output>
        <button type="button" id="zoom-out">Smaller <kbd>-</kbd></button>
        <button type="button" id="zoom-in">Larger <kbd>+</kbd></button>
        <button type="button" id="zoom-close">Close <kbd>Esc</kbd></button>
      </div>
      <div id="zoom-pane" tabindex="0" role="group" aria-label="Image; the arrows move it"></div>
    </dialog>
    <noscript><p class="banner trouble">This page needs JavaScript; it loads none from elsewhere.</p></noscript>
  </body>
</html>
`;

/** After the token: goes on to the page by itself, which is a step within this site and so carries the cookie. */
export const OPENING = `${head('Labelloop', '\n    <meta http-equiv="refresh" content="0; url=/">')}
  <body><main class="plain"><p><a href="/">Open the page</a></p></main></body>
</html>
`;

/** @param reason a sentence of this program's own */
export const refusedPage = (reason: string): string => `${head('No access – Labelloop')}
  <body><main class="plain"><h1>No access</h1><p>${reason.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</p></main></body>
</html>
`;
