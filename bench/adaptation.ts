import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { repeats } from '../src/activities/training-items.js';
import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { decodeSafetensors, encodeSafetensors, tensorNamed } from '../src/contracts/safetensors.js';
import { balancedLabels } from '../src/labelling/balance.js';
import { assign, fitKMeans } from '../src/labelling/kmeans.js';
import { outlierRadii } from '../src/labelling/outliers.js';
import { inProcessLearner } from '../src/learner/in-process.js';
import { recipeOf, specOf } from '../src/learner/recipe.js';
import { CLASSES } from './data.js';
import { balanced, writeItems } from './moved-data.js';
import { sceneOf, SOURCE_FROM, SOURCE_POOL } from './moved-scenes.js';
import type { Recipe, SeedPair } from '../src/contracts/learner.js';
import type { Centroids } from '../src/labelling/kmeans.js';
import type { Item, Pictures } from './moved-data.js';

/*
 * How a model is best moved to another dataset: a source student of 500 MNIST labels, or of 4,000 of CIFAR-10's, a target, and
 * ways to go on.
 *
 *     node dist/bench/adaptation.js --target optdigits --data digits.csv.gz --labels 0,50 --ways 'replay,replay+agree+pull0.3'
 *     node dist/bench/adaptation.js --target coarse --data train-jpeg.tar.gz --precision bfloat16 --ways none,warm,fresh
 *
 * A way is a list of words: `warm` or fresh weights; `replay` of the source's labels; which pseudo-labels the items get
 * (`model`, `agree`, `clusters`); `pullX`, the weight of the pull to centroids; `stepsN`, `rateX`, `roundsN`.
 */
const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'optdigits' },
    /** The file that the target, or its source, is made from: optdigits as CSV, CIFAR-10 as tar. */
    data: { type: 'string', default: '' },
    folder: { type: 'string' },
    labels: { type: 'string', default: '0,10,50,200' },
    seeds: { type: 'string', default: '1' },
    ways: { type: 'string', default: 'replay' },
    steps: { type: 'string', default: '800' },
    /** Of the source's student; by default that of the target's labels too. */
    source: { type: 'string' },
    /** Steps of the source's student. */
    'source-steps': { type: 'string' },
    precision: { type: 'string', default: 'float32' },
    log: { type: 'string' },
  },
});

const PASSES = 10;
const precision = values.precision === 'bfloat16' ? values.precision : 'float32';
const folder = values.folder ?? path.join(tmpdir(), 'labelloop-adaptation');
mkdirSync(folder, { recursive: true });
const learner = inProcessLearner();
const { network, image, sourceLabels, sourceSteps, source, target } = await sceneOf(values.target, folder, {
  data: values.data,
  sourceSteps: values['source-steps'] === undefined ? null : Number(values['source-steps']),
});
const file = (name: string): string => path.join(folder, name);
let files = 0;

interface Scores {
  p: Float32Array;
  features: Float32Array;
  entropy: Float32Array;
  width: number;
  predicted: Int32Array;
}

async function score(model: string, pictures: Pictures, seed: number): Promise<Scores> {
  const output = file(`posterior-${process.pid}`);
  const { width } = await learner.sample({
    ...{
      kind: 'sample',
      models: [model],
      posterior: 'mc-dropout',
      pixels: pictures.pixels,
      count: pictures.n,
      offset: 0,
    },
    ...{ passes: PASSES, sequential: null, seed: deriveSeed(seed, 'sample'), precision, output },
  });
  const decoded = decodeSafetensors(readFileSync(output));
  const p = tensorNamed(decoded, 'p', 'F32').data;
  const predicted = Int32Array.from({ length: pictures.n }, (_, i) => {
    const row = p.subarray(i * CLASSES, (i + 1) * CLASSES);
    return row.indexOf(Math.max(...row));
  });
  return {
    ...{ p, predicted, width },
    features: tensorNamed(decoded, 'features', 'F32').data,
    entropy: tensorNamed(decoded, 'predictive_entropy', 'F32').data,
  };
}

const accuracy = (
  answers: ArrayLike<number>,
  { labels }: Pictures,
  without: ReadonlySet<number> = new Set(),
): number => {
  const rows = [...labels.keys()].filter((row) => !without.has(row));
  return rows.filter((row) => answers[row] === labels[row]).length / rows.length;
};

interface Training {
  items: Item[];
  initial?: string;
  anchors?: Centroids;
  pool: string[];
  recipe?: Partial<Recipe>;
  seed: SeedPair;
  output: string;
}

async function train({ items, initial, anchors, pool, recipe, seed, output }: Training): Promise<number> {
  const basis = recipeOf({
    ...{ network, student: 'consistency', image, round: 1, items: items.length, pool: target.n, precision },
  });
  const anchorsFile = anchors ? file(`anchors-${files++}`) : null;
  if (anchors && anchorsFile !== null)
    writeFileSync(
      anchorsFile,
      encodeSafetensors({ anchors: { dtype: 'F32', shape: [anchors.k, anchors.width], data: anchors.data } }),
    );
  const result = await learner.train({
    kind: 'train',
    model: specOf(network, image, CLASSES, 1),
    recipe: { ...basis, ...recipe },
    seed,
    shards: [source.pixels, target.pixels],
    items: writeItems(file(`items-${process.pid}`), items),
    validation: null,
    unlabelled: pool,
    initial: initial ?? null,
    anchors: anchorsFile,
    resume: null,
    output,
    checkpoint: file(`checkpoint-${process.pid}`),
    checkpointSeconds: 1e6,
  });
  return result.seconds;
}

const sourceRows = (seed: number): number[] =>
  balanced(source.labels, [...Array(SOURCE_FROM).keys()], sourceLabels, new RandomStream([seed, 1]));
const sourceItems = (seed: number): Item[] =>
  sourceRows(seed).map((row) => ({ shard: 0, row, label: source.labels[row] as number, human: true }));

function sourcePool(): string {
  const size = image.height * image.width * image.channels;
  const pool = file(`source-pool-${network}`);
  if (!existsSync(pool))
    writeFileSync(pool, readFileSync(source.pixels).subarray(SOURCE_FROM * size, (SOURCE_FROM + SOURCE_POOL) * size));
  return pool;
}

/** As `labelloop run` leaves it after its first round. */
async function sourceModel(seed: number): Promise<string> {
  const output = file(`source-${network}-${sourceSteps}-${seed}`);
  if (existsSync(output)) return output;
  const pool = sourcePool();
  const seconds = await train({
    items: sourceItems(seed),
    pool: [pool],
    recipe: { steps: sourceSteps },
    seed: [seed, 2],
    output,
  });
  const { predicted } = await score(output, { pixels: pool, n: SOURCE_POOL, labels: source.labels }, seed);
  note({
    way: 'source',
    seed,
    seconds,
    ownAccuracy: accuracy(predicted, {
      ...source,
      labels: source.labels.slice(SOURCE_FROM, SOURCE_FROM + SOURCE_POOL),
    }),
  });
  return output;
}

function note(record: Record<string, unknown>): void {
  const line = JSON.stringify(record, (_, value: unknown) =>
    typeof value === 'number' ? Number(value.toFixed(4)) : value,
  );
  process.stdout.write(`${line}\n`);
  if (values.log !== undefined) writeFileSync(values.log, `${line}\n`, { flag: 'a' });
}

interface Grouping {
  centroids: Centroids;
  cluster: Int32Array;
  distance: Float32Array;
  radii: Float64Array;
  /** Class of each cluster, -1 where open. */
  label: number[];
}

/** Most certain share of the images whose predictions vote on the clusters' labels. */
const CONFIDENT = 0.5;
/** Posterior share that a cluster's class needs. */
const PURE = 0.6;
/** What a person's label counts, beside a confident prediction. */
const HUMAN_VOTES = 20;

async function group(
  scores: Scores,
  human: ReadonlyMap<number, number>,
  seed: number,
  balanced: boolean,
): Promise<Grouping> {
  const rows = { data: scores.features, n: target.n, width: scores.width };
  const k = Math.min(8 * CLASSES, Math.floor(target.n / 20));
  const centroids = await fitKMeans(rows, k, deriveSeed(seed, 'cluster'));
  const { cluster, distance } = await assign(rows, centroids);
  const radii = outlierRadii({ cluster, distance }, centroids.k);
  const limit = [...scores.entropy].sort((a, b) => a - b)[Math.floor(CONFIDENT * target.n)] as number;
  const votes = Array.from({ length: centroids.k }, () => new Float64Array(CLASSES).fill(0.5));
  const vote = (row: number, label: number, weight: number): void => {
    const of = votes[cluster[row] as number] as Float64Array;
    of[label] = (of[label] as number) + weight;
  };
  for (let row = 0; row < target.n; row++) {
    const known = human.get(row);
    if (known !== undefined) vote(row, known, HUMAN_VOTES);
    else if ((scores.entropy[row] as number) <= limit) vote(row, scores.predicted[row] as number, 1);
  }
  if (balanced) return { centroids, cluster, distance, radii, label: balance(scores, cluster, centroids.k) };
  const label = votes.map((of) => {
    const most = Math.max(...of);
    return most / of.reduce((a, b) => a + b) >= PURE ? of.indexOf(most) : -1;
  });
  return { centroids, cluster, distance, radii, label };
}

/** Labels of clusters such that classes have equal shares of the images: what no label of the target tells. */
function balance({ p }: Scores, cluster: Int32Array, k: number): number[] {
  const sizes = new Array<number>(k).fill(0);
  const sums = Array.from({ length: k }, () => new Array<number>(CLASSES).fill(0));
  cluster.forEach((of, row) => {
    sizes[of] = (sizes[of] as number) + 1;
    const sum = sums[of] as number[];
    for (let c = 0; c < CLASSES; c++) sum[c] = (sum[c] as number) + (p[row * CLASSES + c] as number);
  });
  const means = sums.map((sum, of) => sum.map((value) => value / Math.max(1, sizes[of] as number)));
  return balancedLabels(means, sizes, new Array<number>(CLASSES).fill(1 / CLASSES)).map(({ label }) => label);
}

/** Pseudo-labels of the target: row -> label. */
function pseudoLabels(
  rule: string,
  scores: Scores,
  groups: Grouping,
  human: ReadonlyMap<number, number>,
): Map<number, number> {
  const found = new Map<number, number>();
  const limit = [...scores.entropy].sort((a, b) => a - b)[Math.floor(CONFIDENT * target.n)] as number;
  for (let row = 0; row < target.n; row++) {
    if (human.has(row)) continue;
    const of = groups.cluster[row] as number;
    const label = groups.label[of] as number;
    const near = (groups.distance[row] as number) <= (groups.radii[of] as number);
    const predicted = scores.predicted[row] as number;
    if (rule === 'clusters' && label >= 0 && near) found.set(row, label);
    if (rule === 'agree' && label >= 0 && near && label === predicted) found.set(row, label);
    if (rule === 'sure' && label === predicted && near && (scores.entropy[row] as number) <= limit)
      found.set(row, label);
    if (rule === 'model' && (scores.entropy[row] as number) <= limit) found.set(row, predicted);
  }
  return found;
}

/** Share of the images that the best cut-off on the entropy takes at a label error. */
function coverageAt(error: number, { entropy, predicted }: Scores, without: ReadonlySet<number>): number {
  const rows = [...entropy.keys()].filter((row) => !without.has(row));
  rows.sort((a, b) => (entropy[a] as number) - (entropy[b] as number));
  let [wrong, most] = [0, 0];
  rows.forEach((row, i) => {
    if (predicted[row] !== target.labels[row]) wrong++;
    if (wrong <= error * (i + 1)) most = i + 1;
  });
  return most / rows.length;
}

const numberAfter = (words: readonly string[], name: string): number | undefined => {
  const word = words.find(
    (w) => w.startsWith(name) && w.length > name.length && !Number.isNaN(Number(w.slice(name.length))),
  );
  return word === undefined ? undefined : Number(word.slice(name.length));
};

/** How a student learns, where a way says so: from the pool, and from how distorted images. */
function learning(words: readonly string[]): Partial<Recipe> {
  const basis = recipeOf({
    ...{ network, student: words.includes('aug') ? 'augmented' : 'consistency', image, round: 1 },
    ...{ items: 1, pool: target.n, precision, steps: numberAfter(words, 'steps') ?? Number(values.steps) },
  });
  const wide = numberAfter(words, 'wide');
  const weak = basis.weak && wide !== undefined ? { ...basis.weak, shift: 0.1, rotation: 30, scale: wide } : basis.weak;
  if (!basis.consistency) return { ...basis, weak };
  const thresholds = words.includes('free') ? 'freematch' : words.includes('flex') ? 'flexmatch' : 'fixed';
  const threshold = numberAfter(words, 'tau') ?? basis.consistency.threshold;
  const aligned = words.includes('align') ? { aligned: true as const } : {};
  return { weak, consistency: { ...basis.consistency, ...aligned, thresholds, threshold } };
}

async function go(way: string, labels: number, seed: number): Promise<void> {
  const words = way.split('+');
  const rows = balanced(target.labels, [...target.labels.keys()], labels, new RandomStream([seed, 3]));
  const human = new Map(rows.map((row) => [row, target.labels[row] as number]));
  const without = new Set(rows);
  const known = values.source === undefined ? seed : Number(values.source);
  const before = await sourceModel(known);
  let scores = await score(before, target, seed);
  const base = accuracy(scores.predicted, target, without);
  let groups = await group(scores, human, seed, words.includes('balanced'));
  const report = (round: number, seconds: number, pseudo: ReadonlyMap<number, number>): void => {
    const answers = Int32Array.from(groups.cluster, (c) => groups.label[c] as number);
    const given = [...answers.keys()].filter((row) => answers[row] !== -1 && !without.has(row));
    note({
      ...{ target: values.target, labels, seed, source: known, way, round, seconds, before: base },
      accuracy: accuracy(scores.predicted, target, without),
      clusters: accuracy(answers, target, without),
      clustersLabelled: given.length / (target.n - without.size),
      clustersRight: given.filter((row) => answers[row] === target.labels[row]).length / given.length,
      coverageAt2: coverageAt(0.02, scores, without),
      pseudo: pseudo.size / target.n,
      pseudoRight: [...pseudo].filter(([row, label]) => label === target.labels[row]).length / Math.max(1, pseudo.size),
    });
  };
  const rule = ['model', 'agree', 'clusters', 'sure'].find((name) => words.includes(name)) ?? 'none';
  if (words.includes('none')) return report(0, 0, pseudoLabels('agree', scores, groups, human));
  const replay = words.includes('replay');
  const pull = numberAfter(words, 'pull');
  // A few labels of the target would drown among those of the source: they are repeated up to as many.
  const repeat = replay ? repeats(labels, sourceLabels) : 1;
  let model = before;
  for (let round = 1; round <= (numberAfter(words, 'rounds') ?? 1); round++) {
    const pseudo = pseudoLabels(round === 1 && words.includes('late') ? 'none' : rule, scores, groups, human);
    const anchorOf = (row: number, label: number): { anchor?: number } => {
      const of = groups.cluster[row] as number;
      return groups.label[of] === label ? { anchor: of } : {};
    };
    const items: Item[] = [
      ...(replay ? sourceItems(known) : []),
      ...rows.flatMap((row) =>
        Array.from({ length: repeat }, () => ({
          ...{ shard: 1, row, label: target.labels[row] as number, human: true },
          ...anchorOf(row, target.labels[row] as number),
        })),
      ),
      ...[...pseudo].map(([row, label]) => ({ shard: 1, row, label, human: false, ...anchorOf(row, label) })),
    ];
    const pulled = pull !== undefined && pseudo.size > 0;
    const training: Omit<Training, 'output'> = {
      items,
      pool: words.includes('both') ? [target.pixels, sourcePool()] : [target.pixels],
      seed: [seed, 10 + round],
      ...(words.includes('warm') ? { initial: model } : {}),
      ...(pulled ? { anchors: groups.centroids } : {}),
      recipe: {
        steps: numberAfter(words, 'steps') ?? Number(values.steps),
        ...(numberAfter(words, 'rate') === undefined ? {} : { learningRate: numberAfter(words, 'rate') as number }),
        ...(pulled ? { pull } : {}),
        ...learning(words),
      },
    };
    // Ways that begin alike share what they have in common.
    const output = file(`model-${createHash('sha256').update(JSON.stringify(training)).digest('hex').slice(0, 16)}`);
    const seconds = existsSync(output) ? 0 : await train({ ...training, output });
    model = output;
    scores = await score(model, target, seed);
    groups = await group(scores, human, seed, words.includes('balanced'));
    report(round, seconds, pseudo);
  }
}

for (const seed of values.seeds.split(',').map(Number))
  for (const labels of values.labels.split(',').map(Number))
    for (const way of values.ways.split(',')) await go(way, labels, seed);
await learner.close();
