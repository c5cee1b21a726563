import type { Estimate } from '../contracts/stages.js';
import { upperBound } from './statistics.js';

/** A labelled image as a cut-off sees it. */
export interface ScoredImage {
  /** Uncertainty: small is certain. */
  score: number;
  /** Class that the model predicts. */
  predicted: number;
  /** Whether that is the label. */
  correct: boolean;
}

/** A cut-off that accepts nothing: no score is negative. */
export const ACCEPT_NOTHING = -1;

/** One cut-off, or one a predicted class: accept at or below. */
export type Cutoffs = number | readonly number[];

const cutoffFor = (cutoffs: Cutoffs, predicted: number): number =>
  typeof cutoffs === 'number' ? cutoffs : (cutoffs[predicted] ?? ACCEPT_NOTHING);

/**
 * The label error of what a cut-off accepts, estimated from calibration images: their errors among the accepted, with half
 * an error and one image added (the mean under Jeffreys' prior), so that few images cannot look perfect.
 *
 * Grade C (contracts/grades.ts), a steering estimate and not a certificate, for three reasons. (1) Pool images whose pseudo-labels were trained
 * on are not exchangeable with calibration images: the model has memorised its own mistakes there, and a pool from
 * elsewhere is worse. (2) Each round looks at the same calibration labels again. (3) `upper` is exact for one cut-off
 * that was fixed beforehand, not for one that was chosen because it looks good on these same images, nor for the many that
 * are chosen class by class. labelling/release.ts makes the conditional estimate, grade B, and a random audit the certificate.
 */
export function estimateAt(calibration: readonly ScoredImage[], cutoffs: Cutoffs): Estimate {
  let accepted = 0;
  let errors = 0;
  for (const { score, predicted, correct } of calibration) {
    if (!(score <= cutoffFor(cutoffs, predicted))) continue;
    accepted++;
    if (!correct) errors++;
  }
  return {
    grade: 'C',
    accepted,
    errors,
    error: smoothedError(errors, accepted),
    upper: upperBound(errors, accepted),
    coverage: calibration.length === 0 ? 0 : accepted / calibration.length,
  };
}

const smoothedError = (errors: number, accepted: number): number => (errors + 0.5) / (accepted + 1);

/**
 * The widest cut-off that meets a target label error on the calibration images.
 *
 * Images are ranked by score; of all prefixes with (errors + 1/2) / (accepted + 1) <= `targetError` the longest counts. The
 * error of a prefix is not monotone in its length: one early mistake would end a search from the front, though hundreds
 * of right labels follow it. Equal scores stand or fall together, since a cut-off can't part them.
 *
 * @param calibration images that no training step saw, any order
 * @param targetError label error aimed at; below 1/2
 * @param largest what the score can't exceed: the cut-off where every image may be accepted
 * @returns accept at or below it; midway to the next score, as neither neighbour is a better guess for the pool;
 *   `ACCEPT_NOTHING` where no prefix meets the target
 */
export function targetErrorCutoff(calibration: readonly ScoredImage[], targetError: number, largest: number): number {
  const ranked = calibration.toSorted((a, b) => a.score - b.score);
  let value = ACCEPT_NOTHING;
  let errors = 0;
  ranked.forEach(({ score, correct }, i) => {
    if (!correct) errors++;
    const next = ranked[i + 1]?.score;
    if (next === score || smoothedError(errors, i + 1) > targetError) return;
    value = next === undefined ? Math.max(score, largest) : between(score, next);
  });
  return value;
}

/** Midway from `low` to `high`, below `high` even where they are neighbouring doubles. */
function between(low: number, high: number): number {
  const middle = (low + high) / 2;
  return middle < high ? middle : low;
}

/**
 * A target-error cut-off for each predicted class, where its calibration images allow one.
 *
 * A class has its own cut-off where its images alone meet the target at some prefix: with Jeffreys' half an error that takes
 * 1 / (2 target) - 1 right ones at least, 24 at 2 % and 9 at 5 %. The other classes keep the common cut-off. Where all
 * that is accepted then misses the target on the calibration images, the common cut-off holds for every class.
 *
 * Each class picks the best-looking of its own prefixes, so there are as many chances to be fooled as classes: the estimate of
 * the union is more optimistic than that of one common cut-off. bench/cutoffs.ts measures by how much.
 *
 * @returns [classes]; see `targetErrorCutoff`
 */
export function classwiseCutoffs(
  calibration: readonly ScoredImage[],
  targetError: number,
  largest: number,
  classes: number,
): number[] {
  const common = targetErrorCutoff(calibration, targetError, largest);
  const own = Array.from({ length: classes }, (_, c) => {
    const value = targetErrorCutoff(
      calibration.filter(({ predicted }) => predicted === c),
      targetError,
      largest,
    );
    return value === ACCEPT_NOTHING ? common : value;
  });
  return estimateAt(calibration, own).error <= targetError ? own : own.fill(common);
}
