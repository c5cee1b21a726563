import { ACCEPT_EVERYTHING } from '../contracts/scores.js';
import type { ThresholdRule } from '../contracts/presets.js';
import { ACCEPT_NOTHING } from './cutoff.js';
import type { ScoredImage } from './cutoff.js';
import { quantile } from './statistics.js';

/**
 * Tukey's upper fence, Q3 + `reach` * IQR: beyond 1.5 a value is "outside", beyond 3 "far out". NaN without values.
 *
 * Source: Tukey 1977, Exploratory Data Analysis, section 2D.
 */
export function upperFence(values: ArrayLike<number>, reach: number): number {
  const sorted = Float64Array.from(values).sort();
  const q1 = quantile(sorted, 0.25);
  const q3 = quantile(sorted, 0.75);
  return q3 + reach * (q3 - q1);
}

/** The score at which (score - mean) / deviation is `z`, with the deviation of the values themselves (division by n). */
export function zFence(values: readonly number[], z: number): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return mean + z * Math.sqrt(variance);
}

/** Third quartile of the standard normal law: a normal sample's MAD is this share of its deviation. */
const NORMAL_Q3 = 0.6745;

/**
 * The score at which the modified z-score, .6745 (score - median) / MAD, is `z`. Where more than half of the values are
 * equal the MAD is 0, and the fence is that value: anything above it is infinitely far out.
 *
 * Source: Iglewicz and Hoaglin 1993, How to detect and handle outliers, eq. 3.2.
 */
export function modifiedZFence(values: readonly number[], z: number): number {
  const median = quantile(Float64Array.from(values).sort(), 0.5);
  const deviations = Float64Array.from(values, (value) => Math.abs(value - median)).sort();
  return median + (z * quantile(deviations, 0.5)) / NORMAL_Q3;
}

/** The largest of the `n` lowest values, or of all where there are fewer. */
export function maxOfLowest(values: ArrayLike<number>, n: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(Math.max(1, Math.floor(n)), sorted.length) - 1] as number;
}

/** Rules that fence the scores of correctly classified labelled images; the number is the rule's limit. */
const FENCES = {
  iqr: upperFence,
  median: (values: readonly number[]) => quantile(Float64Array.from(values).sort(), 0.5),
  'z-score': zFence,
  'modified-z-score': modifiedZFence,
  'max-of-n': maxOfLowest,
};

/** Rules whose cut-off is a number that was fixed beforehand. */
const FIXED = {
  /** Score max-softmax, 1 - p: accept p of at least the limit. */
  probability: (limit: number) => 1 - limit,
  /** The score `ups` is at most 1 where both conditions of UPS hold. */
  ups: () => 1,
  all: () => ACCEPT_EVERYTHING,
};

export type FenceRule = keyof typeof FENCES | keyof typeof FIXED;
export const isFence = (rule: ThresholdRule): rule is FenceRule => rule in FENCES || rule in FIXED;

/**
 * The cut-off of a rule from the literature. None of them knows an error rate: what they accept can be far more wrong than
 * any target. They are kept to compare with; `targetErrorCutoff` is the default.
 *
 * Two deviations from the released code of Deep Bayesian Self-Training, both on purpose: test images take no part (it reads
 * their labels), and "correct" is judged against human labels alone (it judges against its own pseudo-labels from round 2 on).
 *
 * @param labelled every labelled image: training, validation and calibration
 * @param limit the rule's number: reach of `iqr` (1.5), z of the z-scores (1 and 3), n of `max-of-n` (100), probability
 *   (.99); in brackets what is published. The other rules have none
 * @returns accept at or below it; `ACCEPT_NOTHING` where no image is classified correctly
 * Source: arXiv 1812.01681 and its code's threshold metrics; `ups`: Rizve et al. 2021; `probability`: DST in 1812.01681.
 */
export function fenceCutoff(rule: FenceRule, labelled: readonly ScoredImage[], limit: number): number {
  if (rule in FIXED) return FIXED[rule as keyof typeof FIXED](limit);
  const scores = labelled.filter(({ correct }) => correct).map(({ score }) => score);
  return scores.length === 0 ? ACCEPT_NOTHING : FENCES[rule as keyof typeof FENCES](scores, limit);
}

/**
 * What the rule `top-n` is expected to accept up to, before the pool is scored: the calibration score at the share n / pool.
 * The pool itself decides (`TopCandidates`); this is for the estimate, and takes the calibration images for a fair sample.
 */
export function expectedTopCutoff(calibration: readonly ScoredImage[], n: number, pool: number): number {
  if (calibration.length === 0 || pool === 0) return ACCEPT_NOTHING;
  const expected = Math.round(Math.min(1, n / pool) * calibration.length);
  return maxOfLowest(
    calibration.map(({ score }) => score),
    expected,
  );
}

/**
 * Takes the n lowest scores of a pool that is read twice: once to offer all, once to decide in the same order. Holds a
 * float32 an image; equal scores at the edge go to the images that come first.
 */
export class TopCandidates {
  private scores = new Float32Array(1024);
  private count = 0;
  /** Largest score that is taken, and how many of those equal to it still are. */
  private edge: { value: number; left: number } | null = null;

  constructor(private readonly n: number) {}

  /** First reading: an image that may be taken. A score that is not a number is never taken. */
  offer(score: number): void {
    if (Number.isNaN(score)) return;
    if (this.count === this.scores.length) {
      const grown = new Float32Array(2 * this.count);
      grown.set(this.scores);
      this.scores = grown;
    }
    this.scores[this.count++] = score;
  }

  /** Between the readings: the score of the last image that will be taken; `ACCEPT_NOTHING` where none is. */
  close(): number {
    const sorted = this.scores.subarray(0, this.count).sort();
    const taken = Math.min(Math.floor(this.n), this.count);
    const value = taken < 1 ? ACCEPT_NOTHING : (sorted[taken - 1] as number);
    const below = taken < 1 ? 0 : sorted.findIndex((score) => score === value);
    this.edge = { value, left: taken - below };
    this.scores = new Float32Array(0);
    return value;
  }

  /** Second reading: whether this image, offered before, is taken. */
  take(score: number): boolean {
    if (!this.edge) throw new Error('take() before close()');
    const rounded = Math.fround(score);
    if (rounded === this.edge.value) return this.edge.left-- > 0;
    return rounded < this.edge.value;
  }
}
