/*
 * What calibration makes likely about errors by rank. The chance that the label at share s of the ranking is wrong is
 * e(s) = a + (b - a) s^p: a floor a of errors that the ranking does not see, and a rise to b that starts the later the
 * larger p is. A handful of parameters, so that 40 calibration images say something, and closed sums over any range.
 *
 * Priors: a log-uniform from 1e-4 (networks are surer than any calibration split can show); b Jeffreys' Beta(1/2, 1/2), at
 * least a; p uniform over powers of two. A certificate needs none of it: a wrong belief costs answers, not validity.
 */

/** One curve, and how much it is believed. */
export interface ErrorCurve {
  floor: number;
  top: number;
  power: number;
  weight: number;
}

/** An untouched calibration image: where it would stand in the frozen ranking, in [0, 1), and whether the model was right. */
export interface CalibrationPoint {
  share: number;
  right: boolean;
}

const POWERS = [1, 2, 4, 8, 16, 32, 64, 128];
const FLOORS = 17;
const TOPS = 14;

const odds = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** `count` probabilities, evenly spaced in their logits. */
function logitGrid(from: number, to: number, count: number): number[] {
  const [low, high] = [Math.log(from / (1 - from)), Math.log(to / (1 - to))];
  return Array.from({ length: count }, (_, i) => odds(low + ((high - low) * i) / (count - 1)));
}

/** Chance that the label at `share` is wrong. */
export const errorAt = ({ floor, top, power }: ErrorCurve, share: number): number =>
  floor + (top - floor) * share ** power;

/** Share of the labels before `share` that is wrong. */
export const errorBefore = ({ floor, top, power }: ErrorCurve, share: number): number =>
  floor + ((top - floor) * share ** power) / (power + 1);

/** The posterior over error curves; weights sum to 1. Curves that nobody would believe (under 1e-5) are left out. */
export function believe(calibration: readonly CalibrationPoint[]): ErrorCurve[] {
  const curves: ErrorCurve[] = [];
  for (const power of POWERS) {
    const rises = calibration.map(({ share }) => Math.min(1, Math.max(0, share)) ** power);
    for (const floor of logitGrid(1e-4, 0.4, FLOORS))
      for (const top of logitGrid(0.005, 0.95, TOPS)) {
        if (top < floor) continue;
        // Jeffreys' density in b times db / d logit b.
        let log = 0.5 * Math.log(top * (1 - top));
        for (const [i, { right }] of calibration.entries()) {
          const error = floor + (top - floor) * (rises[i] as number);
          log += Math.log(right ? 1 - error : error);
        }
        curves.push({ floor, top, power, weight: log });
      }
  }
  const best = curves.reduce((most, { weight }) => Math.max(most, weight), -Infinity);
  for (const curve of curves) curve.weight = Math.exp(curve.weight - best);
  const all = curves.reduce((sum, { weight }) => sum + weight, 0);
  const believed = curves.filter(({ weight }) => weight > 1e-5 * all);
  const total = believed.reduce((sum, { weight }) => sum + weight, 0);
  return believed.map((curve) => ({ ...curve, weight: curve.weight / total }));
}
