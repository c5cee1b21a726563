import { messageOf } from '../contracts/errors.js';
import { resultLines, runLines } from './end-table.js';
import { watchInterrupted } from './messages.js';
import { progressDisplay } from './progress-view.js';
import { untilInterrupt } from './terminal.js';
import type { RunView } from '../contracts/run.js';
import type { RunsClient } from './services.js';
import type { Call, Outcome } from './verb.js';

/** Often enough to look alive, seldom enough not to be felt by the workflow that answers. */
const INTERVAL_MS = 500;

/**
 * Shows a run's progress until it ends.
 *
 * @throws the signal's reason once it is aborted
 */
export async function showProgress(
  call: Call<unknown>,
  client: RunsClient,
  run: string,
  signal: AbortSignal,
): Promise<void> {
  const display = progressDisplay(call.terminal.err);
  for await (const progress of client.watch(run, { signal, intervalMs: INTERVAL_MS })) {
    // A look that was under way at Ctrl-C would draw over the goodbye.
    signal.throwIfAborted();
    display.show(progress);
  }
  // The watch ends at Ctrl-C as it does at the run's end.
  signal.throwIfAborted();
  display.end();
}

/** An ended run with its report. */
export async function endedView(call: Call<unknown>, client: RunsClient, run: string): Promise<RunView> {
  const view = await client.show(run);
  if (view.status !== 'completed') return view;
  try {
    return { ...view, report: await call.services.writeReport(run) };
  } catch (error) {
    // The run is done and its figures are at hand: a report that can't be written must not hide them.
    call.note(`The HTML report could not be written: ${messageOf(error)}`);
    return view;
  }
}

/** The last screen of an ended run; 1 unless it completed. */
export function runOutcome(call: Call<unknown>, view: RunView): Outcome {
  const width = call.terminal.out.columns;
  return view.status === 'completed'
    ? { document: view, lines: resultLines(view, width) }
    : { document: view, lines: runLines(view, width), exitCode: 1 };
}

/** Follows a run to its end: what `run watch` and `run start --watch` do. */
export async function follow(call: Call<unknown>, client: RunsClient, run: string): Promise<Outcome> {
  const view = await untilInterrupt(
    call.terminal,
    () => watchInterrupted(run),
    async (signal) => {
      await showProgress(call, client, run, signal);
      return await endedView(call, client, run);
    },
  );
  return runOutcome(call, view);
}
