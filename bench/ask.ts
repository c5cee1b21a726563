import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { bald, batchBald, highest } from '../src/labelling/acquisition.js';
import { ClusterVotes } from '../src/labelling/cluster-labels.js';
import { assign, fitKMeans } from '../src/labelling/kmeans.js';
import { isOutlier, outlierRadii } from '../src/labelling/outliers.js';
import { representatives } from '../src/labelling/representatives.js';
import { kCentre } from './core-set.js';
import { CLASSES } from './data.js';
import { latents, meanOf, mnist, optdigits, student } from './latents.js';
import { table, writeTable } from './table.js';
import type { Assignment } from '../src/labelling/kmeans.js';
import type { Latents } from './latents.js';

/*
 * Whom to ask, where an answer labels a cluster: labels that are right after so many answers, of a model that learnt from 500 MNIST
 * digits, on other MNIST digits and on optical digits (another domain).
 *
 *     node dist/bench/ask.js --optdigits digits.csv.gz --seeds 1,2,3 --out ask.jsonl    those in the file are not run again
 *     node dist/bench/ask.js --out ask.jsonl --table                                    their table, into docs/benchmarks.md
 *
 * All see the same features, clusters and answers (the truth); each image of a cluster gets the cluster's label, where the
 * posterior of the answers in it gives one.
 */
const ANSWERS = [10, 20, 50, 100];
const MOST = Math.max(...ANSWERS);
/** Answers between two looks at what they say of the clusters. */
const BATCH = 10;
const LABELLED = 500;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    steps: { type: 'string', default: '1200' },
    pool: { type: 'string', default: '2000' },
    passes: { type: 'string', default: '20' },
    clusters: { type: 'string', default: '30,100' },
    optdigits: { type: 'string' },
    out: { type: 'string', default: 'ask.jsonl' },
    table: { type: 'boolean', default: false },
  },
});

interface Line {
  seed: number;
  data: string;
  clusters: number;
  method: string;
  answers: number;
  /** Shares of the pool. */
  right: number;
  wrong: number;
}

interface Pool {
  all: Latents;
  truth: Uint8Array;
  placed: Assignment;
  radii: Float64Array;
}

/** What the answers about some positions make of the pool. */
function outcome({ placed, radii, truth }: Pool, asked: readonly number[]): { right: number; wrong: number } {
  const votes = new ClusterVotes(radii.length, CLASSES);
  for (const i of asked) votes.person(placed.cluster[i] as number, truth[i] as number);
  const labels = Array.from(radii, (_, c) => votes.posterior(c).label);
  let [right, wrong] = [0, 0];
  truth.forEach((label, i) => {
    const given = labels[placed.cluster[i] as number] as number;
    if (given === label) right++;
    else if (given >= 0) wrong++;
  });
  return { right: right / truth.length, wrong: wrong / truth.length };
}

/** Clusters by batches of answers: what was said is known when the next are chosen. */
function byClusters({ placed, radii, truth }: Pool, seed: number): number[] {
  const n = truth.length;
  const inside = Uint8Array.from(truth, (_, i) =>
    isOutlier(placed.cluster[i] as number, placed.distance[i] as number, radii) ? 0 : 1,
  );
  const askable = inside.slice();
  const group = new Int32Array(n).fill(-1);
  const votes = new ClusterVotes(radii.length, CLASSES);
  const squares = new Float64Array(radii.length);
  const [sizes, labelled] = [new Int32Array(radii.length), new Int32Array(radii.length)];
  placed.cluster.forEach((c, i) => {
    sizes[c]!++;
    squares[c]! += (placed.distance[i] as number) ** 2;
  });
  const asked: number[] = [];
  while (asked.length < MOST) {
    const clusters = Array.from(radii, (_, c) => {
      const { label, probability } = votes.posterior(c);
      const spread = Math.sqrt((squares[c] as number) / Math.max(1, sizes[c] as number));
      return { label, probability, labelled: labelled[c] as number, spread };
    });
    const pool = { cluster: placed.cluster, distance: placed.distance, open: inside, askable, group };
    const batch = representatives(pool, clusters, { limit: BATCH, seed: deriveSeed(seed, 'choose', asked.length) });
    if (batch.length === 0) return asked;
    for (const i of batch) {
      askable[i] = 0;
      votes.person(placed.cluster[i] as number, truth[i] as number);
      labelled[placed.cluster[i] as number]!++;
    }
    asked.push(...batch);
  }
  return asked;
}

function entropies(all: Latents): Float64Array {
  const p = meanOf(all);
  return Float64Array.from({ length: all.n }, (_, i) => {
    const row = p.subarray(i * CLASSES, (i + 1) * CLASSES);
    return row.reduce((sum, value) => (value > 0 ? sum - value * Math.log(value) : sum), 0);
  });
}

const METHODS: Record<string, (pool: Pool, seed: number) => number[]> = {
  clusters: byClusters,
  random: ({ truth }, seed) =>
    new RandomStream(deriveSeed(seed, 'acquire')).shuffle(Array.from(truth, (_, i) => i)).slice(0, MOST),
  'k-centre': ({ all }) => kCentre({ data: all.features, n: all.n, width: all.width }, MOST),
  entropy: ({ all }) => highest(entropies(all), MOST),
  BALD: ({ all }) => highest(bald(all), MOST),
  BatchBALD: ({ all }, seed) => batchBald(all, { size: MOST, key: deriveSeed(seed, 'acquire'), outcomes: 1000 }).items,
};

async function run(seed: number): Promise<void> {
  const random = new RandomStream(deriveSeed(seed, 'split'));
  const order = random.shuffle(Array.from({ length: 60_000 }, (_, i) => i));
  const labelled = mnist(order.slice(0, LABELLED));
  const taught = await student(labelled, labelled.labels, { seed, steps: Number(values.steps) });
  const sets = {
    mnist: mnist(order.slice(LABELLED, LABELLED + Number(values.pool))),
    ...(values.optdigits ? { optdigits: optdigits(values.optdigits) } : {}),
  };
  for (const [data, digits] of Object.entries(sets)) {
    const all = latents(taught.model, digits, Number(values.passes));
    const p = meanOf(all);
    const hits = digits.labels.filter((label, i) => {
      const row = p.subarray(i * CLASSES, (i + 1) * CLASSES);
      return row.indexOf(Math.max(...row)) === label;
    });
    console.error(`seed ${seed}, ${data}: the model tells ${((100 * hits.length) / digits.n).toFixed(1)} %`);
    for (const clusters of values.clusters.split(',').map(Number)) {
      const features = { data: all.features, n: all.n, width: all.width };
      const centroids = await fitKMeans(features, clusters, deriveSeed(seed, 'cluster'));
      const placed = await assign(features, centroids);
      const pool: Pool = { all, truth: digits.labels, placed, radii: outlierRadii(placed, centroids.k) };
      console.error(
        `  ${clusters} clusters, ${(100 * purity(pool)).toFixed(1)} % of the images of their cluster's class`,
      );
      for (const [method, choose] of Object.entries(METHODS)) {
        const asked = choose(pool, seed);
        for (const answers of ANSWERS) {
          const line: Line = { seed, data, clusters, method, answers, ...outcome(pool, asked.slice(0, answers)) };
          appendFileSync(values.out, `${JSON.stringify(line)}\n`);
        }
      }
    }
  }
  taught.dispose();
}

/** What labels of all images would make of the pool, without a posterior's reserve. */
function purity({ placed, radii, truth }: Pool): number {
  const counts = Array.from(radii, () => new Array<number>(CLASSES).fill(0));
  placed.cluster.forEach((c, i) => counts[c]![truth[i] as number]!++);
  return counts.reduce((sum, each) => sum + Math.max(...each), 0) / truth.length;
}

function tables(lines: readonly Line[]): string {
  const mean = (of: readonly Line[], each: (line: Line) => number): number =>
    of.reduce((sum, line) => sum + each(line), 0) / of.length;
  const percent = (share: number): string => (100 * share).toFixed(1);
  const kinds = [...new Set(lines.map(({ data, clusters }) => `${data}, ${clusters} clusters`))];
  return kinds
    .map((kind) => {
      const of = lines.filter(({ data, clusters }) => `${data}, ${clusters} clusters` === kind);
      const rows = Object.keys(METHODS).map((method) => [
        method,
        ...ANSWERS.map((answers) => {
          const cell = of.filter((line) => line.method === method && line.answers === answers);
          return `${percent(mean(cell, ({ right }) => right))} (${percent(mean(cell, ({ wrong }) => wrong))})`;
        }),
      ]);
      return table([kind, ...ANSWERS.map((answers) => `${answers} answers`)], rows);
    })
    .join('\n\n');
}

const lines = existsSync(values.out)
  ? readFileSync(values.out, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
  : [];
if (values.table) writeTable('ask', tables(lines));
else {
  const known = new Set(lines.map(({ seed }) => seed));
  for (const seed of values.seeds.split(',').map(Number)) if (!known.has(seed)) await run(seed);
}
