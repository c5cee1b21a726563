import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { assign } from '../src/labelling/kmeans.js';
import { chooseK } from '../src/labelling/choose-k.js';
import { fitKMeansStreaming, sampleShards } from '../src/labelling/kmeans-streaming.js';
import { nearDuplicates } from '../src/labelling/near-duplicates.js';
import { readShards } from './mixture.js';
import { peakMemory } from './serve.js';
import type { Centroids } from '../src/labelling/kmeans.js';

/*
 * Labelloop's side of bench/clustering.ts, once; the same arguments as of bench/peers/cluster.py, and `--task`.
 */
const { values } = parseArgs({
  options: {
    task: { type: 'string', default: 'fit' },
    data: { type: 'string', default: '' },
    width: { type: 'string', default: '128' },
    shard: { type: 'string', default: '10000' },
    k: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    output: { type: 'string', default: '' },
  },
});
const [width, k] = [Number(values.width), Number(values.k)];
const total = fs.statSync(values.data).size / (4 * width);
const shards = () => readShards(values.data, width, Number(values.shard));
const key = [Number(values.seed), 0] as const;

function fitted(): Centroids {
  const bytes = fs.readFileSync(values.output);
  return { data: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)), k, width };
}

/** Each gives what it found, in a word. */
const TASKS: Record<string, () => Promise<string>> = {
  fit: async () => {
    const { centroids, inertia } = await fitKMeansStreaming(shards, total, k, key);
    fs.writeFileSync(values.output, new Uint8Array(centroids.data.buffer));
    return `${inertia.length} passes`;
  },
  assign: async () => {
    const centroids = fitted();
    let inertia = 0;
    for await (const rows of shards()) for (const d of (await assign(rows, centroids)).distance) inertia += d * d;
    return String(inertia);
  },
  duplicates: async () => `${(await nearDuplicates(shards, total, fitted())).groups} groups`,
  'choose-k': async () => {
    const chosen = await chooseK(await sampleShards(shards, total, 20_000, key), Math.ceil(k / 10), key);
    return `k = ${chosen.k}`;
  },
};
const task = TASKS[values.task];
if (!task) throw new Error(`no task '${values.task}'`);

const begun = performance.now();
const before = process.cpuUsage();
const found = await task();
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - begun) / 1000;
console.log(JSON.stringify({ seconds, cpu: (user + system) / 1e6, peak: peakMemory(), found, version: '' }));
