import type { Conditional } from '../contracts/grades.js';
import type { ScoredImage } from './cutoff.js';
import { alphaOf, fixedSequence, mostWrong, rankGrid } from './fixed-sequence.js';
import type { Cut } from './fixed-sequence.js';

/** 1 - confidence of all releases of a split together. */
export const TOTAL_ALPHA = 0.05;
/** Level of the two-sample test: so many releases from a fair sample are refused. */
export const TWO_SAMPLE_LEVEL = 0.05;

export interface ReleaseImages {
  /**
   * Calibration images that nothing has looked at before, each scored by the student of its own fold
   * (labelling/folds.ts): one student, as a pool image has one. The mean of all students would be another labeller, and a better
   * one, than any that labelled the pool.
   */
  calibration: readonly ScoredImage[];
  /** The pool's scores, each by the student that never saw the image. */
  pool: readonly number[] | Float64Array;
  folds: number;
}

/**
 * The conditional estimate, grade B: the widest cut of the pool that holds at most a share `epsilon` of wrong labels with
 * confidence 1 - alpha, if the calibration images are exchangeable with the pool's. Refused where the two-sample test says that
 * they are not, or no cut passes.
 *
 * Given the students, calibration and pool images of a fold meet one that was trained on neither, so that their pairs of
 * score and rightness are exchangeable, and so are those of all folds together as each image's fold is a hash of its id.
 * What is left out: a student of one fold has seen the pool images of the others, so the folds' errors are not quite
 * independent; and from the third round on the other folds' pseudo-labels come from students that saw this one.
 *
 * The claim counts labels of all images at or below the cut-off; those that are then kept back as outliers only leave, so that
 * `most` holds for the rest.
 */
export function release(
  { calibration, pool, folds }: ReleaseImages,
  { epsilon, release: t }: { epsilon: number; release: number },
  twoSample: { p: number; calibration: number; pool: number },
): Conditional {
  const alpha = alphaOf(TOTAL_ALPHA, t);
  const common = {
    ...{ epsilon, release: t, alpha, totalAlpha: TOTAL_ALPHA, folds },
    twoSample: { ...twoSample, level: TWO_SAMPLE_LEVEL },
  };
  const refuse = (refused: NonNullable<Conditional['refused']>): Conditional => ({
    ...{ grade: 'C', refused, claim: null, ...common },
    calibration: { images: calibration.length, accepted: 0, errors: 0 },
  });
  if (twoSample.p <= TWO_SAMPLE_LEVEL) return refuse('two-sample');

  const cuts = cutsOf(calibration, pool);
  const passed = fixedSequence(cuts, { pool: pool.length, calibration: calibration.length }, epsilon, alpha);
  if (passed === null) return refuse('calibration');
  const { cutoff, pool: size, calibration: accepted, errors } = cuts[passed] as Cut;
  return {
    ...{ grade: 'B', refused: null, claim: { size, most: mostWrong(epsilon, size), cutoff }, ...common },
    calibration: { images: calibration.length, accepted, errors },
  };
}

/** The rank grid with what lies at or below each of its cut-offs. */
export function cutsOf(calibration: readonly ScoredImage[], pool: readonly number[] | Float64Array): Cut[] {
  const sorted = Float64Array.from(pool).sort();
  return rankGrid(sorted).map((cutoff) => {
    const under = calibration.filter(({ score }) => score <= cutoff);
    return {
      cutoff,
      pool: countUpTo(sorted, cutoff),
      calibration: under.length,
      errors: under.filter(({ correct }) => !correct).length,
    };
  });
}

/** Numbers at or below `limit` in an ascending array. */
function countUpTo(sorted: Float64Array, limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
