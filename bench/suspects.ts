import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { labelClusters } from '../src/activities/clusters/records.js';
import type { HumanLabel } from '../src/activities/clusters/people.js';
import type { Placed } from '../src/activities/clusters/place.js';
import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { isConfident } from '../src/labelling/cluster-labels.js';
import { assign, fitKMeans } from '../src/labelling/kmeans.js';
import { outlierRadii } from '../src/labelling/outliers.js';
import { CLASSES } from './data.js';
import { latents, meanOf, mnist, student } from './latents.js';
import { table, writeTable } from './table.js';

/*
 * How many of the labels that were typed wrong the list of suspects has, and how many that were right: MNIST, 500 labels of which
 * 300 train and 200 calibrate, 25 changed to another class at random.
 *
 *     node dist/bench/suspects.js --seeds 1,2,3 --out suspects.jsonl    one line a seed; those in the file are not run again
 *     node dist/bench/suspects.js --out suspects.jsonl --table          their table, into docs/benchmarks.md
 */
const [TRAIN, CALIBRATION, FLIPPED] = [300, 200, 25];
const LABELLED = TRAIN + CALIBRATION;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    steps: { type: 'string', default: '1200' },
    pool: { type: 'string', default: '3000' },
    passes: { type: 'string', default: '20' },
    out: { type: 'string', default: 'suspects.jsonl' },
    table: { type: 'boolean', default: false },
  },
});

interface Count {
  flipped: number;
  innocent: number;
}
interface Line {
  seed: number;
  /** Flipped labels of the part. */
  train: { of: number; listed: Record<string, Count> };
  calibration: { of: number; listed: Record<string, Count> };
}

const methods = ['model', 'cluster', 'both'] as const;

async function run(seed: number): Promise<Line> {
  const pool = Number(values.pool);
  const random = new RandomStream(deriveSeed(seed, 'split'));
  const order = random.shuffle(Array.from({ length: 60_000 }, (_, i) => i)).slice(0, LABELLED + pool);
  const digits = mnist(order);
  const said = digits.labels.slice(0, LABELLED);
  const flipped = new Set(random.shuffle(Array.from({ length: LABELLED }, (_, i) => i)).slice(0, FLIPPED));
  for (const i of flipped) said[i] = ((said[i] as number) + 1 + random.integer(CLASSES - 1)) % CLASSES;

  const taught = await student(mnist(order.slice(0, TRAIN)), said.subarray(0, TRAIN), {
    seed,
    steps: Number(values.steps),
  });
  const all = latents(taught.model, digits, Number(values.passes));
  taught.dispose();
  const p = meanOf(all);
  const of = (i: number) => {
    const row = p.subarray(i * CLASSES, (i + 1) * CLASSES);
    return { row, predicted: row.indexOf(Math.max(...row)) };
  };
  const rows = (from: number, n: number) => ({
    ...{ data: all.features.subarray(from * all.width, (from + n) * all.width), n, width: all.width },
  });
  const centroids = await fitKMeans(rows(LABELLED, pool), 3 * CLASSES, deriveSeed(seed, 'cluster'));
  const places = await assign(rows(0, LABELLED), centroids);
  const placed: Placed = {
    ...(await assign(rows(LABELLED, pool), centroids)),
    taught: new Int16Array(pool),
    answered: [],
    probabilities: [],
  };
  for (let i = 0; i < pool; i++) {
    const { row, predicted } = of(LABELLED + i);
    placed.taught[i] = isConfident(row[predicted] as number) ? predicted : -1;
  }
  const people = Array.from({ length: LABELLED }, (_, i): HumanLabel => {
    const { row, predicted } = of(i);
    const label = said[i] as number;
    return {
      ...{ id: String(i), name: String(i), label, predicted, probability: row[predicted] as number },
      ...{ credit: row[label] as number, cluster: places.cluster[i] as number, distance: places.distance[i] as number },
      learnt: i < TRAIN,
      teaches: i < TRAIN,
    };
  });
  const radii = outlierRadii(placed, centroids.k);
  // A model that denies all shows what the clusters alone say.
  const deniers = people.map((each) => ({ ...each, learnt: false, predicted: CLASSES }));
  const listed = {
    model: people.filter(({ label, predicted }) => label !== predicted),
    cluster: labelClusters(placed, deniers, radii, CLASSES).suspects,
    both: labelClusters(placed, people, radii, CLASSES).suspects,
  };
  const part = (takes: (i: number) => boolean) => ({
    of: [...flipped].filter(takes).length,
    listed: Object.fromEntries(
      methods.map((method) => {
        const ids = listed[method].map(({ id }) => Number(id)).filter(takes);
        const hits = ids.filter((i) => flipped.has(i)).length;
        return [method, { flipped: hits, innocent: ids.length - hits }];
      }),
    ),
  });
  const wrong = Array.from({ length: pool }, (_, i) => of(LABELLED + i).predicted !== digits.labels[LABELLED + i]);
  console.error(`seed ${seed}: ${wrong.filter(Boolean).length} of ${pool} pool images are told wrong`);
  return { seed, train: part((i) => i < TRAIN), calibration: part((i) => i >= TRAIN) };
}

const lines = existsSync(values.out)
  ? readFileSync(values.out, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
  : [];
if (values.table) {
  const sum = (each: (line: Line) => number): number => lines.reduce((total, line) => total + each(line), 0);
  const row = (name: string, method: string): string[] => [
    name,
    ...(['train', 'calibration'] as const).flatMap((part) => [
      `${sum((line) => line[part].listed[method]?.flipped ?? 0)} of ${sum((line) => line[part].of)}`,
      String(sum((line) => line[part].listed[method]?.innocent ?? 0)),
    ]),
  ];
  const head = ['denied by', 'wrong, trained on', 'right, trained on', 'wrong, calibration', 'right, calibration'];
  writeTable(
    'suspects',
    table(head, [row('the model', 'model'), row('the cluster', 'cluster'), row('both: the list', 'both')]),
  );
} else {
  const known = new Set(lines.map(({ seed }) => seed));
  for (const seed of values.seeds
    .split(',')
    .map(Number)
    .filter((each) => !known.has(each))) {
    const line = await run(seed);
    appendFileSync(values.out, `${JSON.stringify(line)}\n`);
    console.log(JSON.stringify(line));
  }
}
