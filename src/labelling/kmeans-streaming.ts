import type { SeedPair } from '../contracts/learner.js';
import { labellingErrors } from './errors.js';
import { fitKMeans, Means, nearest, sampleRows } from './kmeans.js';
import type { Centroids, KMeansOptions } from './kmeans.js';
import { normalise, pacer } from './rows.js';
import type { Rows } from './rows.js';

/** Rows that do not fit in memory, shard by shard, in the same order each time it is called. */
export type Shards = () => AsyncIterable<Rows>;

export interface StreamingOptions extends KMeansOptions {
  /** Rows that the first fit is made on, at most: 64 a cluster and at least 20,000 by default. */
  sample?: number;
  /** Passes over all rows after it, at most; 3 by default, what was measured stands in docs/decisions.md. */
  passes?: number;
  /** Called after each shard of each pass; what it rejects with ends the fit (cancellation). */
  onShard?: () => Promise<void>;
}

export interface StreamingFit {
  centroids: Centroids;
  /** Rows of each cluster in the last pass, before the centroids moved a last time; [k]. */
  sizes: Int32Array;
  /** Sum of squared distances of all rows to their centroids at each pass; the centroids it ends with have less. */
  inertia: number[];
}

const SAMPLE = { least: 20_000, perCluster: 64 };
/** A pass that lowers the inertia by a smaller share than this is the last. */
const TOLERANCE = 1e-3;

/**
 * k-means over more rows than fit in memory: `fitKMeans` on a sample, then passes over all rows that move the centroids
 * to their exact means. It holds the sample, one shard, and k sums. The result depends on the rows and their order and
 * the key alone, not on where shards are cut.
 *
 * @param shards gives the rows; read `passes` + 1 times
 * @param total rows in all shards
 * @param key e.g. deriveSeed(seed, 'cluster', round)
 * @throws SHAPE_MISMATCH without rows, where shards differ in width, or where they do not have `total` rows
 * Sources: as of `fitKMeans`. Mini-batches (Sculley 2010) were slower to the same inertia, and need shuffled shards.
 */
export async function fitKMeansStreaming(
  shards: Shards,
  total: number,
  k: number,
  key: Readonly<SeedPair>,
  options: StreamingOptions = {},
): Promise<StreamingFit> {
  const { passes = 3, onShard } = options;
  const limit = options.sample ?? Math.max(SAMPLE.least, SAMPLE.perCluster * k);
  const sample = await sampleShards(shards, total, limit, key, onShard);
  const centroids = await fitKMeans(sample, k, key, options);
  const pause = pacer();

  let sizes: Int32Array = new Int32Array(centroids.k);
  const inertia: number[] = [];
  for (let pass = 0; pass < passes; pass++) {
    const means = new Means(centroids.k, centroids.width);
    let sum = 0;
    for await (const shard of shards()) {
      const rows = normalise(shard);
      const { cluster, distance } = await nearest(rows, centroids, pause);
      means.add(rows, cluster);
      // One after the other, so that the sum does not depend on the cuts.
      for (const d of distance) sum += d * d;
      await onShard?.();
    }
    means.move(centroids);
    ({ sizes } = means);
    const before = inertia.at(-1) ?? Infinity;
    inertia.push(sum);
    if (before - sum <= TOLERANCE * sum) break;
  }
  return { centroids, sizes, inertia };
}

/**
 * At most `limit` rows of all shards, every such set equally likely.
 *
 * @throws as `fitKMeansStreaming`
 */
export async function sampleShards(
  shards: Shards,
  total: number,
  limit: number,
  key: Readonly<SeedPair>,
  onShard?: () => Promise<void>,
): Promise<Rows> {
  const chosen = sampleRows(total, limit, key);
  let sample: Rows = { data: new Float32Array(), n: 0, width: 0 };
  let [offset, at] = [0, 0];
  for await (const { data, n, width } of shards()) {
    if (offset === 0) sample = { data: new Float32Array(chosen.length * width), n: chosen.length, width };
    else if (width !== sample.width) throw labellingErrors.widthMismatch(sample.width, width);
    for (; at < chosen.length && chosen[at]! < offset + n; at++) {
      const row = chosen[at]! - offset;
      sample.data.set(data.subarray(row * width, (row + 1) * width), at * width);
    }
    offset += n;
    await onShard?.();
  }
  if (offset !== total) throw labellingErrors.rowsMissing(total, offset);
  return sample;
}
