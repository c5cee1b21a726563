import { hypergeometricCdf } from './audit/index.js';

/*
 * How wide a prefix of the pool, from the most certain image on, holds at most a share epsilon of wrong labels: exact tests at
 * a grid of cut-offs, in a fixed order, each at the full level until the first that fails. Whether a statement comes out of it
 * rests on the caller: the calibration images have to be exchangeable with the pool's, and untouched (labelling/release.ts).
 */

/** Cut-offs of the grid. */
const CUTS = 20;

/** What round or release t, from 1 on, may spend of alpha: alpha / (t (t + 1)), which sums to alpha over all t. */
export const alphaOf = (alpha: number, t: number): number => alpha / (t * (t + 1));

/** A cut-off with what lies at or below it. */
export interface Cut {
  cutoff: number;
  /** Pool images. */
  pool: number;
  /** Calibration images, and the wrongly labelled ones of these. */
  calibration: number;
  errors: number;
}

/**
 * Cut-offs at even ranks of the pool, ascending and distinct: a function of the pool's scores alone, as a grid that knew the
 * calibration labels would need a correction.
 *
 * @param sorted the pool's scores, ascending
 */
export function rankGrid(sorted: ArrayLike<number>, cuts = CUTS): number[] {
  const ranks = Array.from({ length: cuts }, (_, g) => Math.ceil(((g + 1) * sorted.length) / cuts) - 1);
  return [...new Set(ranks.filter((rank) => rank >= 0).map((rank) => sorted[rank] as number))];
}

/** Wrong labels that a cut may hold: floor(epsilon * size), whatever the rounding of the product. */
export const mostWrong = (epsilon: number, size: number): number => Math.floor(epsilon * size + 1e-9);

/**
 * p-value of "more than a share epsilon of the cut's pool labels are wrong", exact where the cut's calibration images are
 * exchangeable with its pool images.
 *
 * With M pool and n calibration images and K = floor(epsilon M) + 1, were K of the pool's wrong, then K + x of all n + M,
 * of which x fell among the n: hypergeometric. More wrong ones make so few calibration errors rarer still, so
 * P(p <= alpha and the pool holds K wrong or more) <= alpha. As M grows it becomes the binomial tail P(Bin(n, epsilon) <= x);
 * that one is of images to come, and too small for a pool not much larger than n.
 *
 * Source: the conditional argument of Fisher's exact test, one-sided; Vovk et al. 2005 for exchangeability in place of
 * independent draws.
 */
export function errorTest({ pool, calibration, errors }: Omit<Cut, 'cutoff'>, epsilon: number): number {
  if (pool === 0 || calibration === 0) return 1;
  const wrong = mostWrong(epsilon, pool) + 1 + errors;
  return hypergeometricCdf(errors, pool + calibration, wrong, calibration);
}

/** Calibration errors with which a cut passes at `alpha`; -1: it can't. */
export function errorsAllowed(cut: Pick<Cut, 'pool' | 'calibration'>, epsilon: number, alpha: number): number {
  let errors = -1;
  while (errors < cut.calibration && errorTest({ ...cut, errors: errors + 1 }, epsilon) <= alpha) errors++;
  return errors;
}

/**
 * The widest cut that passes: tested from a start on, each at the whole `alpha`, until the first that fails. The first cut
 * that should fail passes with probability `alpha` at most, and none is tested after one that failed: no correction is due
 * (Maurer et al. 1995; Angelopoulos et al. 2021, arXiv 2110.01052, for thresholds).
 *
 * The start is the first cut that passes with an error of a third of epsilon, where a mistake or two don't end the sequence
 * at once; where none does, the first that bears one error, or else the last that bears none. (A third: simulated with 100 to
 * 1,000 calibration images, epsilon 2 to 10 % and five ways in which errors grow with the score, no other share or number of
 * errors covers more over all of them.) It goes by the calibration images that the cut's share of the pool lets expect: a
 * start that looked at the calibration images themselves would not be fixed.
 *
 * @param cuts ascending, of `rankGrid`
 * @param images the pool's and the calibration images in all
 * @returns index; null where nothing passes
 */
export function fixedSequence(
  cuts: readonly Cut[],
  images: { pool: number; calibration: number },
  epsilon: number,
  alpha: number,
): number | null {
  const start = startOf(cuts, images, epsilon, alpha);
  let passed: number | null = null;
  for (let g = start; g >= 0 && g < cuts.length && errorTest(cuts[g] as Cut, epsilon) <= alpha; g++) passed = g;
  return passed;
}

/** Index of the first cut to test; -1: none can pass. */
function startOf(
  cuts: readonly Cut[],
  images: { pool: number; calibration: number },
  epsilon: number,
  alpha: number,
): number {
  const allowed = cuts.map(({ pool }) => {
    const calibration = Math.floor((images.calibration * pool) / Math.max(1, images.pool));
    return { calibration, errors: errorsAllowed({ pool, calibration }, epsilon, alpha) };
  });
  const robust = allowed.findIndex(({ calibration, errors }) => errors > 0 && errors >= (epsilon / 3) * calibration);
  if (robust >= 0) return robust;
  const bears = allowed.findIndex(({ errors }) => errors >= 1);
  return bears >= 0 ? bears : allowed.findLastIndex(({ errors }) => errors === 0);
}
