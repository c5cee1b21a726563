/**
 * Uncertainty of a classifier from stochastic passes, in nats. With p_t the class probabilities of pass t:
 *
 *   H[mean_t p_t]      predictive entropy, the whole uncertainty
 *   mean_t H[p_t]      aleatoric: what is left when the weights are known
 *   H[mean_t p_t] - mean_t H[p_t] = I[y, w]      epistemic: the mutual information of label and weights (BALD)
 *
 * Sources: Houlsby et al. 2011, eq. 2; Gal et al. 2017, eq. 7; Depeweg et al. 2018.
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
}

/** Adds passes up, so that memory does not grow with their number. Sums are float64: their order is the only rounding. */
export class PosteriorAccumulator {
  private passes = 0;
  private readonly p: Float64Array;
  private readonly square: Float64Array;
  private readonly entropy: Float64Array;
  private readonly variance: Float64Array;

  constructor(
    private readonly n: number,
    private readonly classes: number,
  ) {
    this.p = new Float64Array(n * classes);
    this.square = new Float64Array(n * classes);
    this.entropy = new Float64Array(n);
    this.variance = new Float64Array(n);
  }

  /**
   * @param probabilities of one pass, [n, classes], rows sum to 1
   * @param logVariance s of one pass, [n]
   */
  add(probabilities: ArrayLike<number>, logVariance: ArrayLike<number>): void {
    const { n, classes } = this;
    this.passes++;
    for (let i = 0; i < n * classes; i++) {
      const value = probabilities[i] as number;
      this.p[i]! += value;
      this.square[i]! += value * value;
    }
    for (let i = 0; i < n; i++) {
      this.entropy[i]! += entropy(probabilities, i * classes, classes);
      this.variance[i]! += Math.exp(logVariance[i] as number);
    }
  }

  /** The moments of all passes so far. Epistemic is never negative: rounding is cut off at 0. */
  result(): Posterior {
    const { n, classes, passes } = this;
    const posterior: Posterior = {
      p: Float32Array.from(this.p, (sum) => sum / passes),
      predictiveEntropy: new Float32Array(n),
      aleatoric: Float32Array.from(this.entropy, (sum) => sum / passes),
      epistemic: new Float32Array(n),
      logVariance: Float32Array.from(this.variance, (sum) => sum / passes),
      probabilityStd: new Float32Array(n),
    };
    const mean = new Float64Array(classes);
    for (let i = 0; i < n; i++) {
      let predicted = 0;
      for (let c = 0; c < classes; c++) {
        mean[c] = (this.p[i * classes + c] as number) / passes;
        if ((mean[c] as number) > (mean[predicted] as number)) predicted = c;
      }
      const total = entropy(mean);
      const probability = mean[predicted] as number;
      const square = (this.square[i * classes + predicted] as number) / passes;
      posterior.predictiveEntropy[i] = total;
      posterior.epistemic[i] = Math.max(0, total - (this.entropy[i] as number) / passes);
      posterior.probabilityStd[i] = Math.sqrt(Math.max(0, square - probability * probability));
    }
    return posterior;
  }
}
