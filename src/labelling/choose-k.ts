import { deriveSeed, RandomStream } from '../contracts/random.js';
import type { SeedPair } from '../contracts/learner.js';
import { assign, fitKMeans } from './kmeans.js';
import type { Centroids, KMeansOptions } from './kmeans.js';
import type { Rows } from './rows.js';

/** Numbers of clusters that are tried, in clusters a class. */
const PER_CLASS = [1, 1.5, 2, 3, 4, 6, 8, 10];
/** A number of clusters serves whose squared distances are at most so many times those of the best number. */
const ENOUGH = 4 / 3;
/** Rows that a cluster is fitted to on average, at least: centroids of fewer follow chance. */
const LEAST_ROWS = 20;

export interface ChosenK {
  k: number;
  /** Mean squared distance to the nearest centroid in rows not fitted to, at each k that was tried; ascending in k. */
  criterion: { k: number; value: number }[];
}

/**
 * How many clusters serve: the fewest, of one to ten a class, whose squared distances are at most a third above the least.
 *
 * Rows are parted in two halves at random; either half's distances are to centroids that were fitted to the other, as in
 * rows that are fitted to, more clusters always come nearer. It is the elbow of the inertia. On mixtures it finds the number of groups, on
 * latents of a trained network about three a class, where clusters stop getting purer; where rows have no groups it
 * takes one a class. What other criteria chose stands in docs/decisions.md.
 *
 * @param sample rows; no more clusters than a fortieth of their number are tried, but for one a class. 20,000 serve up to 500
 * @param classes of the dataset
 * @param key e.g. deriveSeed(seed, 'cluster', round)
 * @throws SHAPE_MISMATCH without rows
 * Source: after Thorndike 1953, "Who belongs in the family?" (Psychometrika 18); halves and the third are ours.
 */
export async function chooseK(
  sample: Rows,
  classes: number,
  key: Readonly<SeedPair>,
  options: KMeansOptions = {},
): Promise<ChosenK> {
  const [a, b] = halve(sample, key);
  const most = Math.max(classes, Math.floor(sample.n / (2 * LEAST_ROWS)));
  const within = (k: number): number => Math.max(1, Math.min(Math.round(k), most, b.n));
  const tried = [...new Set(PER_CLASS.map((times) => within(times * classes)))].sort((x, y) => x - y);

  const criterion: ChosenK['criterion'] = [];
  for (const k of tried) {
    const ofB = await fitKMeans(b, k, deriveSeed(key, 'clusterCount', 2 * k), options);
    // A single row leaves the other half empty.
    const ofA = a.n === 0 ? ofB : await fitKMeans(a, k, deriveSeed(key, 'clusterCount', 2 * k + 1), options);
    const value = a.n === 0 ? 0 : ((await meanSquare(a, ofB)) + (await meanSquare(b, ofA))) / 2;
    criterion.push({ k, value });
  }
  const enough = ENOUGH * Math.min(...criterion.map(({ value }) => value));
  return { k: criterion.find(({ value }) => value <= enough)!.k, criterion };
}

async function meanSquare(rows: Rows, centroids: Centroids): Promise<number> {
  const { distance } = await assign(rows, centroids);
  return distance.reduce((sum, d) => sum + d * d, 0) / rows.n;
}

function halve({ data, n, width }: Rows, key: Readonly<SeedPair>): [Rows, Rows] {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  new RandomStream(deriveSeed(key, 'clusterCount')).shuffle(order);
  const take = (positions: Int32Array): Rows => {
    const half = new Float32Array(positions.length * width);
    positions.forEach((row, i) => half.set(data.subarray(row * width, (row + 1) * width), i * width));
    return { data: half, n: positions.length, width };
  };
  return [take(order.subarray(0, n >> 1)), take(order.subarray(n >> 1))];
}
