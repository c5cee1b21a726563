import { html, Markup } from './html.js';
import type { Piece } from './html.js';
import { STYLE } from './style.js';

/** A page that needs nothing else: no script, no network, pictures inside; it forbids itself to load anything. */
export function page(title: string, sections: readonly Piece[]): string {
  const whole = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta
        http-equiv="Content-Security-Policy"
        content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
      />
      <title>${title} – Labelloop</title>
      <style>
        ${new Markup(STYLE)}
      </style>
    </head>
    <body>
      <main>${sections}</main>
    </body>
  </html>`;
  return `<!doctype html>\n${whole.text}\n`;
}
