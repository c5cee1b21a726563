import { upperFence } from './fence.js';
import type { Assignment } from './kmeans.js';

/** Quartiles of fewer distances than this say next to nothing. */
const LEAST_MEMBERS = 8;
/** Tukey's "far out": few images are marked, as each one is work for people. */
const REACH = 3;

/**
 * The distance from which on an image is an outlier of its cluster: the fence Q3 + 3 IQR of the cluster's distances, or of
 * all distances for a cluster of fewer than 8.
 *
 * Our reading of clustering adaptation, an inference: the papers say "intra-cluster distances" and leave the rule open.
 * Quartiles instead of mean and deviation, since the outliers sought must not widen the measure that finds them.
 *
 * @param assignment of the pool, or of a fair sample of it
 * @param k number of clusters
 * @returns [k]; an outlier's distance is greater. Infinity without images
 * Source: Tukey 1977, Exploratory Data Analysis, section 2D.
 */
export function outlierRadii({ cluster, distance }: Assignment, k: number): Float64Array {
  const members = Array.from({ length: k }, (): number[] => []);
  cluster.forEach((c, i) => members[c]?.push(distance[i]!));
  const overall = distance.length === 0 ? Infinity : upperFence(distance, REACH);
  return Float64Array.from(members, (distances) =>
    distances.length < LEAST_MEMBERS ? overall : upperFence(distances, REACH),
  );
}

/** Whether an image lies farther from its centroid than its cluster's radius. */
export const isOutlier = (cluster: number, distance: number, radii: Float64Array): boolean =>
  distance > (radii[cluster] ?? Infinity);
