import { largestScore, scoreOf } from '../contracts/scores.js';
import type { CutoffFile, ThresholdInput } from '../contracts/stages.js';
import type { PosteriorRow } from '../contracts/tables.js';
import { calibrate } from './calibration.js';
import { classwiseCutoffs, estimateAt, targetErrorCutoff } from './cutoff.js';
import type { ScoredImage } from './cutoff.js';
import { isHeldBack } from './folds.js';
import { expectedTopCutoff, fenceCutoff, isFence } from './fence.js';

export interface LabelledImages {
  posteriors: readonly PosteriorRow[];
  /** Human labels, [n]. */
  labels: ArrayLike<number>;
  /** Positions that no training step saw. */
  calibration: readonly number[];
  classes: number;
  /** Images in the pool. */
  pool: number;
}

/** The images without the held-back ones: not even a fence sees them. */
export function steering(images: LabelledImages, seed: number): LabelledImages {
  const calibration = new Set(images.calibration);
  const kept = images.posteriors.flatMap(({ id }, i) => (calibration.has(i) && isHeldBack(id, seed) ? [] : [i]));
  return {
    ...images,
    posteriors: kept.map((i) => images.posteriors[i] as PosteriorRow),
    labels: kept.map((i) => images.labels[i] as number),
    calibration: kept.flatMap((old, i) => (calibration.has(old) ? [i] : [])),
  };
}

type Wanted = Pick<ThresholdInput, 'rule' | 'score' | 'limit' | 'classwise' | 'targetError' | 'scaling' | 'seed'>;

/** Of rules that have no number; a run's settings fill in the others' (contracts/presets.ts). */
const NO_LIMIT = 1;

/** The round's cut-off and the calibration of its probabilities. The estimate looks at calibration images alone. */
export function chooseCutoff(wanted: Wanted, images: LabelledImages): CutoffFile {
  const { posteriors, labels, calibration, classes } = images;
  const { rule, score } = wanted;
  const scored = posteriors.map((row, i): ScoredImage => ({
    score: scoreOf(score, row),
    predicted: row.predicted,
    correct: row.predicted === labels[i],
  }));
  const heldOut = calibration.map((i) => scored[i] as ScoredImage);
  const values = cutoffsOf(wanted, scored, heldOut, images);
  return {
    format: 'labelloop.cutoff/2',
    score,
    rule,
    values,
    classwise: values.some((value) => value !== values[0]),
    top: rule === 'top-n' ? Math.floor(wanted.limit ?? NO_LIMIT) : null,
    scaling: calibrate(
      calibration.map((i) => ({ p: (posteriors[i] as PosteriorRow).p, label: labels[i] as number })),
      classes,
      wanted.scaling,
      wanted.seed,
    ),
    estimate: estimateAt(heldOut, values),
  };
}

function cutoffsOf(
  { rule, score, limit, classwise, targetError }: Wanted,
  scored: readonly ScoredImage[],
  heldOut: readonly ScoredImage[],
  { classes, pool }: LabelledImages,
): number[] {
  const common = (value: number): number[] => new Array<number>(classes).fill(value);
  if (rule === 'top-n') return common(expectedTopCutoff(heldOut, limit ?? NO_LIMIT, pool));
  // Fences as published look at every labelled image, those that trained included.
  if (isFence(rule)) return common(fenceCutoff(rule, scored, limit ?? NO_LIMIT));
  const largest = largestScore(score, classes);
  if (classwise) return classwiseCutoffs(heldOut, targetError, largest, classes);
  return common(targetErrorCutoff(heldOut, targetError, largest));
}
