import { deriveSeed } from '../contracts/random.js';
import type { SeedPair } from '../contracts/learner.js';
import type { MovedCluster, ShiftSummary, ShiftTest } from '../contracts/shift.js';
import type { Assignment, Rows } from './kmeans.js';
import { isOutlier } from './outliers.js';
import { twoSampleTest } from './two-sample.js';
import type { Features } from './two-sample.js';

/** Calibration images below which nothing is said: a test of fewer sees nothing but another world. */
export const LEAST_KNOWN = 20;
/** Share of fair comparisons that are called different, over all tests that decide. */
const LEVEL = 0.05;
/** Clusters that are listed. */
const LISTED = 20;
/** Two-sided; among 100 clusters that did not move a quarter of one is listed by its share. */
const STANDARD_ERRORS = 3;
/** Clusters of fewer images on both sides together have no share worth the name. */
const LEAST_MEMBERS = 5;
/** Spreads that a mean moves before anyone would see it. */
const LEAST_MOVE = 0.5;
/** Times the distance that chance moves a mean by (root mean square). */
const CHANCE = 2;

/** Images of one side by cluster, as they come; rows are L2-normalised. */
export class ClusterTally {
  n = 0;
  /** Farther from the nearest centroid than its cluster's radius. */
  outside = 0;
  readonly counts: Float64Array;
  /** [k, width] */
  readonly sums: Float64Array;
  /** Summed squared lengths, [k]. */
  readonly squares: Float64Array;

  constructor(
    private readonly radii: Float64Array,
    readonly width: number,
  ) {
    this.counts = new Float64Array(radii.length);
    this.squares = new Float64Array(radii.length);
    this.sums = new Float64Array(radii.length * width);
  }

  add({ data, width }: Rows, { cluster, distance }: Assignment): void {
    cluster.forEach((c, i) => {
      this.n++;
      if (isOutlier(c, distance[i] as number, this.radii)) this.outside++;
      this.counts[c]! += 1;
      for (let j = 0; j < width; j++) {
        const value = data[i * width + j] as number;
        this.sums[c * width + j]! += value;
        this.squares[c]! += value * value;
      }
    });
  }
}

/** Outside every cluster as many as the known images let expect: (outside + 1/2) / (images + 1) of them are. */
export const expectedOutside = (known: ClusterTally, seen: ClusterTally): number =>
  (seen.n * (known.outside + 0.5)) / (known.n + 1);

/**
 * Clusters whose share changed by more than three standard errors, or whose images' mean moved by more than half a spread and
 * twice what chance moves it by; those that moved most first, 20 at most. Spread: root mean squared distance of images from
 * their side's mean.
 *
 * @param labels class of each cluster, -1 where it is open
 */
export function movedClusters(known: ClusterTally, seen: ClusterTally, labels: readonly number[]): MovedCluster[] {
  if (known.n === 0 || seen.n === 0) return [];
  const found = labels.map((label, cluster) => {
    const [a, b] = [known.counts[cluster] as number, seen.counts[cluster] as number];
    const share = standardErrors(a, known.n, b, seen.n) / STANDARD_ERRORS;
    const { moved, chance } = displacement(known, seen, cluster);
    const mean = moved === null ? 0 : moved / Math.max(LEAST_MOVE, CHANCE * chance);
    const record = { cluster, label, knownShare: a / known.n, seenShare: b / seen.n, moved };
    return { record, weight: Math.max(share, mean) };
  });
  return found
    .filter(({ weight }) => weight > 1)
    .sort((one, other) => other.weight - one.weight || one.record.cluster - other.record.cluster)
    .slice(0, LISTED)
    .map(({ record }) => record);
}

/** How many standard errors two shares are apart, by the share of both together. */
function standardErrors(a: number, n: number, b: number, m: number): number {
  if (a + b < LEAST_MEMBERS) return 0;
  const share = (a + b) / (n + m);
  return share === 1 ? 0 : Math.abs(a / n - b / m) / Math.sqrt(share * (1 - share) * (1 / n + 1 / m));
}

/** Distance between the sides' means in a cluster, in spreads, and what chance makes of it. */
function displacement(
  known: ClusterTally,
  seen: ClusterTally,
  cluster: number,
): { moved: number | null; chance: number } {
  const [a, b] = [known.counts[cluster] as number, seen.counts[cluster] as number];
  if (a === 0 || b === 0 || a + b < LEAST_MEMBERS) return { moved: null, chance: 0 };
  let [between, ofKnown, ofSeen] = [0, 0, 0];
  for (let j = cluster * known.width; j < (cluster + 1) * known.width; j++) {
    const [x, y] = [(known.sums[j] as number) / a, (seen.sums[j] as number) / b];
    between += (x - y) ** 2;
    ofKnown += x * x;
    ofSeen += y * y;
  }
  const squares = (known.squares[cluster] as number) - a * ofKnown + (seen.squares[cluster] as number) - b * ofSeen;
  const spread = Math.sqrt(Math.max(0, squares) / (a + b - 2));
  return { moved: spread > 0 ? Math.sqrt(between) / spread : 0, chance: Math.sqrt(1 / a + 1 / b) };
}

/** One side of a comparison, an image a row. */
export interface Side {
  pixels: Features;
  /** L2-normalised. */
  latents: Features;
}

/**
 * Tests both kinds of features. Pixels always decide. Latents decide too, each at half of the level, where the model never saw
 * either side; of images that it was trained on they are unlike those of fresh ones, shift or none.
 */
export function shiftTests(
  known: Side,
  seen: Side,
  { trainedOn, seed }: { trainedOn: boolean; seed: Readonly<SeedPair> },
): ShiftTest[] {
  const deciding = trainedOn ? 1 : 2;
  return (['pixels', 'latents'] as const).map((of, i) => {
    const { p, calibration, pool } = twoSampleTest([{ calibration: known[of], pool: seen[of] }], {
      seed: deriveSeed(seed, 'twoSample', i),
    });
    const level = of === 'latents' && trainedOn ? null : LEVEL / deciding;
    return { of, p, level, known: calibration, seen: pool };
  });
}

/** Whether some test rejects at its part of the level. */
export const differs = (tests: readonly ShiftTest[]): boolean =>
  tests.some(({ p, level }) => level !== null && p <= level);

/** All of it in one record. */
export function summarise(
  tests: ShiftTest[],
  known: ClusterTally,
  seen: ClusterTally,
  labels: readonly number[],
): ShiftSummary {
  return {
    tests,
    differs: differs(tests),
    outside: seen.outside,
    expectedOutside: expectedOutside(known, seen),
    moved: movedClusters(known, seen, labels),
  };
}

/** Keeps the images farthest from every cluster, of a stream. */
export class Farthest<Item extends { distance: number }> {
  private kept: Item[] = [];

  constructor(private readonly most: number) {}

  offer(item: Item): void {
    this.kept.push(item);
    if (this.kept.length >= 2 * this.most) this.kept = this.items;
  }

  /** The farthest first. */
  get items(): Item[] {
    return [...this.kept].sort((a, b) => b.distance - a.distance).slice(0, this.most);
  }
}
