import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RandomStream } from '../../src/contracts/random.js';
import { encodeSafetensors } from '../../src/contracts/safetensors.js';
import type { ImageShape } from '../../src/contracts/dataset.js';
import type { Recipe, SampleTask, TrainTask } from '../../src/contracts/learner.js';

/** A directory that is removed when the test file is done. */
export function temporaryDirectory(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'labelloop-learning-'));
  after(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export const tinyRecipe: Recipe = {
  student: 'augmented',
  steps: 12,
  batch: 16,
  optimiser: 'adamw',
  learningRate: 2e-3,
  schedule: 'cosine',
  weightDecay: 0.02,
  dropout: 0.3,
  draws: 5,
  humanShare: 0.5,
  pseudoWeight: null,
  classWeights: false,
  weak: { shift: 0.1, rotation: 10, scale: 0.1, erase: 0.5, flip: 0 },
  strong: null,
  consistency: null,
  averaging: 0,
  validateEvery: 4,
  patience: 0,
  precision: 'float32',
};

/** Images of `classes` kinds: a bright bar at a place that tells the class, in noise. */
export function bars(
  n: number,
  image: ImageShape,
  classes: number,
  seed = 1,
): { pixels: Uint8Array; labels: Int32Array } {
  const random = new RandomStream([seed, 7]);
  const { height, width, channels } = image;
  const pixels = new Uint8Array(n * height * width * channels);
  const labels = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const label = i % classes;
    labels[i] = label;
    const top = Math.floor((label * height) / classes);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width * channels; x++)
        pixels[(i * height + y) * width * channels + x] =
          random.integer(60) + (y >= top && y < top + height / classes ? 180 : 0);
  }
  return { pixels, labels };
}

export interface Fixture {
  train(overrides?: Partial<TrainTask>): TrainTask;
  sample(overrides?: Partial<SampleTask>): SampleTask;
  directory: string;
}

/** Files of a small training set, half of it pseudo-labels, and tasks on it. */
export function barTasks(directory: string, image: ImageShape, classes = 4, n = 64): Fixture {
  const { pixels, labels } = bars(n, image, classes);
  const file = (name: string) => path.join(directory, name);
  fs.writeFileSync(file('pixels'), pixels);
  const shape = [n];
  fs.writeFileSync(
    file('items'),
    encodeSafetensors({
      shard: { dtype: 'I32', shape, data: new Int32Array(n) },
      row: { dtype: 'I32', shape, data: Int32Array.from({ length: n }, (_, i) => i) },
      label: { dtype: 'I32', shape, data: labels },
      weight: { dtype: 'F32', shape, data: new Float32Array(n).fill(1) },
      human: { dtype: 'U8', shape, data: Uint8Array.from({ length: n }, (_, i) => (i < n / 2 ? 1 : 0)) },
    }),
  );
  return {
    directory,
    train: (overrides = {}) => ({
      kind: 'train',
      model: { network: 'compact', image, classes, growth: null },
      recipe: tinyRecipe,
      seed: [1, 2],
      shards: [file('pixels')],
      items: file('items'),
      validation: null,
      unlabelled: [],
      initial: null,
      anchors: null,
      resume: null,
      output: file('model'),
      checkpoint: file('checkpoint'),
      checkpointSeconds: 1000,
      ...overrides,
    }),
    sample: (overrides = {}) => ({
      kind: 'sample',
      models: [file('model')],
      posterior: 'mc-dropout',
      pixels: file('pixels'),
      count: n,
      offset: 0,
      passes: 5,
      sequential: null,
      seed: [3, 4],
      precision: 'float32',
      output: file('posterior'),
      ...overrides,
    }),
  };
}
