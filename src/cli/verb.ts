import type { Command } from 'commander';
import type { RunsClient, Services } from './services.js';
import type { Terminal } from './terminal.js';

/** What a verb has to say: `document` with --json, `lines` without. Either goes to stdout, once, by `verb` alone. */
export interface Outcome {
  document: unknown;
  lines: readonly string[];
  /** 0 unless told. */
  exitCode?: number;
}

/** What all verbs of a program share. */
export interface Context {
  services: Services;
  terminal: Terminal;
  setExitCode(code: number): void;
}

export interface GlobalOptions {
  json?: true;
  verbose?: true;
}

/** One call of a verb. */
export interface Call<Options> extends Context {
  options: Options & GlobalOptions;
  /** Progress or a hint: a line on stderr. */
  note: (line: string) => void;
}

/** Makes commander's action of a function that returns an outcome, so that no verb can write to stdout by itself. */
export const verb =
  <Options, Args extends unknown[]>(
    context: Context,
    work: (call: Call<Options>, ...args: Args) => Promise<Outcome>,
  ): ((...received: unknown[]) => Promise<void>) =>
  async (...received) => {
    // commander hands over the arguments, then the options, then the command.
    const command = received.at(-1) as Command;
    const options = command.optsWithGlobals<Options & GlobalOptions>();
    const note = (line: string): void => void context.terminal.err.write(`${line}\n`);
    const outcome = await work({ ...context, options, note }, ...(received.slice(0, -2) as Args));
    context.terminal.out.write(options.json ? document(outcome.document) : text(outcome.lines));
    context.setExitCode(outcome.exitCode ?? 0);
  };

export const document = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const text = (lines: readonly string[]): string => (lines.length === 0 ? '' : `${lines.join('\n')}\n`);

/** Lends a connected client. */
export async function withClient<T>(services: Services, work: (client: RunsClient) => Promise<T>): Promise<T> {
  const client = await services.client();
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** The examples at the end of a verb's --help. */
export const examples = (...lines: readonly string[]): string =>
  `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
