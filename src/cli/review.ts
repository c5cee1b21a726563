import { spawn } from 'node:child_process';
import process from 'node:process';
import { messageOf } from '../contracts/errors.js';
import { oneLine, plural } from './format.js';
import { examples, verb } from './verb.js';
import { wholeNumber } from './arguments.js';
import type { Command } from 'commander';
import type { ReviewOptions } from './services.js';
import type { Terminal } from './terminal.js';
import type { Call, Context } from './verb.js';

interface Options {
  port?: number;
  host?: string;
  by?: string;
  userHeader?: string;
  allowHost?: string[];
  showGuess?: true;
  open?: true;
}

const eachOf = (name: string, before: string[] = []): string[] => [...before, name];

export function addReviewVerb(program: Command, context: Context): void {
  program
    .command('review')
    .description('serve the page on which people answer what a run or its audit asks; until Ctrl-C')
    .argument('<run>', 'id of the run')
    .option('--port <n>', 'port to listen on, 0 for any that is free (default 8710)', wholeNumber(0))
    .option('--host <address>', 'address to listen on; all but loopback ask for a token (default 127.0.0.1)')
    .option('--by <name>', 'everybody answers under this name (default: the page asks)')
    .option('--user-header <name>', 'header in which a reverse proxy names who answers, in place of the token')
    .option('--allow-host <name>', 'a name under which a proxy serves the page; more than once for more', eachOf)
    .option(
      '--show-guess',
      "show the model's guess and its probability; not while an audit is open, whose answers must be blind",
    )
    .option('--open', 'open the page in a browser')
    .addHelpText(
      'after',
      examples(
        'labelloop review shells-1a2b3c4d --open',
        'labelloop review shells-1a2b3c4d --host 0.0.0.0 --user-header X-Forwarded-User --allow-host labels.example.org',
      ),
    )
    .action(
      verb(context, async (call: Call<Options>, run: string) => {
        const review = await call.services.review(run, {
          ...reviewOptions(call.options),
          onError: (error) => call.note(oneLine(messageOf(error))),
        });
        try {
          call.note(`People answer for ${run} at ${review.url}`);
          call.note('Ctrl-C ends the page; answers are kept.');
          if (call.options.open) openBrowser(review.url);
          await interrupted(call.terminal);
        } finally {
          await review.close();
        }
        const { url, answers } = review;
        // Ctrl-C is how this verb ends, and no failure.
        return { document: { run, url, answers }, lines: [`${plural(answers, 'answer')} taken down.`] };
      }),
    );
}

/** Of the options of the command those of the page; what is not given is the page's own default. */
const reviewOptions = ({ port, host, by, userHeader, allowHost, showGuess }: Options): ReviewOptions => ({
  ...(port === undefined ? {} : { port }),
  ...(host === undefined ? {} : { host }),
  ...(by === undefined ? {} : { by }),
  ...(userHeader === undefined ? {} : { userHeader }),
  ...(allowHost === undefined ? {} : { allowHosts: allowHost }),
  ...(showGuess ? { showGuess } : {}),
});

const interrupted = (terminal: Terminal): Promise<void> =>
  new Promise((resolve) => void terminal.onInterrupt(() => resolve()));

/** Where there is no browser, the address has been printed. */
function openBrowser(url: string): void {
  const openers: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer.exe' };
  const child = spawn(openers[process.platform] ?? 'xdg-open', [url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
