import path from 'node:path';
import { LabelloopError } from '../contracts/errors.js';
import { importWithProgress } from './dataset.js';
import { demoInterrupted, demoIntro } from './messages.js';
import { freshSalt } from './run.js';
import { untilInterrupt } from './terminal.js';
import { examples, verb, withClient } from './verb.js';
import { endedView, runOutcome, showProgress } from './watch.js';
import type { Command } from 'commander';
import type { RunView } from '../contracts/run.js';
import type { RunSettingsInput } from '../contracts/settings.js';
import type { DemoRun, RunsClient } from './services.js';
import type { Call, Context } from './verb.js';

const DATASET = 'mnist-demo';

/**
 * 500 labels of 70,000 digits and a pool of 10,000: few enough to label by hand in an hour, and a pool that two cores go
 * through in minutes.
 */
const IMPORT = { name: DATASET, kind: 'idx', keepLabels: 500, pool: 10_000, seed: 7 } as const;

/**
 * All else is the default, so that the demo shows what a first own run will do; but that hidden labels answer the audit for
 * people, as nobody could in minutes.
 */
const SETTINGS = {
  dataset: DATASET,
  seed: 7,
  rounds: 3,
  certify: { epsilon: 0.02, budget: 400, answers: 'truth' },
} as const satisfies RunSettingsInput;

export function addDemoVerb(program: Command, context: Context): void {
  program
    .command('demo')
    .description('label 10,000 handwritten digits from 500 labels on this machine, from set-up to report')
    .option('--fresh', 'begin anew instead of going on with the last demo')
    .addHelpText('after', examples('labelloop demo', 'labelloop demo --fresh'))
    .action(
      verb(context, async (call: Call<{ fresh?: true }>) => {
        for (const line of demoIntro) call.note(line);
        call.note('');
        const { view, checked } = await untilInterrupt(
          call.terminal,
          () => demoInterrupted,
          (signal) => runDemo(call, signal),
        );
        const outcome = runOutcome(call, view);
        return { ...outcome, lines: [...outcome.lines, ...checked] };
      }),
    );
}

async function runDemo(
  call: Call<{ fresh?: true }>,
  signal: AbortSignal,
): Promise<{ view: RunView; checked: string[] }> {
  const { services } = call;
  await (await services.local()).up({ onLine: call.note });
  await importDigits(call, signal);
  return await withClient(services, async (client) => {
    const { run, ended } = call.options.fresh ? await beginAnew(call, client) : await goOn(call, client);
    if (!ended) await showProgress(call, client, run, signal);
    const view = await endedView(call, client, run);
    return { view, checked: await checkCertificate(call, client, view) };
  });
}

/** Exports the certificate beside the report and checks it, as a stranger would. */
async function checkCertificate(call: Call<unknown>, client: RunsClient, view: RunView): Promise<string[]> {
  if (view.certificate === null || view.report === null) return [];
  const dir = path.join(path.dirname(view.report), `${view.run}-certificate`);
  await client.exportCertificate(view.run, dir);
  const { lines } = await call.services.verifyBundle(dir);
  return ['', `Anybody checks the certificate by: node ${dir}/verify.mjs ${dir}`, 'It says:', ...lines];
}

async function importDigits(call: Call<unknown>, signal: AbortSignal): Promise<void> {
  const datasets = await call.services.datasets();
  const there = await orNull('DATASET_UNKNOWN', datasets.readDataset(DATASET));
  if (there) return;
  call.note('Importing MNIST.');
  await importWithProgress(call, datasets, { ...IMPORT, path: call.services.demo.images(), signal });
}

/** Goes on with the last demo where it is: running, paused, ended; or starts the first one. */
async function goOn(call: Call<unknown>, client: RunsClient): Promise<{ run: string; ended: boolean }> {
  const last = await call.services.demo.last();
  const view = last && (await orNull('RUN_UNKNOWN', client.show(last.run)));
  if (!last || !view) return await start(call, client, last?.salt ?? '');
  const { run } = last;
  switch (view.status) {
    case 'completed':
      call.note(`The demo ran already: this is its result (${run}). 'npm start -- --fresh' begins anew.`);
      return { run, ended: true };
    case 'failed':
    case 'cancelled':
      call.note(`The last demo was ${view.status}; starting again with what it left in the store.`);
      return await start(call, client, last.salt);
    case 'paused':
      call.note(`The demo was paused; it goes on (${run}).`);
      await client.resume(run);
      return { run, ended: false };
    default:
      call.note(`The demo is under way; going on with it (${run}).`);
      return { run, ended: false };
  }
}

/** A new salt, so that nothing is taken from the store; a demo under way would only slow it down. */
async function beginAnew(call: Call<unknown>, client: RunsClient): Promise<{ run: string; ended: boolean }> {
  const last = await call.services.demo.last();
  const view = last && (await orNull('RUN_UNKNOWN', client.show(last.run)));
  if (view && view.endedAt === null) {
    call.note(`Cancelling the demo that is under way (${view.run}).`);
    await client.cancel(view.run);
  }
  return await start(call, client, freshSalt());
}

async function start(
  call: Call<unknown>,
  client: RunsClient,
  salt: DemoRun['salt'],
): Promise<{ run: string; ended: boolean }> {
  const { run } = await client.start({ ...SETTINGS, salt });
  await call.services.demo.remember({ run, salt });
  call.note(`Run ${run} started.`);
  return { run, ended: false };
}

/** The promise's value, or null where it fails with `code`. */
async function orNull<T>(code: LabelloopError['code'], promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof LabelloopError && error.code === code) return null;
    throw error;
  }
}
