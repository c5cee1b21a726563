import { rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadBackend } from '../src/learning/backend.js';
import { sample } from '../src/learning/sample.js';
import { train } from '../src/learning/train.js';
import { writeData } from './data.js';
import { isNetwork, sampleTask, trainTask } from './learner-tasks.js';
import { table, writeTable } from './table.js';

/*
 * Whether memory stays flat over a long training and over many shards:
 *     node dist/bench/memory.js [--network compact] [--steps 1000] [--shards 100] [--dry]
 * Fails where tensors are left over. The table goes into docs/benchmarks.md unless --dry.
 */
const { values: options } = parseArgs({
  options: {
    network: { type: 'string', default: 'compact' },
    steps: { type: 'string', default: '1000' },
    shards: { type: 'string', default: '100' },
    dry: { type: 'boolean', default: false },
  },
});
const { network } = options;
if (!isNetwork(network)) throw new Error(`no network '${network}'`);
const steps = Number(options.steps);
const shards = Number(options.shards);
/** Images of a shard; the smallest block that the learner draws masks for. */
const SHARD = 256;

const backend = loadBackend();
const data = writeData();

interface Look {
  done: number;
  megabytes: number;
  tensors: number;
}
const look = (done: number): Look => ({
  done,
  megabytes: process.memoryUsage.rss() / 1e6,
  tensors: backend.tf.memory().numTensors,
});

/** The looks nearest to the start, once everything is allocated, the middle and the end. */
function threeOf(looks: readonly Look[], total: number): Look[] {
  const nearest = (done: number) => looks.toSorted((a, b) => Math.abs(a.done - done) - Math.abs(b.done - done))[0];
  return [0.1, 0.5, 1].map((share) => nearest(share * total) as Look);
}

async function training(): Promise<{ looks: Look[]; model: string }> {
  const task = trainTask(network as 'compact', data, 'items-train', steps);
  const looks: Look[] = [];
  await train(backend, task, { onProgress: ({ done }) => void looks.push(look(done)) });
  return { looks: threeOf(looks, steps), model: task.output };
}

async function sampling(model: string): Promise<Look[]> {
  const looks: Look[] = [];
  for (let shard = 1; shard <= shards; shard++) {
    await sample(backend, sampleTask(model, path.join(data, 'pool'), SHARD));
    looks.push(look(shard));
  }
  return threeOf(looks, shards);
}

/** @throws where a later look has more tensors than the first */
function assertFlat(what: string, looks: readonly Look[]): void {
  const counts = looks.map(({ tensors }) => tensors);
  if (counts.some((count) => count > (counts[0] as number)))
    throw new Error(`${what} leaves tensors behind: ${counts.join(', ')}`);
}

try {
  const { looks: trained, model } = await training();
  const sampled = await sampling(model);
  const rows = Object.entries({ 'training steps': trained, 'sampled shards': sampled }).flatMap(([what, looks]) =>
    looks.map(({ done, megabytes, tensors }) => [`${done} ${what}`, megabytes.toFixed(0), String(tensors)]),
  );
  const text = table([`after (${network})`, 'MB resident', 'tensors'], rows);
  console.log(text);
  assertFlat('training', trained);
  assertFlat('sampling', sampled);
  if (!options.dry) writeTable('memory', text);
} finally {
  rmSync(data, { recursive: true, force: true });
}
