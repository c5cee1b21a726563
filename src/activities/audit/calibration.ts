import type { AuditedRound, FreezeOutput } from '../../contracts/audit-stages.js';
import type { Ref } from '../../contracts/references.js';
import { scoreOf } from '../../contracts/scores.js';
import { cutoffFile } from '../../contracts/stages.js';
import type { CalibrationPoint } from '../../labelling/audit/index.js';
import type { Store } from '../../store/index.js';
import { readAllPosteriors, readLabels, readManifest, readSplit } from '../inputs.js';
import { classIndex } from './one-class.js';

/** From so many on, a class's own calibration images plan its audit. */
const OWN = 20;

/** A calibration point, and the class that the model gave it. */
export interface ClassPoint extends CalibrationPoint {
  predicted: number;
}

/**
 * The points that plan an audit of one class: those of the class, as classes differ in how often they are wrong. Under 20 of
 * them say so little that no plan would be believed to succeed, and nobody would be asked; then all say how errors go with
 * scores in general. A belief that is wrong costs answers, never validity.
 */
export function pointsOf(points: readonly ClassPoint[], only: number | null): CalibrationPoint[] {
  const own = points.filter(({ predicted }) => predicted === only);
  return (own.length >= OWN ? own : points).map(({ share, right }) => ({ share, right }));
}

/**
 * The calibration images, which no training step saw, beside the frozen labels. They make a plan cheap or dear, and nothing
 * more: what a certificate says does not depend on them.
 *
 * @param only the class that was frozen; absent: all
 */
export async function readCalibration(
  store: Store,
  dataset: Ref,
  round: AuditedRound,
  frozen: FreezeOutput,
  only?: string,
): Promise<CalibrationPoint[]> {
  const manifest = await readManifest(store, dataset);
  const { calibration } = await readSplit(store, round.split);
  const [posteriors, labels, cutoff, bytes] = await Promise.all([
    readAllPosteriors(store, round.labelled),
    readLabels(store, manifest),
    store.readJson(round.cutoff, cutoffFile),
    store.readBytes(frozen.scores),
  ]);
  const scores = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const last = scores.at(-1) ?? Number.NEGATIVE_INFINITY;
  const points = calibration.flatMap((i): ClassPoint[] => {
    const posterior = posteriors[i];
    if (!posterior) return [];
    const score = scoreOf(cutoff.score, posterior);
    const limit = cutoff.top === null ? (cutoff.values[posterior.predicted] as number) : last;
    // Above the cut-off it would have no label; and nothing is known of such labels.
    if (!(score <= limit)) return [];
    const { predicted } = posterior;
    return [{ share: below(scores, score) / Math.max(1, scores.length), right: predicted === labels[i], predicted }];
  });
  return pointsOf(points, only === undefined ? null : classIndex(manifest, only));
}

/** How many of ascending values are less than `value`. */
function below(values: Float64Array, value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
