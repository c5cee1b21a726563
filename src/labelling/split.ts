import { deriveSeed, RandomStream } from '../contracts/random.js';
import { labellingErrors } from './errors.js';

/**
 * Parts the labelled images into training and calibration, balanced over the classes: of each class's n images
 * round(share * n) go to calibration, but at least one to each part where n >= 2; a class's only image is trained on.
 *
 * Each class draws from a stream of its own, so that further images of one class leave the other classes' parts alone.
 *
 * @param labels class of each labelled image, [n]
 * @param classes number of classes
 * @param calibrationShare between 0 and 1
 * @param seed the run's seed
 * @returns positions in `labels`, ascending; each position in exactly one part
 * @throws DATASET_CLASS_UNKNOWN for a label outside the classes
 */
export function splitLabelled(
  labels: Int32Array,
  classes: number,
  calibrationShare: number,
  seed: number,
): { train: number[]; calibration: number[] } {
  const positions = Array.from({ length: classes }, (): number[] => []);
  labels.forEach((label, position) => {
    const ofClass = positions[label];
    if (!ofClass) throw labellingErrors.labelUnknown(position, label, classes);
    ofClass.push(position);
  });

  const key = deriveSeed(seed, 'split');
  const train: number[] = [];
  const calibration: number[] = [];
  positions.forEach((ofClass, label) => {
    const n = ofClass.length;
    const held = n < 2 ? 0 : Math.min(n - 1, Math.max(1, Math.round(calibrationShare * n)));
    const shuffled = new RandomStream(key, label).shuffle(ofClass);
    shuffled.forEach((position, i) => (i < held ? calibration : train).push(position));
  });
  const ascending = (a: number, b: number) => a - b;
  return { train: train.sort(ascending), calibration: calibration.sort(ascending) };
}
