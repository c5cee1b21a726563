import type { ScoreName } from './presets.js';
import type { PosteriorRow } from './tables.js';

/** What the scores are made of: moments of an image's passes. */
export type Moments = Pick<
  PosteriorRow,
  | 'probability'
  | 'probability_std'
  | 'predictive_entropy'
  | 'aleatoric'
  | 'epistemic'
  | 'log_variance'
  | 'variation_ratio'
  | 'kwon_aleatoric'
  | 'kwon_epistemic'
>;

/** UPS accepts p >= .70 with a standard deviation over the passes below .05; Rizve et al. 2021, arXiv 2101.06329. */
export const UPS_PROBABILITY = 0.7;
export const UPS_DEVIATION = 0.05;

const SCORES: Record<ScoreName, (moments: Moments) => number> = {
  'predictive-entropy': (m) => m.predictive_entropy,
  aleatoric: (m) => m.aleatoric,
  'mutual-information': (m) => m.epistemic,
  'log-variance': (m) => m.log_variance,
  // U of arXiv 1812.01681: mean exp(s) + H[p].
  'total-uncertainty': (m) => m.log_variance + m.predictive_entropy,
  'kwon-aleatoric': (m) => m.kwon_aleatoric,
  'kwon-epistemic': (m) => m.kwon_epistemic,
  'max-softmax': (m) => 1 - m.probability,
  'variation-ratio': (m) => m.variation_ratio,
  // Both conditions in one number: at most 1 where both hold.
  ups: (m) => Math.max((1 - m.probability) / (1 - UPS_PROBABILITY), m.probability_std / UPS_DEVIATION),
};

/** The score of an image: small is certain, never negative but for rounding. */
export const scoreOf = (score: ScoreName, moments: Moments): number => SCORES[score](moments);

const ENTROPIES: readonly ScoreName[] = ['predictive-entropy', 'aleatoric', 'mutual-information'];
const UNBOUNDED: readonly ScoreName[] = ['log-variance', 'total-uncertainty'];

/** What no score exceeds, as the tables' float32 holds it: a cut-off that accepts everything. */
export const ACCEPT_EVERYTHING = 3.4028234663852886e38;

/** The largest value that a score can take over so many classes; `ACCEPT_EVERYTHING` where it has none. */
export function largestScore(score: ScoreName, classes: number): number {
  if (UNBOUNDED.includes(score)) return ACCEPT_EVERYTHING;
  if (ENTROPIES.includes(score)) return Math.log(classes);
  // A probability's standard deviation is at most 1/2.
  if (score === 'ups') return Math.max(1 / (1 - UPS_PROBABILITY), 0.5 / UPS_DEVIATION);
  return 1 - 1 / classes;
}
