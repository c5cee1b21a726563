import { limitOf, methodOf, requiredScore } from './presets.js';
import type { GivenMethod, Method, NetworkName, ScoreName } from './presets.js';

/** A setting that can't mean what it says beside the others; `problem` goes on from its value. */
export interface Contradiction {
  setting: keyof Method | 'crossFit' | 'adapt' | 'calibrationShare';
  problem: string;
}

/**
 * Why an audit can't have these settings together; null where it can. As the second half of a sentence that begins with the
 * value of `drawing`.
 */
export const auditContradiction = ({ instrument, drawing }: { instrument: string; drawing: string }): string | null =>
  instrument === 'looks' && drawing !== 'uniform'
    ? "needs instrument betting, or auto: looks are exact for drawing 'uniform' alone"
    : null;

/** Scores that tell how passes differ: one pass does not. */
const OF_SEVERAL_PASSES: readonly ScoreName[] = ['mutual-information', 'variation-ratio', 'kwon-epistemic', 'ups'];

/**
 * What a user asked for and would not get, though each setting is valid by itself. Numbers of a part that a method lacks
 * (passes, members) say nothing wrong and pass, so that presets can be compared under the same ones. Free of zod.
 */
export function contradictionsOf(
  given: GivenMethod & {
    crossFit?: number | undefined;
    labelsFrom?: string | undefined;
    adapt?: object | undefined;
    calibrationShare?: number | undefined;
  },
): Contradiction[] {
  const method = methodOf(given);
  const { posterior, threshold, sampling, score } = method;
  const found: Contradiction[] = [];
  const refuse = (setting: Contradiction['setting'], problem: string) => found.push({ setting, problem });

  if (sampling === 'sequential' && posterior !== 'mc-dropout')
    refuse('sampling', `needs posterior mc-dropout; ${posterior} has no further passes to take`);
  else if (sampling === 'sequential' && threshold === 'top-n')
    refuse('sampling', 'needs a cut-off that is known before the pool is scored; top-n is a rank in the pool itself');

  const needed = requiredScore(threshold);
  if (needed !== undefined && (given.score ?? needed) !== needed)
    refuse('score', `is not what threshold ${threshold} compares, which is ${needed}`);
  else if (posterior === 'softmax' && OF_SEVERAL_PASSES.includes(score))
    refuse(score === needed ? 'threshold' : 'score', 'compares passes, of which posterior softmax takes one');

  if (given.crossFit !== undefined && posterior === 'ensemble')
    refuse('crossFit', 'has one student a fold; posterior ensemble would take several');
  if (given.crossFit !== undefined && method.labels === 'permanent')
    refuse('crossFit', 'decides every label anew in the last round, and labels permanent keeps the old ones');

  if (given.crossFit !== undefined && given.labelsFrom !== undefined)
    refuse(
      'crossFit',
      'needs students that never saw the image that they score, and those of labelsFrom have seen all',
    );

  if (given.adapt !== undefined) {
    if (posterior === 'ensemble') refuse('adapt', 'moves one model; posterior ensemble would take several');
    if (given.crossFit !== undefined)
      refuse('adapt', 'starts from a model that has seen its own images; crossFit needs fresh students');
    if (given.labelsFrom !== undefined) refuse('adapt', 'begins with labels of its own; leave labelsFrom out');
  } else if (given.calibrationShare === 0)
    refuse('calibrationShare', 'must be above 0: without calibration images there is no cut-off');

  if (method.classwise && threshold !== 'target-error')
    refuse('classwise', `needs threshold target-error; ${threshold} has one cut-off for all classes`);

  if (given.limit != null) {
    if (limitOf(threshold) === null) refuse('limit', `has no use: threshold ${threshold} has no number of its own`);
    else if (threshold === 'probability' && given.limit >= 1)
      refuse('limit', 'must be less than 1, as threshold probability accepts from it on');
    else if ((threshold === 'max-of-n' || threshold === 'top-n') && !Number.isInteger(given.limit))
      refuse('limit', `must be a whole number, as threshold ${threshold} counts images`);
  }
  return found;
}

/**
 * Pixels up to which a network is fit to train; those that are not here make larger images smaller at their first layer.
 * DenseNet keeps a third of its layers at full size: a step of 32 images takes 2.5 GB at 32 x 32, and four times that at 64 x 64.
 */
const MOST_PIXELS: Partial<Record<NetworkName, number>> = { densenet: 64 * 64 };

/** Why a network can't take images of a shape; null where it can. */
export function unfitFor(network: NetworkName, { height, width }: { height: number; width: number }): string | null {
  const most = MOST_PIXELS[network];
  if (most === undefined || height * width <= most) return null;
  const side = Math.sqrt(most);
  return `network '${network}' takes images of up to ${side} x ${side} pixels, as larger ones take more memory than machines have, and not ${height} x ${width}`;
}
