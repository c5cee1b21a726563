import { tmpdir } from 'node:os';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { inProcessLearner } from '../src/learner/in-process.js';
import { recipeOf, specOf } from '../src/learner/recipe.js';
import { CLASSES, IMAGE } from './data.js';
import { balanced, mnist, optdigits, turned, writeItems } from './moved-data.js';

/*
 * Students of MNIST, and what they see: images of the pool that they learnt from, images that they never saw, and others'.
 * For `shift.js`, which tests between these.
 *
 *     node dist/bench/shift-models.js --folder F --csv digits.csv.gz --seeds 1,2,3 --steps 1200
 */
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: path.join(tmpdir(), 'labelloop-shift') },
    csv: { type: 'string', default: '' },
    seeds: { type: 'string', default: '1,2,3' },
    steps: { type: 'string', default: '1200' },
    student: { type: 'string', default: 'consistency' },
  },
});
const { folder } = values;
mkdirSync(folder, { recursive: true });
const file = (name: string): string => path.join(folder, name);
const SIZE = IMAGE.height * IMAGE.width;
const [LABELS, POOL] = [300, 10_000];

const learner = inProcessLearner();
const source = mnist(folder);
const all = readFileSync(source.pixels);
// MNIST is ordered by who wrote: without a shuffle, images of two parts of the file are not of one law.
const order = new RandomStream([60_000, 3]).shuffle(Int32Array.from({ length: source.n }, (_, i) => i));
const rows = (name: string, from: number, count: number, change = (pixels: Uint8Array) => pixels): string => {
  const pixels = new Uint8Array(count * SIZE);
  for (let i = 0; i < count; i++) {
    const row = order[from + i] as number;
    pixels.set(all.subarray(row * SIZE, (row + 1) * SIZE), i * SIZE);
  }
  writeFileSync(file(name), change(pixels));
  return file(name);
};
const shuffled = { ...source, pixels: rows('shuffled', 0, source.n) };
const sets: Record<string, { pixels: string; n: number }> = {
  pool: { pixels: rows('pool', 30_000, POOL), n: POOL },
  fresh: { pixels: rows('fresh', 40_000, 12_000), n: 12_000 },
  moved: { pixels: rows('moved', 52_000, 2000, (pixels) => otherCamera(pixels, 1)), n: 2000 },
  moved2: { pixels: rows('moved2', 52_000, 2000, (pixels) => otherCamera(pixels, 2)), n: 2000 },
  inverted: { pixels: rows('inverted', 52_000, 2000, (pixels) => pixels.map((v) => 255 - v)), n: 2000 },
  turned: await turned(folder, shuffled, 52_000, 2000),
  ...(values.csv ? { optdigits: await optdigits(folder, values.csv) } : {}),
};

for (const seed of values.seeds.split(',').map(Number)) {
  const name = `${values.student}-${seed}`;
  const model = file(`model-${name}`);
  if (!existsSync(model)) await train(seed, model);
  for (const [set, { pixels, n }] of Object.entries(sets)) {
    const output = file(`${set}.${name}`);
    if (existsSync(output)) continue;
    await learner.sample({
      ...{ kind: 'sample', models: [model], posterior: 'mc-dropout', pixels, count: n, offset: 0 },
      ...{ passes: 10, sequential: null, seed: deriveSeed(seed, 'sample'), precision: 'float32', output },
    });
  }
  process.stdout.write(`${name} done\n`);
}
await learner.close();

async function train(seed: number, output: string): Promise<void> {
  const chosen = balanced(source.labels, [...order.subarray(0, 30_000)], LABELS, new RandomStream([seed, 1]));
  const items = chosen.map((row) => ({ shard: 0, row, label: source.labels[row] as number, human: true }));
  const student = values.student as 'consistency' | 'augmented';
  const asked = { network: 'compact', student, image: IMAGE, round: 1, items: items.length, pool: POOL } as const;
  await learner.train({
    ...{ kind: 'train', model: specOf('compact', IMAGE, CLASSES, 1), seed: [seed, 2], validation: null },
    recipe: { ...recipeOf({ ...asked, precision: 'float32' }), steps: Number(values.steps) },
    ...{ shards: [source.pixels], items: writeItems(file(`items-${seed}`), items) },
    unlabelled: student === 'consistency' ? [file('pool')] : [],
    ...{ initial: null, anchors: null, resume: null, output, checkpoint: file('checkpoint'), checkpointSeconds: 1e6 },
  });
}

/** Moved by `by` pixels both ways, and noise of 12 grey levels. */
function otherCamera(pixels: Uint8Array, by: number): Uint8Array {
  const random = new RandomStream([by, 77]);
  const { width, height } = IMAGE;
  return pixels.map((_, i) => {
    const [x, y, image] = [i % width, Math.floor(i / width) % height, Math.floor(i / SIZE)];
    const inside = x >= by && y >= by;
    const value = inside ? (pixels[image * SIZE + (y - by) * width + x - by] as number) : 0;
    return Math.min(255, Math.max(0, Math.round(value + 12 * random.normal())));
  });
}
