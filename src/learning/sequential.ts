import { scoreOf, UPS_DEVIATION, UPS_PROBABILITY } from '../contracts/scores.js';
import type { SequentialRule } from '../contracts/learner.js';
import type { ScoreName } from '../contracts/presets.js';
import type { ItemMoments, Posterior } from './uncertainty.js';
import { argmax, entropy, PosteriorAccumulator } from './uncertainty.js';

/** One pass of one item, in the light of all its passes. */
interface Pass {
  /** Probabilities of all items' rows; this pass's are at `start`. */
  p: ArrayLike<number>;
  start: number;
  classes: number;
  /** exp s. */
  variance: number;
  /** Mean probabilities over the passes, their logarithms, and the moments. */
  mean: Float64Array;
  logMean: Float64Array;
  moments: ItemMoments;
}

/** Cross-entropy of a pass against the mean, -sum p_tc ln p_c: its mean over the passes is H[p]. */
function crossEntropy({ p, start, classes, logMean }: Pass): number {
  let sum = 0;
  for (let c = 0; c < classes; c++) sum -= (p[start + c] as number) * (logMean[c] as number);
  return sum;
}

function squares({ p, start, classes }: Pass, around?: ArrayLike<number>): number {
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += ((p[start + c] as number) - (around?.[c] ?? 0)) ** 2;
  return sum;
}

const predictedOf = ({ p, start, moments }: Pass): number => p[start + moments.predicted] as number;

/**
 * What a pass adds to each score: the score is, to first order in the passes' deviations from their mean, the mean of these
 * numbers (the delta method), so that their standard deviation over the square root of the passes is its standard error.
 */
const CONTRIBUTIONS: Record<ScoreName, (pass: Pass) => number> = {
  'predictive-entropy': crossEntropy,
  aleatoric: ({ p, start, classes }) => entropy(p, start, classes),
  'mutual-information': (pass) => crossEntropy(pass) - entropy(pass.p, pass.start, pass.classes),
  'log-variance': ({ variance }) => variance,
  'total-uncertainty': (pass) => pass.variance + crossEntropy(pass),
  'kwon-aleatoric': (pass) => 1 - squares(pass),
  'kwon-epistemic': (pass) => squares(pass, pass.mean),
  'max-softmax': (pass) => 1 - predictedOf(pass),
  // The mode's own share; a vote more or less for it.
  'variation-ratio': ({ p, start, classes, moments }) => (argmax(p, start, classes) === moments.predicted ? 0 : 1),
  ups: (pass) => {
    const { probability, probability_std: std } = pass.moments;
    const byProbability = (1 - predictedOf(pass)) / (1 - UPS_PROBABILITY);
    if ((1 - probability) / (1 - UPS_PROBABILITY) >= std / UPS_DEVIATION) return byProbability;
    return ((predictedOf(pass) - probability) ** 2 + std * std) / (2 * std * UPS_DEVIATION);
  },
};

/** Passes between two looks grow with the passes taken: each look is a chance to stop by luck, and a trip to the device. */
const GROWTH = 1 / 3;

/**
 * Passes that go where decisions are open. An item is settled once its score lies enough standard errors from the cut-off of
 * its predicted class and, where it would be accepted or the runner-up has another cut-off, that class leads the runner-up
 * by as many: `settled` of them after `least` passes, fewer later, none after `most`.
 *
 *     const posterior = new SequentialPosterior(n, classes, rule);
 *     while (posterior.open.length > 0) {
 *       for (let pass = posterior.due; pass > 0; pass--) posterior.add(...forward(posterior.open));
 *       posterior.settle();
 *     }
 *
 * The standard error is that of the passes alone (delta method): how far the score may be from that of infinitely many
 * passes of this model, nothing on whether the label is right. It is an estimate from few passes, looked at repeatedly, so
 * no normal law gives the error of a decision; agreement with 1,000 passes, which counts it all, set the defaults.
 *
 * Sources: Wald 1945 for tests that stop when they know enough; van der Vaart 1998, chapter 3, for the delta method.
 */
export class SequentialPosterior {
  /** Items that need more passes, ascending; all have taken equally many. */
  open: Int32Array;
  /** Passes that each of them takes before the next look. */
  due: number;
  private taken = 0;
  private readonly sums: PosteriorAccumulator;
  /** Of each pass: probabilities [n, classes] and exp s [n]; float32, so n * classes * 4 bytes a pass. */
  private readonly kept: { p: Float32Array; variance: Float32Array }[] = [];

  constructor(
    n: number,
    classes: number,
    private readonly rule: SequentialRule,
    private readonly group = 1,
  ) {
    this.sums = new PosteriorAccumulator(n, classes);
    this.open = Int32Array.from({ length: n }, (_, i) => i);
    this.due = Math.min(this.whole(Math.max(2, rule.least)), rule.most);
  }

  /**
   * Adds one pass of the open items.
   *
   * @param probabilities [open, classes], rows sum to 1
   * @param logVariance s, [open]
   */
  add(probabilities: ArrayLike<number>, logVariance: ArrayLike<number>): void {
    const { n, classes } = this.sums;
    const layer = { p: new Float32Array(n * classes), variance: new Float32Array(n) };
    this.open.forEach((item, row) => {
      for (let c = 0; c < classes; c++) layer.p[item * classes + c] = probabilities[row * classes + c] as number;
      layer.variance[item] = Math.exp(logVariance[row] as number);
    });
    this.kept.push(layer);
    this.sums.add(probabilities, logVariance, this.open);
    this.taken++;
    this.due--;
  }

  /** Closes the items whose decision is settled, or all once they have taken `most` passes. */
  settle(): void {
    const left = this.rule.most - this.taken;
    this.open = left <= 0 ? new Int32Array(0) : this.open.filter((item) => !this.isSettled(item));
    this.due = this.open.length === 0 ? 0 : Math.min(left, this.whole(Math.max(1, Math.round(this.taken * GROWTH))));
  }

  private whole(passes: number): number {
    return Math.ceil(passes / this.group) * this.group;
  }

  /** The moments of all passes so far. */
  result(): Posterior {
    return this.sums.result();
  }

  /** The moments of one item's passes so far. */
  moments(item: number): ItemMoments {
    return this.sums.moments(item);
  }

  /**
   * `settled` at `least` passes, falling to 0 at `most`. The chance that one more pass turns a wrong decision right is, for a
   * score z standard errors away, about exp(-z^2 / 4) / passes; where that is worth the same for every item,
   * z^2 = 4 ln(most / passes). The same z at every look needs half as many passes again for the same agreement.
   */
  private standardErrorsNeeded(): number {
    const { least, most, settled } = this.rule;
    const first = Math.max(2, least);
    return this.taken >= most ? 0 : settled * Math.sqrt(Math.log(most / this.taken) / Math.log(most / first));
  }

  private isSettled(item: number): boolean {
    const { score, cutoffs } = this.rule;
    const settled = this.standardErrorsNeeded();
    const mean = this.sums.mean(item);
    const moments = this.sums.moments(item, mean);
    const { predicted } = moments;
    const cutoff = cutoffs[predicted] as number;
    const value = scoreOf(score, moments);
    const accepted = value <= cutoff;
    const contribution = CONTRIBUTIONS[score];
    const context = { classes: this.sums.classes, mean, logMean: mean.map(Math.log), moments };
    const scoreError = this.standardError(item, (pass, variance) =>
      contribution({ ...context, p: pass, start: item * context.classes, variance }),
    );
    if (Math.abs(value - cutoff) <= settled * scoreError) return false;

    const runnerUp = argmax(mean.with(predicted, -1));
    if (!accepted && cutoffs[runnerUp] === cutoff) return true;
    const start = item * context.classes;
    const lead = (pass: ArrayLike<number>) => (pass[start + predicted] as number) - (pass[start + runnerUp] as number);
    return (mean[predicted] as number) - (mean[runnerUp] as number) > settled * this.standardError(item, lead);
  }

  /** Standard error of the mean over an item's passes of what `of` takes from each. */
  private standardError(item: number, of: (p: Float32Array, variance: number) => number): number {
    let [sum, square] = [0, 0];
    for (const { p, variance } of this.kept) {
      const value = of(p, variance[item] as number);
      sum += value;
      square += value * value;
    }
    const passes = this.taken;
    return Math.sqrt(Math.max(0, square / passes - (sum / passes) ** 2) / (passes - 1));
  }
}
