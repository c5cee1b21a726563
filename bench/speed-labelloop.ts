import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { SEQUENTIAL_PASSES } from '../src/contracts/learner.js';
import { decodeSafetensors, tensorNamed } from '../src/contracts/safetensors.js';
import { targetErrorCutoff } from '../src/labelling/cutoff.js';
import { loadBackend } from '../src/learning/backend.js';
import { sample } from '../src/learning/sample.js';
import { train } from '../src/learning/train.js';
import { CLASSES, PARTS } from './data.js';
import { isNetwork, NETWORKS, sampleTask, trainTask } from './learner-tasks.js';
import { serve } from './serve.js';
import type { SequentialRule, TaskListener } from '../src/contracts/learner.js';

/*
 * Labelloop's side of the speed bench: the learner's own train() and sample(), told apart by --task.
 * train, sample: images/s between two of the task's own reports, so without its start, as the peers are measured warm.
 * round: seconds of everything, starts included.
 * With --sequential sampling ends where an image's decision is settled, which takes a model and a cut-off as in a round.
 */
const { values: options } = parseArgs({
  options: {
    task: { type: 'string' },
    network: { type: 'string' },
    data: { type: 'string' },
    seconds: { type: 'string' },
    threads: { type: 'string' },
    steps: { type: 'string' },
    precision: { type: 'string', default: 'float32' },
    sequential: { type: 'boolean', default: false },
  },
});
const { task, network: asked, data } = options;
if (asked === undefined || !isNetwork(asked) || data === undefined)
  throw new Error(`--network ${NETWORKS.join('|')} and --data FOLDER`);
const network = asked;
if (options.precision !== 'float32') throw new Error(`the learner computes in float32, not in ${options.precision}`);
const seconds = Number(options.seconds ?? 3);
/** Enough for a model whose decisions differ in how sure they are. */
const SEQUENTIAL_STEPS = 600;
process.env['TF_NUM_INTRAOP_THREADS'] = process.env['TF_NUM_INTEROP_THREADS'] = options.threads ?? '2';
const backend = loadBackend();

/** Images/s of a task from its first report on, which ends it after `seconds`. */
async function pace(images: number, run: (listener: TaskListener) => Promise<unknown>): Promise<number> {
  const stop = new AbortController();
  let first: { at: number; done: number } | undefined;
  let rate = 0;
  const onProgress: TaskListener['onProgress'] = ({ done }) => {
    const at = performance.now();
    first ??= { at, done };
    if (at > first.at) rate = ((done - first.done) * images * 1000) / (at - first.at);
    if (at - first.at >= seconds * 1000) stop.abort();
  };
  try {
    await run({ onProgress, signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  return rate;
}

async function measureTraining(): Promise<number> {
  const endless = trainTask(network, data as string, 'items-train', 1_000_000);
  return pace(endless.recipe.batch, (listener) => train(backend, endless, listener));
}

async function measureSampling(model: string, sequential: SequentialRule | null): Promise<number> {
  const task = sampleTask(model, path.join(data as string, 'pixels'), 60_000, 'float32', sequential);
  return pace(1, (listener) => sample(backend, task, listener));
}

/** The cut-off that a round would set: 2 % error of the calibration images. */
async function roundsCutoff(model: string): Promise<number> {
  const known = await posterior(model, 'calibration', PARTS.calibration);
  const labels = readFileSync(path.join(data as string, 'labels')).subarray(PARTS.labelled);
  const scored = [...known.entropy].map((score, i) => {
    const predicted = known.predicted[i] as number;
    return { score, predicted, correct: predicted === labels[i] };
  });
  return targetErrorCutoff(scored, 0.02, CLASSES);
}

/** Trains, scores, sets a cut-off and relabels, as the peers' round does. */
async function measureRound(): Promise<number> {
  const begun = performance.now();
  const training = trainTask(network, data as string, 'items-round', Number(options.steps ?? 1200));
  await train(backend, training);
  const cutoff = await roundsCutoff(training.output);
  const pool = await posterior(training.output, 'pool', PARTS.pool);
  Int32Array.from(pool.predicted, (label, i) => ((pool.entropy[i] as number) <= cutoff ? label : -1));
  return (performance.now() - begun) / 1000;
}

async function posterior(model: string, pixels: string, count: number) {
  const scoring = sampleTask(model, path.join(data as string, pixels), count);
  await sample(backend, scoring);
  const file = decodeSafetensors(readFileSync(scoring.output));
  const p = tensorNamed(file, 'p', 'F32').data;
  const predicted = Int32Array.from({ length: count }, (_, i) => {
    const row = p.subarray(i * CLASSES, (i + 1) * CLASSES);
    return row.indexOf(Math.max(...row));
  });
  return { predicted, entropy: tensorNamed(file, 'predictive_entropy', 'F32').data };
}

if (task === 'round') {
  await serve(measureRound);
} else if (options.sequential) {
  const training = trainTask(network, data, 'items-round', SEQUENTIAL_STEPS);
  const { parameters } = await train(backend, training);
  const cutoff = await roundsCutoff(training.output);
  const cutoffs = Array.from({ length: CLASSES }, () => cutoff);
  const rule: SequentialRule = { score: 'predictive-entropy', cutoffs, ...SEQUENTIAL_PASSES };
  await serve(() => measureSampling(training.output, rule), { parameters });
} else {
  const short = trainTask(network, data, 'items-train', 20);
  const { parameters } = await train(backend, short);
  await serve(task === 'train' ? measureTraining : () => measureSampling(short.output, null), { parameters });
}
