import { closePairs } from './close-pairs.js';
import { Links } from './links.js';
import type { NearDuplicates } from './links.js';
import { labellingErrors } from './errors.js';
import { nearest } from './kmeans.js';
import type { Centroids } from './kmeans.js';
import type { Shards } from './kmeans-streaming.js';
import { LEFT, products, RIGHT } from './products.js';
import { normalise, pacer, squaredDistance } from './rows.js';
import type { Pause, Rows } from './rows.js';

/**
 * Distance of normalised features below which two images count as near-duplicates, an angle of 2.9 degrees. Of 4,000 MNIST
 * digits 95 % are within .045 of their own JPEG copy (quality 80), and .037 of a copy with noise of 4 grey levels; no two
 * of 10,000 different digits are within .05. Copies that were scaled or shifted by a pixel lie farther off (.13 and .20),
 * among different images.
 */
export const NEAR = 0.05;
/** Distances are single precision. */
const SLACK = 1e-4;
const MEGABYTE = 2 ** 20;

export type { NearDuplicates } from './links.js';

export interface NearDuplicatesOptions {
  /** Largest distance of two near-duplicates, 0 to 2; NEAR by default. */
  threshold?: number;
  /** MB of rows that are held at once, 256 by default; a cluster that is greater is held whole, twice. */
  megabytes?: number;
  /** Called after each shard of each reading and each cluster; what it rejects with ends the search (cancellation). */
  onStep?: () => Promise<void>;
}

/**
 * Finds all pairs of rows whose normalised features are at most a threshold apart, and the groups that they link.
 *
 * Looks within clusters. A pair across a border is found too: if two rows are within t, the one's distance to the other's
 * centroid exceeds that to its own by at most 2 t, so such rows are looked at in that cluster as well. Nothing is missed
 * but for rounding; rows of zeros have no direction and are left out. Sub-quadratic for clusters that are many and
 * thresholds that are small against their spread: the work is a cluster's size times the rows within the window. Rows that
 * equal each other cost one; many that are merely close cost the square of their number.
 *
 * @param shards gives the rows; read once, and once more for each `megabytes` of them
 * @param total rows in all shards
 * @param centroids as of `fitKMeansStreaming`; any give the same result, good ones sooner
 * @throws SHAPE_MISMATCH when widths differ or the shards do not have `total` rows
 */
export async function nearDuplicates(
  shards: Shards,
  total: number,
  centroids: Centroids,
  { threshold = NEAR, megabytes = 256, onStep }: NearDuplicatesOptions = {},
): Promise<NearDuplicates> {
  const pause = pacer();
  const lists = await listByCluster(shards, total, centroids, threshold, pause, onStep);
  const links = new Links(total);
  const held = Math.floor((megabytes * MEGABYTE) / (4 * centroids.width));
  for (const batch of batches(lists, held)) {
    const gathered = await gather(shards, total, batch, centroids.width, onStep);
    for (const list of batch) {
      const { rows, positions, distances } = sorted(list, gathered);
      const link = (i: number, j: number, distance: number) => links.add(positions[i]!, positions[j]!, distance);
      await closePairs(rows, distances, threshold, link, pause);
      await onStep?.();
    }
  }
  return links.groups();
}

/** Rows to look at in one cluster: its own, and those across its borders. */
class List {
  count = 0;
  positions = new Int32Array(64);
  /** From the cluster's centroid. */
  distances = new Float32Array(64);

  add(position: number, distance: number): void {
    if (this.count === this.positions.length) {
      const [positions, distances] = [new Int32Array(2 * this.count), new Float32Array(2 * this.count)];
      positions.set(this.positions);
      distances.set(this.distances);
      [this.positions, this.distances] = [positions, distances];
    }
    this.positions[this.count] = position;
    this.distances[this.count++] = distance;
  }
}

async function listByCluster(
  shards: Shards,
  total: number,
  centroids: Centroids,
  threshold: number,
  pause: Pause,
  onStep?: () => Promise<void>,
): Promise<List[]> {
  const lists = Array.from({ length: centroids.k }, () => new List());
  let offset = 0;
  for await (const shard of shards()) {
    if (shard.width !== centroids.width) throw labellingErrors.widthMismatch(centroids.width, shard.width);
    await listShard(normalise(shard), offset, centroids, 2 * threshold + SLACK, lists, pause);
    offset += shard.n;
    await onStep?.();
  }
  if (offset !== total) throw labellingErrors.rowsMissing(total, offset);
  return lists;
}

/** A pair across a border is looked at in the lower of its two clusters alone. */
async function listShard(
  rows: Rows,
  offset: number,
  centroids: Centroids,
  reach: number,
  lists: readonly List[],
  pause: Pause,
): Promise<void> {
  const { cluster, distance } = await nearest(rows, centroids, pause);
  const centres: Rows = { data: centroids.data, n: centroids.k, width: centroids.width };
  const squares = lists.map((_, c) => squareOf(centres, c));
  for (let from = 0; from < rows.n; from += LEFT) {
    const count = Math.min(LEFT, rows.n - from);
    for (let first = 0; first < centroids.k; first += RIGHT) {
      await pause();
      const others = Math.min(RIGHT, centroids.k - first);
      const product = products(rows, from, count, centres, first, others);
      for (let i = 0; i < count; i++) {
        const row = from + i;
        if (isZero(rows, row)) continue;
        const own = cluster[row]!;
        const least = (1 - (distance[row]! + reach) ** 2) / 2;
        for (let c = 0; c < others && first + c < own; c++)
          if (product[i * RIGHT + c]! - squares[first + c]! / 2 >= least)
            lists[first + c]!.add(offset + row, Math.sqrt(squaredDistance(rows, row, centres, first + c)));
      }
    }
    for (let row = from; row < from + count; row++)
      if (!isZero(rows, row)) lists[cluster[row]!]!.add(offset + row, distance[row]!);
  }
}

function isZero({ data, width }: Rows, row: number): boolean {
  for (let j = row * width; j < (row + 1) * width; j++) if (data[j] !== 0) return false;
  return true;
}

function squareOf({ data, width }: Rows, row: number): number {
  return data.subarray(row * width, (row + 1) * width).reduce((sum, x) => sum + x * x, 0);
}

/** Clusters whose rows are held together: as many as fit, at least one. */
function* batches(lists: readonly List[], held: number): Generator<List[]> {
  let batch: List[] = [];
  let count = 0;
  for (const list of lists) {
    if (list.count < 2) continue;
    if (batch.length > 0 && count + list.count > held) {
      yield batch;
      [batch, count] = [[], 0];
    }
    batch.push(list);
    count += list.count;
  }
  if (batch.length > 0) yield batch;
}

interface Gathered {
  rows: Rows;
  /** Where in `rows` a position of the pool is. */
  slot: Int32Array;
}

async function gather(
  shards: Shards,
  total: number,
  batch: readonly List[],
  width: number,
  onStep?: () => Promise<void>,
): Promise<Gathered> {
  const slot = new Int32Array(total).fill(-1);
  let n = 0;
  for (const { positions, count } of batch)
    for (const position of positions.subarray(0, count)) if (slot[position] === -1) slot[position] = n++;
  const data = new Float32Array(n * width);
  let offset = 0;
  for await (const shard of shards()) {
    const rows = normalise(shard);
    for (let i = 0; i < rows.n; i++) {
      const at = slot[offset + i]!;
      if (at >= 0) data.set(rows.data.subarray(i * width, (i + 1) * width), at * width);
    }
    offset += rows.n;
    await onStep?.();
  }
  return { rows: { data, n, width }, slot };
}

/** A list's rows, ascending by distance from the centroid. */
function sorted(
  { positions, distances, count }: List,
  { rows: { data, width }, slot }: Gathered,
): { rows: Rows; positions: Int32Array; distances: Float32Array } {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  order.sort((a, b) => distances[a]! - distances[b]! || positions[a]! - positions[b]!);
  const rows: Rows = { data: new Float32Array(count * width), n: count, width };
  order.forEach((at, i) => {
    const from = slot[positions[at]!]! * width;
    rows.data.set(data.subarray(from, from + width), i * width);
  });
  return {
    rows,
    positions: order.map((at) => positions[at]!),
    distances: Float32Array.from(order, (at) => distances[at]!),
  };
}
