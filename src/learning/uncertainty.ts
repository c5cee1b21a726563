import type { Moments } from '../contracts/scores.js';

/**
 * Uncertainty of a classifier from stochastic passes. With p_t the class probabilities of pass t and p = mean_t p_t, in nats:
 *
 *   H[p]                          predictive entropy, the whole uncertainty
 *   mean_t H[p_t]                 aleatoric: what is left when the weights are known
 *   H[p] - mean_t H[p_t] = I[y, w]      epistemic: the mutual information of label and weights (BALD)
 *
 * and as shares, with a sum of 1 - sum_c p_c^2:
 *
 *   tr mean_t (diag p_t - p_t p_t^T) = mean_t (1 - sum_c p_tc^2)        aleatoric as in Kwon et al.
 *   tr mean_t (p_t - p)(p_t - p)^T   = mean_t sum_c (p_tc - p_c)^2      epistemic as in Kwon et al.
 *
 * Sources: Houlsby et al. 2011, eq. 2; Gal et al. 2017, eq. 7; Depeweg et al. 2018; Kwon et al. 2018, eq. 4; variation
 * ratio: Freeman 1965, as in Gal 2016, section 3.3.1.
 */

/** Entropy -sum p ln p of one distribution, p[start .. start + classes). */
export function entropy(p: ArrayLike<number>, start = 0, classes = p.length): number {
  let sum = 0;
  for (let i = start; i < start + classes; i++) {
    const value = p[i] as number;
    if (value > 0) sum -= value * Math.log(value);
  }
  return sum;
}

/** Position of the largest value among p[start .. start + classes), from `start`; the first of equal ones. */
export function argmax(p: ArrayLike<number>, start = 0, classes = p.length): number {
  let best = 0;
  for (let c = 1; c < classes; c++) if ((p[start + c] as number) > (p[start + best] as number)) best = c;
  return best;
}

export interface Posterior {
  /** Mean over the passes, [n, classes]. */
  p: Float32Array;
  /** All [n]. */
  predictiveEntropy: Float32Array;
  aleatoric: Float32Array;
  epistemic: Float32Array;
  /** Mean of exp(s): the variance of the logits. */
  logVariance: Float32Array;
  /** Standard deviation over the passes of the predicted class's probability. */
  probabilityStd: Float32Array;
  /** Share of the passes that predict another class than the most frequent one. */
  variationRatio: Float32Array;
  kwonAleatoric: Float32Array;
  kwonEpistemic: Float32Array;
  /** Passes that the item took. */
  passes: Float32Array;
}

/** Moments of one item in float64, and the class with the largest mean probability. */
export interface ItemMoments extends Moments {
  predicted: number;
  passes: number;
}

/**
 * Adds passes up, so that memory does not grow with their number; an item may take fewer of them than another. Sums are
 * float64 and an item's passes are added in their order: whether it shares a call with others changes no bit.
 */
export class PosteriorAccumulator {
  private readonly count: Uint32Array;
  private readonly p: Float64Array;
  private readonly square: Float64Array;
  /** Passes that predict each class. */
  private readonly votes: Uint32Array;
  private readonly entropy: Float64Array;
  private readonly variance: Float64Array;

  constructor(
    readonly n: number,
    readonly classes: number,
  ) {
    this.count = new Uint32Array(n);
    this.p = new Float64Array(n * classes);
    this.square = new Float64Array(n * classes);
    this.votes = new Uint32Array(n * classes);
    this.entropy = new Float64Array(n);
    this.variance = new Float64Array(n);
  }

  /**
   * Adds one pass of all items, or of some.
   *
   * @param probabilities of one pass, [m, classes], rows sum to 1
   * @param logVariance s of one pass, [m]
   * @param items whose pass it is, [m], positions in 0 .. n - 1; by default all n in order
   */
  add(probabilities: ArrayLike<number>, logVariance: ArrayLike<number>, items?: ArrayLike<number>): void {
    const { classes } = this;
    const rows = items?.length ?? this.n;
    for (let row = 0; row < rows; row++) {
      const item = items ? (items[row] as number) : row;
      const start = row * classes;
      for (let c = 0; c < classes; c++) {
        const value = probabilities[start + c] as number;
        this.p[item * classes + c]! += value;
        this.square[item * classes + c]! += value * value;
      }
      this.count[item]!++;
      this.votes[item * classes + argmax(probabilities, start, classes)]!++;
      this.entropy[item]! += entropy(probabilities, start, classes);
      this.variance[item]! += Math.exp(logVariance[row] as number);
    }
  }

  /** Passes of an item so far. */
  passes(item: number): number {
    return this.count[item] as number;
  }

  /** Mean probabilities of an item, [classes]; into `mean` where it is given. NaN before its first pass. */
  mean(item: number, mean = new Float64Array(this.classes)): Float64Array {
    const passes = this.passes(item);
    for (let c = 0; c < this.classes; c++) mean[c] = (this.p[item * this.classes + c] as number) / passes;
    return mean;
  }

  /** The moments of an item's passes so far. What is never negative is cut off at 0, where rounding would have it below. */
  moments(item: number, mean = this.mean(item)): ItemMoments {
    const { classes } = this;
    const passes = this.passes(item);
    const start = item * classes;
    const predicted = argmax(mean);
    const probability = mean[predicted] as number;
    let [ofMean, ofPasses, votes] = [0, 0, 0];
    for (let c = 0; c < classes; c++) {
      ofMean += (mean[c] as number) ** 2;
      ofPasses += (this.square[start + c] as number) / passes;
      votes = Math.max(votes, this.votes[start + c] as number);
    }
    const total = entropy(mean);
    const aleatoric = (this.entropy[item] as number) / passes;
    const square = (this.square[start + predicted] as number) / passes;
    return {
      predicted,
      passes,
      probability,
      probability_std: Math.sqrt(Math.max(0, square - probability * probability)),
      predictive_entropy: total,
      aleatoric,
      epistemic: Math.max(0, total - aleatoric),
      log_variance: (this.variance[item] as number) / passes,
      variation_ratio: 1 - votes / passes,
      kwon_aleatoric: Math.max(0, 1 - ofPasses),
      kwon_epistemic: Math.max(0, ofPasses - ofMean),
    };
  }

  /** The moments of all items' passes so far. */
  result(): Posterior {
    const { n, classes } = this;
    const column = () => new Float32Array(n);
    const posterior: Posterior = {
      p: new Float32Array(n * classes),
      predictiveEntropy: column(),
      aleatoric: column(),
      epistemic: column(),
      logVariance: column(),
      probabilityStd: column(),
      variationRatio: column(),
      kwonAleatoric: column(),
      kwonEpistemic: column(),
      passes: Float32Array.from(this.count),
    };
    const mean = new Float64Array(classes);
    for (let i = 0; i < n; i++) {
      const moments = this.moments(i, this.mean(i, mean));
      posterior.p.set(mean, i * classes);
      posterior.predictiveEntropy[i] = moments.predictive_entropy;
      posterior.aleatoric[i] = moments.aleatoric;
      posterior.epistemic[i] = moments.epistemic;
      posterior.logVariance[i] = moments.log_variance;
      posterior.probabilityStd[i] = moments.probability_std;
      posterior.variationRatio[i] = moments.variation_ratio;
      posterior.kwonAleatoric[i] = moments.kwon_aleatoric;
      posterior.kwonEpistemic[i] = moments.kwon_epistemic;
    }
    return posterior;
  }
}
