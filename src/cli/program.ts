import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { Command, CommanderError } from 'commander';
import { LabelloopError, messageOf } from '../contracts/errors.js';
import { addAdaptVerb } from './adapt.js';
import { addAnswerVerbs } from './answers.js';
import { addAuditVerbs } from './audit.js';
import { addCertificateVerbs } from './certificate.js';
import { addDatasetVerbs } from './dataset.js';
import { addDemoVerb } from './demo.js';
import { oneLine } from './format.js';
import { addLabelVerbs } from './labels.js';
import { addQuestionVerbs } from './questions.js';
import { addNovelVerbs } from './novel.js';
import { addReportVerb } from './report.js';
import { addReviewVerb } from './review.js';
import { addRunVerbs } from './run.js';
import { addStackVerbs } from './stack.js';
import { addShiftVerb } from './shift.js';
import { Interrupted, processTerminal } from './terminal.js';
import { document, examples } from './verb.js';
import { addWorkerVerb } from './worker.js';
import type { ErrorCode } from '../contracts/errors.js';
import type { Services } from './services.js';
import type { Terminal } from './terminal.js';

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

/** Exit codes, as docs/cli.md tells them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * The command line: every verb, its options and its help.
 *
 * @param terminal where results, progress and help go
 * @param setExitCode told how a verb ended
 */
export function createProgram(
  services: Services,
  terminal: Terminal = processTerminal,
  setExitCode: (code: number) => void = () => undefined,
): Command {
  const program = new Command('labelloop');
  program
    .description('Labels a large image pool from a few hundred labels, in durable rounds of Bayesian self-training.')
    .version(version)
    .option('--json', 'print one JSON document on stdout and nothing else')
    .option('--verbose', 'on errors, print the stack of the cause')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => terminal.out.write(text), writeErr: (text) => terminal.err.write(text) })
    .showSuggestionAfterError()
    .exitOverride();
  const context = { services, terminal, setExitCode };
  // Before the subcommands are added: they inherit the settings above at that moment.
  addStackVerbs(program, context);
  addDemoVerb(program, context);
  addDatasetVerbs(program, context);
  addRunVerbs(program, context);
  addAdaptVerb(program, context);
  addShiftVerb(program, context);
  addLabelVerbs(program, context);
  addAnswerVerbs(program, context);
  addAuditVerbs(program, context);
  addCertificateVerbs(program, context);
  addQuestionVerbs(program, context);
  addReviewVerb(program, context);
  addNovelVerbs(program, context);
  addReportVerb(program, context);
  addWorkerVerb(program, context);
  program.addHelpText(
    'after',
    `${examples('labelloop demo', 'labelloop dataset import ./shells --name shells', 'labelloop run start --dataset shells --watch')}

Exit codes: 0 done, 1 failed, 2 called wrongly, 130 Ctrl-C.`,
  );
  return program;
}

/**
 * Runs one command.
 *
 * @param args the words after `labelloop`
 * @returns the exit code; whatever went wrong has been printed
 */
export async function runCommandLine(
  args: readonly string[],
  services: Services,
  terminal: Terminal = processTerminal,
): Promise<number> {
  // Told from the words alone, since a command line that can't be parsed must answer in JSON too.
  const given = { json: args.includes('--json'), verbose: args.includes('--verbose') };
  let exitCode: number = EXIT.ok;
  const program = createProgram(services, terminal, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    const failure = failureOf(error);
    if (failure.exitCode === EXIT.ok) return EXIT.ok;
    const { code, message } = failure;
    if (given.json) terminal.out.write(document({ error: { code, message } }));
    if (failure.text !== null) terminal.err.write(`${failure.text}\n`);
    if (given.verbose) terminal.err.write(`${inspect(causeOf(error))}\n`);
    return failure.exitCode;
  }
}

interface Failure {
  code: ErrorCode;
  message: string;
  exitCode: number;
  /** What a person reads; null where commander has said it. */
  text: string | null;
}

function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError)
    return {
      code: 'USAGE',
      // A group without a verb: commander prints its help and has no message.
      message: error.code === 'commander.help' ? 'a verb is missing; --help lists them' : error.message,
      exitCode: error.exitCode === 0 ? EXIT.ok : EXIT.usage,
      text: null,
    };
  if (error instanceof Interrupted)
    return { code: 'CANCELLED', message: error.message, exitCode: EXIT.interrupted, text: `\n${error.message}` };
  if (error instanceof LabelloopError) {
    const { code, message } = error;
    const wrongly = code === 'USAGE' || code === 'SETTINGS_INVALID';
    return { code, message, exitCode: wrongly ? EXIT.usage : EXIT.failed, text: `${code}: ${message}` };
  }
  const message = oneLine(messageOf(error));
  const text = `INTERNAL: ${message}. This was not foreseen; --verbose shows where it came from.`;
  return { code: 'INTERNAL', message, exitCode: EXIT.failed, text };
}

const causeOf = (error: unknown): unknown =>
  error instanceof LabelloopError && error.cause !== undefined ? error.cause : error;
