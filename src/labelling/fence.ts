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

/**
 * The cut-off of Deep Bayesian Self-Training's released code: the upper Tukey fence of the total uncertainty
 * U = mean exp(s) + H[p] over labelled images that the model classifies correctly.
 *
 * Two deviations from that code, both on purpose: test images take no part (it reads their labels), and "correct" is judged
 * against human labels alone (it judges against its own pseudo-labels from round 2 on). The fence knows no error rate: what
 * it accepts can be far more wrong than any target. Kept to compare with; `targetErrorCutoff` is the default.
 *
 * @param labelled training and calibration images; `score` is U
 * @returns accept at or below it; `ACCEPT_NOTHING` where no image is classified correctly
 * Source: arXiv 1812.01681, its code's threshold metric 'IQR'.
 */
export function fenceCutoff(labelled: readonly ScoredImage[]): number {
  const scores = labelled.filter(({ correct }) => correct).map(({ score }) => score);
  return scores.length === 0 ? ACCEPT_NOTHING : upperFence(scores, 1.5);
}
