import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LabelloopError, problem } from '../contracts/errors.js';
import type { DatasetManifest, Shard } from '../contracts/dataset.js';
import { deriveSeed, RandomStream } from '../contracts/random.js';
import type { SeedPair } from '../contracts/learner.js';
import { ref } from '../contracts/references.js';
import { decodeSafetensors, encodeSafetensors, tensorNamed } from '../contracts/safetensors.js';
import { clustersFile, trainOutput } from '../contracts/stages.js';
import type { ClustersFile, TrainInput, TrainOutput } from '../contracts/stages.js';
import { recipeOf, specOf } from '../learner/client.js';
import type { Store } from '../store/index.js';
import { modelSpecOf, pickRows, readItems, readLabels, readManifest, readSplit } from './inputs.js';
import { stage } from './stage.js';
import type { Attempt } from './stage.js';
import { encodeItems, humanItems, isLeftOut, trainingItems } from './training-items.js';

/** Where a training stage stands: its newest checkpoint, and how often an attempt began without getting further. */
const trainProgress = z.strictObject({ step: z.int(), checkpoint: ref.nullable(), idleAttempts: z.int() });
type TrainProgress = z.infer<typeof trainProgress>;

/**
 * Attempts that may begin at one and the same step. Preempted and killed attempts count as attempts too, so their number
 * alone says nothing; but ten in a row that never reach the next checkpoint won't reach it at the eleventh.
 */
const IDLE_ATTEMPTS = 10;

/** Trains the round's student from fresh weights, or those of `initial`; goes on from the newest checkpoint of any earlier attempt. */
export const train = stage<TrainInput, TrainOutput>('train', 3, trainOutput, run, dropCheckpoint);

async function run(input: TrainInput, attempt: Attempt): Promise<TrainOutput> {
  const { store, learner, beating, key } = attempt;
  const folder = join(attempt.scratch, `train-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const { images, task, progress } = await beating(() => prepare(input, attempt, folder));
    let saved = progress;
    await attempt.learnerReady();
    const onCheckpoint = async ({ step, path }: { step: number; path: string }): Promise<void> => {
      // Losing a checkpoint costs seconds, failing the training for it would cost more.
      try {
        saved = await beating(() => keepCheckpoint(store, key, saved, { step, path }));
        attempt.log.info({ event: 'checkpoint', step }, `train: checkpoint at step ${step}`);
      } catch (error) {
        attempt.log.warn({ err: error, step }, 'train: checkpoint not stored; going on');
      }
    };
    const result = await attempt.onLearner((listener) => learner.train(task, { ...listener, onCheckpoint }));
    attempt.log.info({ event: 'trained', resumedAt: result.resumedAt, steps: result.steps }, 'train: done');
    return await attempt.keeping(async () => {
      const model = await store.putFile('model/2', task.output);
      const { steps, loss, stopped, validationAccuracy, parameters } = result;
      return { model, steps, loss, stopped, validationAccuracy, parameters, images };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function prepare(input: TrainInput, { store, key, checkpointSeconds, log }: Attempt, folder: string) {
  const manifest = await readManifest(store, input.dataset);
  const split = await readSplit(store, input.split);
  const answers = await readLabels(store, manifest);
  const groups = input.anchors ? await store.readJson(input.anchors, clustersFile) : null;
  const items = await trainingItems(store, { ...input, groups }, manifest, answers, split.train);
  const itemsPath = join(folder, 'items.safetensors');
  const anchors = groups && (await writeAnchors(join(folder, 'anchors.safetensors'), store, groups));
  await writeFile(itemsPath, encodeItems(items, anchors !== null));
  const validation = await writeValidation(join(folder, 'validation.safetensors'), manifest, answers, split.validation);
  const shards = await fetchPixels(store, items.shards);
  const seed = deriveSeed(deriveSeed(input.seed, 'train', input.round), 'member', input.member);
  const unlabelled = input.student === 'consistency' ? unlabelledShards(manifest, seed) : [];

  const progress = await startAttempt(store, key);
  const resume = await fetchCheckpoint(progress, store, log);
  const { network, student, round, precision } = input;
  const initial = input.initial
    ? { path: await store.fetch(input.initial), of: await modelSpecOf(store, input.initial) }
    : null;
  const fresh = specOf(network, manifest.image, manifest.classes.length, round);
  const recipe = recipeOf({
    ...{ network, student, round, precision },
    image: manifest.image,
    items: items.label.length,
    pool: manifest.counts.pool,
    ...(input.recipe === 'adapt' ? { adapt: { labelsAClass: items.people / manifest.classes.length } } : {}),
    pulled: anchors !== null,
  });
  const task = {
    kind: 'train' as const,
    // DenseNet grows with the rounds: the student is as wide as the model that it starts from.
    model: initial === null ? fresh : { ...fresh, growth: initial.of.growth },
    recipe: { ...recipe, steps: input.steps ?? recipe.steps },
    seed,
    shards,
    items: itemsPath,
    validation,
    unlabelled: await fetchUnlabelled(store, unlabelled, input, folder),
    initial: initial?.path ?? null,
    anchors,
    resume,
    output: join(folder, 'model.safetensors'),
    checkpoint: join(folder, 'checkpoint'),
    checkpointSeconds,
  };
  return { images: items.label.length, task, progress };
}

const fetchPixels = (store: Store, shards: readonly Shard[]): Promise<string[]> =>
  Promise.all(shards.map((shard) => store.fetch(shard.pixels)));

/**
 * Pool shards that a consistency student learns from, 65,536 images at the usual shard size: what a worker must hold for it
 * stays bounded, however large the pool.
 */
const UNLABELLED_SHARDS = 16;

function unlabelledShards({ shards: { pool } }: DatasetManifest, seed: SeedPair): Shard[] {
  if (pool.length <= UNLABELLED_SHARDS) return pool;
  return new RandomStream(deriveSeed(seed, 'unlabelled')).shuffle([...pool]).slice(0, UNLABELLED_SHARDS);
}

/** Pixel files of pool images; without those of a fold that the student must not see, not even unlabelled. */
async function fetchUnlabelled(
  store: Store,
  shards: readonly Shard[],
  { leftOut, seed }: TrainInput,
  folder: string,
): Promise<string[]> {
  if (!leftOut) return fetchPixels(store, shards);
  const files: string[] = [];
  // One after the other: a shard of large pictures takes hundreds of MB.
  for (const [i, shard] of shards.entries()) {
    const rows = (await readItems(store, shard)).flatMap(({ id }, row) => (isLeftOut(id, leftOut, seed) ? [] : [row]));
    const file = join(folder, `unlabelled-${i}`);
    await writeFile(file, pickRows(await readFile(await store.fetch(shard.pixels)), shard.count, rows));
    if (rows.length > 0) files.push(file);
  }
  return files;
}

async function writeValidation(
  path: string,
  manifest: DatasetManifest,
  answers: Int32Array,
  rows: readonly number[],
): Promise<string | null> {
  if (rows.length === 0) return null;
  await writeFile(path, encodeItems(humanItems(manifest, answers, rows), false));
  return path;
}

/** The clusters' centroids as the learner takes them. */
async function writeAnchors(path: string, store: Store, { centroids }: ClustersFile): Promise<string> {
  const anchors = tensorNamed(decodeSafetensors(await store.readBytes(centroids)), 'centroids', 'F32');
  await writeFile(path, encodeSafetensors({ anchors }));
  return path;
}

const progressPath = (key: string): string => `progress/${key}.json`;

async function startAttempt(store: Store, key: string): Promise<TrainProgress> {
  const before = await store.getPointer(progressPath(key), trainProgress);
  const progress: TrainProgress = before
    ? { ...before, idleAttempts: before.idleAttempts + 1 }
    : { step: 0, checkpoint: null, idleAttempts: 0 };
  if (progress.idleAttempts > IDLE_ATTEMPTS) {
    // Who starts the run again has mended something: the count begins anew.
    await store.putPointer(progressPath(key), { ...progress, idleAttempts: 0 });
    throw problem(
      'NO_PROGRESS',
      `Training ended ${IDLE_ATTEMPTS} times without getting past step ${progress.step}. The host's log says how each attempt ended ('labelloop status' names it); mend that and start the run again: what is done is kept.`,
    );
  }
  await store.putPointer(progressPath(key), progress);
  return progress;
}

/** The file of the newest checkpoint, null without one. A lost one costs the steps before it, never the run. */
async function fetchCheckpoint(
  { checkpoint, step }: TrainProgress,
  store: Store,
  log: Attempt['log'],
): Promise<string | null> {
  if (!checkpoint) return null;
  try {
    const path = await store.fetch(checkpoint);
    log.info({ event: 'resumed', step }, `train: going on from step ${step}`);
    return path;
  } catch (error) {
    const lost = error instanceof LabelloopError && ['STORE_MISSING', 'STORE_DAMAGED'].includes(error.code);
    if (!lost) throw error;
    log.warn({ err: error, step }, 'train: the checkpoint is lost; starting from the first step');
    return null;
  }
}

async function keepCheckpoint(
  store: Store,
  key: string,
  before: TrainProgress,
  { step, path }: { step: number; path: string },
): Promise<TrainProgress> {
  const checkpoint = await store.putFile('checkpoint/2', path);
  const progress: TrainProgress = { step, checkpoint, idleAttempts: 0 };
  await store.putPointer(progressPath(key), progress);
  if (before.checkpoint && before.checkpoint.sha256 !== checkpoint.sha256) await store.removeBlob(before.checkpoint);
  return progress;
}

async function dropCheckpoint(key: string, store: Store): Promise<void> {
  const progress = await store.getPointer(progressPath(key), trainProgress);
  if (!progress) return;
  await store.removePointer(progressPath(key));
  if (progress.checkpoint) await store.removeBlob(progress.checkpoint);
}
