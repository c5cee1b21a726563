import { performance } from 'node:perf_hooks';
import { setImmediate as nextMacrotask } from 'node:timers/promises';
import { RandomStream } from '../contracts/random.js';
import type { SeedPair } from '../contracts/learner.js';
import { labellingErrors } from './errors.js';

/** Feature vectors: `data` is [n, width], row after row. */
export interface Rows {
  data: Float32Array;
  n: number;
  width: number;
}

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
/** Milliseconds of work between two macrotasks: heartbeats and cancellation run in them. */
const SLICE_MS = 40;
/** Multiplications between two looks at the clock, about 2 ms. */
const BATCH = 2_000_000;

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
  const centroids = await initialise(rows, k, new RandomStream(key, STREAM.initialise), pause);

  let settled: Int32Array = new Int32Array(0);
  let before = Infinity;
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const { cluster, distance } = await nearest(rows, centroids, pause);
    const refilled = refillEmpty(cluster, distance, centroids.k);
    moveToMeans(rows, cluster, centroids);
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

/** Rows scaled to length 1; a row of zeros stays. */
export function normalise({ data, n, width }: Rows): Rows {
  if (data.length !== n * width) throw labellingErrors.rowsMismatch(n, width, data.length);
  const scaled = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += width) {
    let square = 0;
    for (let j = start; j < start + width; j++) square += data[j]! * data[j]!;
    const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let j = start; j < start + width; j++) scaled[j] = data[j]! * scale;
  }
  return { data: scaled, n, width };
}

type Pause = () => Promise<void> | undefined;

/** Lets other macrotasks run whenever a slice of time is used up. */
function pacer(): Pause {
  let last = performance.now();
  return () => {
    if (performance.now() - last < SLICE_MS) return undefined;
    return nextMacrotask().then(() => {
      last = performance.now();
    });
  };
}

function squaredDistance(rows: Rows, row: number, other: Float32Array, otherRow: number): number {
  const { data, width } = rows;
  const a = row * width;
  const b = otherRow * width;
  let sum = 0;
  for (let j = 0; j < width; j++) {
    const difference = data[a + j]! - other[b + j]!;
    sum += difference * difference;
  }
  return sum;
}

/** Greedy k-means++: of 2 + ln k rows drawn by squared distance, the one that lowers the inertia most. */
async function initialise(rows: Rows, k: number, random: RandomStream, pause: Pause): Promise<Centroids> {
  const { data, n, width } = rows;
  const chosen = [random.integer(n)];
  const step = Math.max(1, Math.floor(BATCH / width));
  /** Squared distance of each row to the nearest chosen one, were `row` chosen too. */
  const withRow = async (row: number, closest: Float64Array): Promise<{ closest: Float64Array; inertia: number }> => {
    const result = new Float64Array(n);
    let inertia = 0;
    for (let i = 0; i < n; i++) {
      if (i % step === 0) await pause();
      inertia += result[i] = Math.min(closest[i]!, squaredDistance(rows, i, data, row));
    }
    return { closest: result, inertia };
  };

  let best = await withRow(chosen[0]!, new Float64Array(n).fill(Infinity));
  const trials = 2 + Math.floor(Math.log(k));
  while (chosen.length < k && best.inertia > 0) {
    const candidates: { row: number; closest: Float64Array; inertia: number }[] = [];
    for (let trial = 0; trial < trials; trial++) {
      const row = draw(best.closest, best.inertia * random.uniform());
      candidates.push({ row, ...(await withRow(row, best.closest)) });
    }
    const winner = candidates.reduce((a, b) => (b.inertia < a.inertia ? b : a));
    chosen.push(winner.row);
    best = winner;
  }
  const centroids = new Float32Array(chosen.length * width);
  chosen.forEach((row, c) => centroids.set(data.subarray(row * width, (row + 1) * width), c * width));
  return { data: centroids, k: chosen.length, width };
}

/** The row at which the running sum of the weights passes `target`, which is below their sum in this order. */
function draw(weights: Float64Array, target: number): number {
  let sum = 0;
  return weights.findIndex((weight) => (sum += weight) > target);
}

async function nearest(rows: Rows, centroids: Centroids, pause: Pause): Promise<Assignment> {
  const { data, n, width } = rows;
  const { data: centres, k } = centroids;
  const halfSquares = new Float64Array(k);
  for (let c = 0; c < k; c++) {
    for (let j = c * width; j < (c + 1) * width; j++) halfSquares[c]! += (centres[j]! * centres[j]!) / 2;
  }
  const cluster = new Int32Array(n);
  const distance = new Float32Array(n);
  const step = Math.max(1, Math.floor(BATCH / (k * width)));
  for (let i = 0; i < n; i++) {
    if (i % step === 0) await pause();
    cluster[i] = nearestTo(data, i * width, centres, halfSquares, width);
    distance[i] = Math.sqrt(squaredDistance(rows, i, centres, cluster[i]!));
  }
  return { cluster, distance };
}

/** argmin_c |c|^2 / 2 - x.c, which ranks as |x - c|^2 does. */
function nearestTo(
  data: Float32Array,
  start: number,
  centres: Float32Array,
  halfSquares: Float64Array,
  width: number,
): number {
  let best = 0;
  let least = Infinity;
  for (let c = 0; c < halfSquares.length; c++) {
    const offset = c * width;
    let dot = 0;
    for (let j = 0; j < width; j++) dot += data[start + j]! * centres[offset + j]!;
    const rank = halfSquares[c]! - dot;
    if (rank < least) {
      least = rank;
      best = c;
    }
  }
  return best;
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

/** Moves each centroid to the mean of its rows, summed in double precision. */
function moveToMeans({ data, n, width }: Rows, cluster: Int32Array, centroids: Centroids): void {
  const sums = new Float64Array(centroids.data.length);
  const sizes = new Int32Array(centroids.k);
  for (let i = 0; i < n; i++) {
    const c = cluster[i]!;
    sizes[c]!++;
    for (let j = 0; j < width; j++) sums[c * width + j]! += data[i * width + j]!;
  }
  for (let c = 0; c < centroids.k; c++) {
    if (sizes[c] === 0) continue;
    for (let j = c * width; j < (c + 1) * width; j++) centroids.data[j] = sums[j]! / sizes[c]!;
  }
}
