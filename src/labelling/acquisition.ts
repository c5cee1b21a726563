import { RandomStream } from '../contracts/random.js';
import { labellingErrors } from './errors.js';
import type { SeedPair } from '../contracts/learner.js';

/**
 * Which images to label next: those of which the label would tell most about the weights. In nats.
 *
 * With p_t(x) the class probabilities of x under the weights of pass t, all passes equally likely, and A the items taken:
 *
 *   I[y_x, w] = H[mean_t p_t(x)] - mean_t H[p_t(x)]                                                          BALD
 *   I[y_A, y_x, w] - I[y_A, w] = mean over outcomes y_A of H[sum_t P(t | y_A) p_t(x)] - mean_t H[p_t(x)]     BatchBALD
 *
 * The second is BatchBALD's joint entropy less that of A, by the chain rule: as weights of passes, outcomes stay normalised
 * however many items there are, where joint probabilities underflow.
 *
 * Sources: Houlsby et al. 2011, arXiv 1112.5745, eq. 2; Kirsch et al. 2019, arXiv 1906.08158, eq. 8 and section 3.2.
 */

/** Consistent passes: the weights of a pass are those of the same pass of every other item. */
export interface Passes {
  /** [n, passes, classes], rows sum to 1 */
  p: Float32Array | Float64Array;
  n: number;
  passes: number;
  classes: number;
}

export interface BatchOptions {
  /** Items to take. */
  size: number;
  /** Key of the outcomes that are drawn where there are too many. */
  key: Readonly<SeedPair>;
  /**
   * Outcomes to go through, at most: all of them while classes^items are no more, else so many drawn ones. Cost is linear in it.
   * Default 10,000: the standard error of a gain is then below 0.01 nats, gains of batches worth labelling are 0.1 to 1.
   */
  outcomes?: number;
}

export interface Batch {
  /** In the order taken. */
  items: number[];
  /** What each adds to the mutual information of the labels before it with the weights; their sum is the batch's. */
  gains: number[];
}

/**
 * Mutual information of each item's label with the weights, [n]: what BALD takes the highest of.
 *
 * @throws SHAPE_MISMATCH where p is not [n, passes, classes]
 */
export function bald(predictions: Passes): Float64Array {
  checkShape(predictions);
  const { n, passes, classes } = predictions;
  const aleatoric = expectedEntropies(predictions);
  const prior = new Float64Array(passes).fill(1 / passes);
  const mixture = new Float64Array(classes);
  return Float64Array.from({ length: n }, (_, item) =>
    Math.max(0, mixtureEntropy(predictions, item, prior, 0, mixture) - (aleatoric[item] as number)),
  );
}

/** The `count` items of the highest scores, the first of equal ones; all where there are fewer. */
export const highest = (scores: ArrayLike<number>, count: number): number[] => descending(scores).slice(0, count);

/**
 * Takes items one by one, each time the one whose label adds most to what the labels of those before tell: two alike are
 * worth hardly more than one, which BALD does not see.
 *
 * Gains only shrink as the batch grows (submodularity), so that an item whose last gain is below the best of this step
 * needs no look: the same batch as by going through all, at a fraction of the time. Gains from drawn outcomes, and with
 * them the bounds, are off by their standard error.
 *
 * @throws SHAPE_MISMATCH where p is not [n, passes, classes]
 * Sources: Kirsch et al. 2019, algorithm 1; Minoux 1978, "Accelerated greedy algorithms".
 */
export function batchBald(predictions: Passes, { size, key, outcomes = 10_000 }: BatchOptions): Batch {
  const bounds = bald(predictions);
  const aleatoric = expectedEntropies(predictions);
  const joint = new JointOutcomes(predictions, outcomes, key);
  const batch: Batch = { items: [], gains: [] };
  while (batch.items.length < Math.min(size, predictions.n)) {
    let best = -1;
    let bestGain = -Infinity;
    for (const item of descending(bounds)) {
      if ((bounds[item] as number) <= bestGain) break;
      const known = aleatoric[item] as number;
      const gain = joint.entropyOf(item, bestGain + known) - known;
      bounds[item] = gain;
      if (gain > bestGain) [best, bestGain] = [item, gain];
    }
    batch.items.push(best);
    batch.gains.push(Math.max(0, bestGain));
    bounds[best] = -Infinity;
    joint.add(best);
  }
  return batch;
}

/** Drawn outcomes after which an item can be given up, and how many standard errors below the best it has to be. */
const LEAST_SEEN = 100;
const DEVIATIONS = 4;
/** A pass that a drawn outcome leaves less is left out of it: all such together move no entropy by 0.001. */
const NO_WEIGHT = 1e-6;

/** What the labels of the items taken can be, and what each such outcome would say about the weights. */
class JointOutcomes {
  /** Probabilities of the outcomes, [outcomes]. */
  private weight = Float64Array.of(1);
  /** P(pass | outcome), [outcomes, passes]. */
  private posterior: Float64Array;
  private readonly items: number[] = [];
  private drawn = false;
  private readonly random: RandomStream;
  private readonly mixture: Float64Array;

  constructor(
    private readonly predictions: Passes,
    private readonly limit: number,
    key: Readonly<SeedPair>,
  ) {
    this.posterior = new Float64Array(predictions.passes).fill(1 / predictions.passes);
    this.random = new RandomStream(key);
    this.mixture = new Float64Array(predictions.classes);
  }

  /**
   * Entropy of the item's label once the labels of the items taken are known, on average. Of drawn outcomes it takes no
   * more than it needs to see that the mean is below `least`, and is then an upper bound that is below, too.
   */
  entropyOf(item: number, least: number): number {
    const { predictions, weight, posterior, mixture } = this;
    const { passes } = predictions;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < weight.length; i++) {
      const value = mixtureEntropy(predictions, item, posterior, i * passes, mixture);
      sum += (weight[i] as number) * value;
      squares += value * value;
      const seen = i + 1;
      if (!this.drawn || seen % passes > 0 || seen < LEAST_SEEN) continue;
      const mean = (sum * weight.length) / seen;
      const bound = mean + DEVIATIONS * Math.sqrt(Math.max(0, squares / seen - mean * mean) / seen);
      if (bound < least) return bound;
    }
    return sum;
  }

  add(item: number): void {
    this.items.push(item);
    if (!this.drawn && this.weight.length * this.predictions.classes <= this.limit) return this.enumerate(item);
    if (this.drawn) return this.draw(item);
    this.drawn = true;
    const { passes } = this.predictions;
    // As many of each pass: outcomes are draws from the passes' mixture, with less variance.
    const count = Math.max(1, Math.floor(this.limit / passes)) * passes;
    this.weight = new Float64Array(count).fill(1 / count);
    this.posterior = new Float64Array(count * passes).fill(1 / passes);
    for (const each of this.items) this.draw(each);
  }

  /** Each outcome becomes one a class; those that can't be are left out. */
  private enumerate(item: number): void {
    const { passes, classes } = this.predictions;
    const weights: number[] = [];
    const posterior = new Float64Array(this.posterior.length * classes);
    for (let i = 0; i < this.weight.length; i++) {
      for (let label = 0; label < classes; label++) {
        const to = weights.length * passes;
        const probability = this.condition(posterior, to, i * passes, item, label);
        if (probability > 0) weights.push((this.weight[i] as number) * probability);
      }
    }
    this.weight = Float64Array.from(weights);
    this.posterior = posterior.subarray(0, weights.length * passes);
  }

  /** Each outcome gets a label from the pass that it is a draw of. */
  private draw(item: number): void {
    const { p, passes, classes } = this.predictions;
    for (let i = 0; i < this.weight.length; i++) {
      const start = (item * passes + (i % passes)) * classes;
      let rest = this.random.uniform();
      let label = 0;
      while (label < classes - 1 && (rest -= p[start + label] as number) >= 0) label++;
      // Rounding can leave a remainder to a class of probability 0.
      while (p[start + label] === 0) label--;
      this.condition(this.posterior, i * passes, i * passes, item, label);
      for (let t = i * passes; t < (i + 1) * passes; t++)
        if ((this.posterior[t] as number) < NO_WEIGHT) this.posterior[t] = 0;
    }
  }

  /** Bayes' rule: P(pass | outcome, label) to `target` at `to`, from P(pass | outcome) at `from`. Returns P(label | outcome). */
  private condition(target: Float64Array, to: number, from: number, item: number, label: number): number {
    const { p, passes, classes } = this.predictions;
    let sum = 0;
    for (let t = 0; t < passes; t++) {
      const joint = (this.posterior[from + t] as number) * (p[(item * passes + t) * classes + label] as number);
      target[to + t] = joint;
      sum += joint;
    }
    for (let t = 0; t < passes; t++) target[to + t]! /= sum;
    return sum;
  }
}

/** Entropy of the item's label where pass t has weight `weights[start + t]`. `mixture` is room for [classes]. */
function mixtureEntropy(
  { p, passes, classes }: Passes,
  item: number,
  weights: Float64Array,
  start: number,
  mixture: Float64Array,
): number {
  mixture.fill(0);
  let from = item * passes * classes;
  for (let t = 0; t < passes; t++, from += classes) {
    const weight = weights[start + t] as number;
    if (weight === 0) continue;
    for (let c = 0; c < classes; c++) mixture[c]! += weight * (p[from + c] as number);
  }
  return entropy(mixture, 0, classes);
}

/** mean_t H[p_t], [n] */
function expectedEntropies({ p, n, passes, classes }: Passes): Float64Array {
  const means = new Float64Array(n);
  for (let row = 0; row < n * passes; row++)
    means[Math.floor(row / passes)]! += entropy(p, row * classes, classes) / passes;
  return means;
}

function entropy(p: ArrayLike<number>, start: number, classes: number): number {
  let sum = 0;
  for (let i = start; i < start + classes; i++) {
    const value = p[i] as number;
    if (value > 0) sum -= value * Math.log(value);
  }
  return sum;
}

/** Positions by falling score, equal ones in their order. */
const descending = (scores: ArrayLike<number>): number[] =>
  Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => (scores[b] as number) - (scores[a] as number));

function checkShape({ p, n, passes, classes }: Passes): void {
  if (p.length !== n * passes * classes) throw labellingErrors.rowsMismatch(n, passes * classes, p.length);
}
