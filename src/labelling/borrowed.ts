import type { CutoffFile } from '../contracts/stages.js';
import { ACCEPT_NOTHING, estimateAt } from './cutoff.js';

/**
 * Whether so many calibration images can show a label error of the target at all: 1 / (2 target) right ones are the fewest at
 * which the cut-off rule accepts anything (classwiseCutoffs has the same count).
 */
export const canCalibrate = (images: number, targetError: number): boolean => images >= 1 / (2 * targetError);

/**
 * Another run's cut-off, for a dataset that is too scarcely labelled to choose one. It was right for other images: nothing is
 * known of its error here, and the estimate says so.
 *
 * @param classes of this dataset; those that the other run did not know are accepted nowhere
 */
export function borrowCutoff(file: CutoffFile, classes: number): CutoffFile {
  const { scale, bias } = file.scaling;
  const padded = (values: readonly number[], value: number): number[] =>
    Array.from({ length: classes }, (_, c) => values[c] ?? value);
  return {
    ...file,
    values: padded(file.values, ACCEPT_NOTHING),
    scaling: { ...file.scaling, scale: padded(scale, 1), bias: padded(bias, 0) },
    estimate: estimateAt([], file.values),
  };
}
