import { RandomStream } from '../contracts/random.js';
import type { SeedPair } from '../contracts/learner.js';
import { labellingErrors } from './errors.js';
import { initialise } from './kmeans-start.js';
import { LEFT, products, RIGHT } from './products.js';
import { normalise, pacer, squaredDistance } from './rows.js';
import type { Pause, Rows } from './rows.js';

export type { Rows } from './rows.js';

/** `data` is [k, width]: means of L2-normalised rows. */
export interface Centroids {
  data: Float32Array;
  k: number;
  width: number;
}

export interface Assignment {
  /** Nearest centroid, [n]. */
  cluster: Int32Array;
  /** Euclidean distance of the normalised row to it, [n], 0 to 2. */
  distance: Float32Array;
}

export interface KMeansOptions {
  /** Lloyd iterations at most; 50 by default: features of a trained network settle in 10 to 30. */
  maxIterations?: number;
  /** Called after each iteration; what it rejects with ends the fit (cancellation). */
  onIteration?: () => Promise<void>;
}

/** Streams under the caller's key. */
const STREAM = { initialise: 0, rows: 1 };
/** An iteration that lowers the inertia by a smaller share than this is the last. */
const TOLERANCE = 1e-4;
/**
 * Groups rows by k-means after scaling each to length 1, so that distance means angle and not activation strength.
 * Greedy k-means++ start, Lloyd iterations; an empty cluster starts anew at the row farthest from its centroid.
 * Deterministic for (rows, k, key), however it is interleaved with other work.
 *
 * @param sample rows to fit on; not changed. `sampleRows` picks them from a large pool
 * @param k clusters wanted; fewer come out where there are fewer distinct rows
 * @param key e.g. deriveSeed(seed, 'cluster', round)
 * @throws SHAPE_MISMATCH without rows, or when n * width is not the length of the data
 * Sources: Lloyd 1982; Arthur and Vassilvitskii 2007, "k-means++", section 2, with the greedy choice of their section 6.
 */
export async function fitKMeans(
  sample: Rows,
  k: number,
  key: Readonly<SeedPair>,
  { maxIterations = 50, onIteration }: KMeansOptions = {},
): Promise<Centroids> {
  if (sample.n === 0) throw labellingErrors.noFeatures();
  const rows = normalise(sample);
  const pause = pacer();
  const started = await initialise(rows, k, new RandomStream(key, STREAM.initialise), pause);
  const centroids: Centroids = { data: started.data, k: started.n, width: rows.width };

  let settled: Int32Array = new Int32Array(0);
  let before = Infinity;
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const { cluster, distance } = await nearest(rows, centroids, pause);
    const refilled = refillEmpty(cluster, distance, centroids.k);
    const means = new Means(centroids.k, rows.width);
    means.add(rows, cluster);
    means.move(centroids);
    await onIteration?.();

    const inertia = distance.reduce((sum, d) => sum + d * d, 0);
    const still = cluster.every((c, i) => c === settled[i]);
    if (still || (!refilled && before - inertia <= TOLERANCE * inertia)) break;
    settled = cluster;
    before = inertia;
  }
  return centroids;
}

/**
 * Finds each row's nearest centroid; the lower one of equally near. Rows are normalised as in `fitKMeans`.
 *
 * @throws SHAPE_MISMATCH when the widths differ
 */
export async function assign(features: Rows, centroids: Centroids): Promise<Assignment> {
  if (features.width !== centroids.width) throw labellingErrors.widthMismatch(centroids.width, features.width);
  return nearest(normalise(features), centroids, pacer());
}

/** Positions of `limit` of `n` rows, ascending, every such set equally likely; all rows where there are no more. */
export function sampleRows(n: number, limit: number, key: Readonly<SeedPair>): Int32Array {
  if (n <= limit) return Int32Array.from({ length: n }, (_, i) => i);
  const random = new RandomStream(key, STREAM.rows);
  const chosen = new Int32Array(limit);
  let count = 0;
  // Selection sampling: Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S.
  for (let i = 0; count < limit; i++) if ((n - i) * random.uniform() < limit - count) chosen[count++] = i;
  return chosen;
}

/** The nearest centroid of rows that are normalised, ranked by |c|^2 / 2 - x.c, which ranks as |x - c|^2 does. */
export async function nearest(rows: Rows, centroids: Centroids, pause: Pause): Promise<Assignment> {
  const centres = asRows(centroids);
  const halfSquares = halfSquaresOf(centroids);
  const cluster = new Int32Array(rows.n);
  const distance = new Float32Array(rows.n);
  const least = new Float64Array(LEFT);
  for (let from = 0; from < rows.n; from += LEFT) {
    const count = Math.min(LEFT, rows.n - from);
    least.fill(Infinity);
    for (let first = 0; first < centroids.k; first += RIGHT) {
      await pause();
      const others = Math.min(RIGHT, centroids.k - first);
      const product = products(rows, from, count, centres, first, others);
      takeNearer(product, count, halfSquares.subarray(first, first + others), first, cluster.subarray(from), least);
    }
    for (let i = from; i < from + count; i++) distance[i] = Math.sqrt(squaredDistance(rows, i, centres, cluster[i]!));
  }
  return { cluster, distance };
}

const asRows = ({ data, k, width }: Centroids): Rows => ({ data, n: k, width });

function halfSquaresOf({ data, k, width }: Centroids): Float64Array {
  const halfSquares = new Float64Array(k);
  for (let c = 0; c < k; c++)
    for (let j = c * width; j < (c + 1) * width; j++) halfSquares[c]! += (data[j]! * data[j]!) / 2;
  return halfSquares;
}

/** Centroids from `first` on take the rows that they are nearer to than all before them. */
function takeNearer(
  product: Float32Array,
  count: number,
  halfSquares: Float64Array,
  first: number,
  cluster: Int32Array,
  least: Float64Array,
): void {
  for (let i = 0; i < count; i++) {
    let best = least[i]!;
    let at = cluster[i]!;
    for (let c = 0; c < halfSquares.length; c++) {
      const rank = halfSquares[c]! - product[i * RIGHT + c]!;
      if (rank < best) {
        best = rank;
        at = first + c;
      }
    }
    least[i] = best;
    cluster[i] = at;
  }
}

/** Gives each empty cluster the row farthest from its centroid, out of clusters that keep another; whether there were any. */
function refillEmpty(cluster: Int32Array, distance: Float32Array, k: number): boolean {
  const sizes = new Int32Array(k);
  for (const c of cluster) sizes[c]!++;
  let refilled = false;
  for (let empty = 0; empty < k; empty++) {
    if (sizes[empty]! > 0) continue;
    let farthest = -1;
    for (let i = 0; i < cluster.length; i++) {
      const held = farthest < 0 ? 0 : distance[farthest]!;
      if (sizes[cluster[i]!]! > 1 && distance[i]! > held) farthest = i;
    }
    if (farthest < 0) continue;
    sizes[cluster[farthest]!]!--;
    sizes[empty] = 1;
    cluster[farthest] = empty;
    distance[farthest] = 0;
    refilled = true;
  }
  return refilled;
}

/** Sums over the rows of each cluster, in double precision: what a centroid is the mean of. */
export class Means {
  private readonly sums: Float64Array;
  readonly sizes: Int32Array;

  constructor(
    private readonly k: number,
    private readonly width: number,
  ) {
    this.sums = new Float64Array(k * width);
    this.sizes = new Int32Array(k);
  }

  add({ data, n }: Rows, cluster: Int32Array): void {
    const { sums, width } = this;
    for (let i = 0; i < n; i++) {
      const c = cluster[i]!;
      this.sizes[c]!++;
      const [from, to] = [i * width, c * width];
      for (let j = 0; j < width; j++) sums[to + j]! += data[from + j]!;
    }
  }

  /** Moves the centroids; one without rows stays. */
  move(centroids: Centroids): void {
    for (let c = 0; c < this.k; c++) {
      const size = this.sizes[c]!;
      if (size === 0) continue;
      for (let j = c * this.width; j < (c + 1) * this.width; j++) centroids.data[j] = this.sums[j]! / size;
    }
  }
}
