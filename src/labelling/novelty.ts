import { performance } from 'node:perf_hooks';
import { setImmediate as nextMacrotask } from 'node:timers/promises';
import { labellingErrors } from './errors.js';
import type { Rows } from './kmeans.js';
import { quantile } from './statistics.js';

/*
 * Whether images are of a class that nobody has labelled. What is known is the latents of the images that people labelled, and
 * not the pool's clusters: a model that never heard of a class gives its images labels all the same, and a cluster of them
 * would count as known by these. Figures in docs/novelty.md.
 */

/** Share of the known images that lie farther from the nearest other one than the reach does. */
export const BEYOND_REACH = 0.05;
/** A cluster is far from all that is known where more than this share of its images lie beyond the reach. */
export const FAR_SHARE = 0.5;
/** It is tight where its spread is at most so many times the median spread of the clusters that are not far. */
export const TIGHT = 1.75;
/** Images of a cluster at least: fewer are outliers, and tell little of a share. */
export const LEAST_SIZE = 10;

/** Milliseconds of work between two macrotasks: heartbeats and cancellation run in them. */
const SLICE_MS = 40;

/**
 * Distance of each row from the nearest known one, after scaling all to length 1: 0 to 2.
 *
 * @param rows latents, mean over the passes
 * @param known latents of images that people labelled
 * @param others `known` are the rows themselves: each is compared with the others alone
 * @returns [n]; Infinity where there is nothing to compare with
 * @throws SHAPE_MISMATCH when the widths differ
 * Source: Sun et al. 2022, "Out-of-Distribution Detection with Deep Nearest Neighbors", with k = 1.
 */
export async function nearestKnown(rows: Rows, known: Rows, others = false): Promise<Float64Array> {
  if (rows.width !== known.width) throw labellingErrors.widthMismatch(known.width, rows.width);
  const [scale, scaleKnown] = [inverseLengths(rows), inverseLengths(known)];
  const distance = new Float64Array(rows.n);
  let since = performance.now();
  for (let i = 0; i < rows.n; i++) {
    if (performance.now() - since > SLICE_MS) {
      await nextMacrotask();
      since = performance.now();
    }
    let nearest = Infinity;
    for (let j = 0; j < known.n; j++)
      if (!others || j !== i) nearest = Math.min(nearest, squared(rows, i, scale[i]!, known, j, scaleKnown[j]!));
    distance[i] = Math.sqrt(nearest);
  }
  return distance;
}

/** 1 / length of each row; 0 for a row of zeros. */
function inverseLengths({ data, n, width }: Rows): Float64Array {
  if (data.length !== n * width) throw labellingErrors.rowsMismatch(n, width, data.length);
  return Float64Array.from({ length: n }, (_, i) => {
    let square = 0;
    for (let j = i * width; j < (i + 1) * width; j++) square += data[j]! * data[j]!;
    return square > 0 ? 1 / Math.sqrt(square) : 0;
  });
}

/** |a x - b y|^2 */
function squared(x: Rows, i: number, a: number, y: Rows, j: number, b: number): number {
  const { width } = x;
  let sum = 0;
  for (let d = 0; d < width; d++) {
    const difference = a * x.data[i * width + d]! - b * y.data[j * width + d]!;
    sum += difference * difference;
  }
  return sum;
}

/**
 * The distance beyond which an image is far from all that is known: 95 % of the known images have another one within it.
 *
 * @param known latents of images that people labelled
 * @returns Infinity for fewer than two: then nothing is far
 */
export async function reachOf(known: Rows): Promise<number> {
  if (known.n < 2) return Infinity;
  return quantile((await nearestKnown(known, known, true)).sort(), 1 - BEYOND_REACH);
}

/**
 * How new each image looks: its distance from what is known plus the mean distance of its cluster's images. The image alone
 * is noisy; that its neighbours are far too says more.
 *
 * @param distance of each image, by `nearestKnown`, [n]
 * @param cluster of each image, [n], 0 to k - 1
 * @returns [n], larger is newer
 * @throws SHAPE_MISMATCH when the lengths differ
 */
export function noveltyScores(distance: ArrayLike<number>, cluster: ArrayLike<number>, k: number): Float64Array {
  const n = distance.length;
  if (cluster.length !== n) throw labellingErrors.rowsMismatch(n, 1, cluster.length);
  const [sum, size] = [new Float64Array(k), new Float64Array(k)];
  for (let i = 0; i < n; i++) {
    sum[cluster[i]!]! += distance[i]!;
    size[cluster[i]!]!++;
  }
  return Float64Array.from({ length: n }, (_, i) => distance[i]! + sum[cluster[i]!]! / size[cluster[i]!]!);
}

/** What is seen of a cluster. */
export interface ClusterLook {
  cluster: number;
  /** Images in it. */
  size: number;
  /** Root mean squared distance of its images from the centroid. */
  spread: number;
  /** Share of its images that lie beyond the reach. */
  far: number;
}

/**
 * The clusters that may be of a new class: far from all that is known, tight in themselves, and of some size. The largest
 * first.
 */
export function novelCandidates<Look extends ClusterLook>(looks: readonly Look[]): Look[] {
  const isFar = ({ far }: Look): boolean => far > FAR_SHARE;
  const near = looks.filter((look) => look.size > 0 && !isFar(look)).map(({ spread }) => spread);
  const limit = near.length === 0 ? Infinity : TIGHT * quantile(Float64Array.from(near).sort(), 0.5);
  return looks
    .filter((look) => isFar(look) && look.size >= LEAST_SIZE && look.spread <= limit)
    .sort((a, b) => b.size - a.size || a.cluster - b.cluster);
}
