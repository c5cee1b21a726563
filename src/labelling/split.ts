import { deriveSeed, RandomStream } from '../contracts/random.js';
import type { Purpose } from '../contracts/random.js';
import { labellingErrors } from './errors.js';

/** Positions in the labelled split, ascending; each position in exactly one part. */
export interface LabelledParts {
  train: number[];
  validation: number[];
  calibration: number[];
}

/**
 * Parts the labelled images into training, validation and calibration, balanced over the classes. Calibration comes first: of
 * each class's n images round(share * n), but at least one to each side where n >= 2; a class's only image is trained on.
 * Validation takes its share of what that leaves in the same way, or nothing at a share of 0.
 *
 * Each class draws from a stream of its own, so that further images of one class leave the other classes' parts alone, and
 * validation from another than calibration: which images calibrate does not depend on whether any validate.
 *
 * @param labels class of each labelled image, [n]
 * @param classes number of classes
 * @param shares `calibration` between 0 and 1, `validation` from 0 to below 1, of what calibration leaves
 * @param seed the run's seed
 * @throws DATASET_CLASS_UNKNOWN for a label outside the classes
 */
export function splitLabelled(
  labels: Int32Array,
  classes: number,
  shares: { calibration: number; validation: number },
  seed: number,
): LabelledParts {
  const positions = Array.from({ length: classes }, (): number[] => []);
  labels.forEach((label, position) => {
    const ofClass = positions[label];
    if (!ofClass) throw labellingErrors.labelUnknown(position, label, classes);
    ofClass.push(position);
  });
  const calibration = hold(positions, shares.calibration, seed, 'split');
  const validation = hold(calibration.left, shares.validation, seed, 'validation');
  const ascending = (parts: number[][]): number[] => parts.flat().sort((a, b) => a - b);
  return {
    train: ascending(validation.left),
    validation: ascending(validation.held),
    calibration: ascending(calibration.held),
  };
}

/** Holds a share of each class out; both parts by class, ascending. */
function hold(byClass: readonly number[][], share: number, seed: number, purpose: Purpose) {
  const key = deriveSeed(seed, purpose);
  const held: number[][] = [];
  const left: number[][] = [];
  byClass.forEach((ofClass, label) => {
    const n = ofClass.length;
    const count = n < 2 || share === 0 ? 0 : Math.min(n - 1, Math.max(1, Math.round(share * n)));
    const shuffled = new RandomStream(key, label).shuffle([...ofClass]);
    held.push(shuffled.slice(0, count));
    left.push(shuffled.slice(count).sort((a, b) => a - b));
  });
  return { held, left };
}
