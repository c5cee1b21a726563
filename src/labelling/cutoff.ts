import type { Estimate } from '../contracts/stages.js';
import { upperBound } from './statistics.js';

/** A labelled image as a cut-off sees it. */
export interface ScoredImage {
  /** Uncertainty: small is certain. */
  score: number;
  /** Whether the predicted class is the label. */
  correct: boolean;
}

/** A cut-off that accepts nothing: no score is negative. */
export const ACCEPT_NOTHING = -1;

/**
 * The label error of what a cut-off accepts, estimated from calibration images: their errors among the accepted, with half
 * an error and one image added (the mean under Jeffreys' prior), so that few images cannot look perfect.
 *
 * Grade B, a steering estimate and not a certificate, for three reasons. (1) Pool images whose pseudo-labels were trained
 * on are not exchangeable with calibration images: the model has memorised its own mistakes there, and a pool from
 * elsewhere is worse. (2) Each round looks at the same calibration labels again. (3) `upper` is exact for one cut-off
 * that was fixed beforehand, not for one that was chosen because it looks good on these same images. Only a random audit
 * of frozen labels promises anything.
 */
export function estimateAt(calibration: readonly ScoredImage[], value: number): Estimate {
  let accepted = 0;
  let errors = 0;
  for (const { score, correct } of calibration) {
    if (!(score <= value)) continue;
    accepted++;
    if (!correct) errors++;
  }
  return {
    grade: 'B',
    accepted,
    errors,
    error: smoothedError(errors, accepted),
    upper: upperBound(errors, accepted),
    coverage: calibration.length === 0 ? 0 : accepted / calibration.length,
  };
}

const smoothedError = (errors: number, accepted: number): number => (errors + 0.5) / (accepted + 1);

/**
 * The widest cut-off on predictive entropy that meets a target label error on the calibration images.
 *
 * Images are ranked by score; of all prefixes with (errors + 1/2) / (accepted + 1) <= `targetError` the longest counts. The
 * error of a prefix is not monotone in its length: one early mistake would end a search from the front, though hundreds
 * of right labels follow it. Equal scores stand or fall together, since a cut-off can't part them.
 *
 * @param calibration images that no training step saw, any order; scores in nats
 * @param targetError label error aimed at; below 1/2
 * @param classes number of classes: ln(classes) is the largest entropy, and the cut-off where every image may be accepted
 * @returns `value`: accept at or below it; midway to the next score, as neither neighbour is a better guess for the pool;
 *   `ACCEPT_NOTHING` where no prefix meets the target. `estimate`: at that value, see `estimateAt`
 */
export function targetErrorCutoff(
  calibration: readonly ScoredImage[],
  targetError: number,
  classes: number,
): { value: number; estimate: Estimate } {
  const ranked = calibration.toSorted((a, b) => a.score - b.score);
  let value = ACCEPT_NOTHING;
  let errors = 0;
  ranked.forEach(({ score, correct }, i) => {
    if (!correct) errors++;
    const next = ranked[i + 1]?.score;
    if (next === score || smoothedError(errors, i + 1) > targetError) return;
    value = next === undefined ? Math.max(score, Math.log(classes)) : between(score, next);
  });
  return { value, estimate: estimateAt(calibration, value) };
}

/** Midway from `low` to `high`, below `high` even where they are neighbouring doubles. */
function between(low: number, high: number): number {
  const middle = (low + high) / 2;
  return middle < high ? middle : low;
}
