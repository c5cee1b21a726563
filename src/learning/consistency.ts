import { gather } from './layers.js';
import type { Recipe } from '../contracts/learner.js';
import type { Backend, Tensor, Tensor1D, Tensor2D } from './backend.js';

export type Consistency = NonNullable<Recipe['consistency']>;

/**
 * Decay of FreeMatch's moving averages. The paper's .999 belongs to a million steps; trainings here take a thousand or
 * two, of which the averages must not lag behind half.
 */
const DECAY = 0.99;

/** What weak views teach. */
export interface Teaching {
  /** One-hot, [n, classes]. */
  targets: Tensor2D;
  /** 1 where the weak view is certain enough to teach, else 0; [n]. */
  mask: Tensor1D;
  /** New values of `thresholdVariables`. */
  updates: Record<string, Tensor>;
}

/**
 * What a rule for the thresholds remembers. `taught`: for each pool image the class that it last taught with p > tau, or
 * -1; `confidence`: moving average of max p; `classes`: that of p, [classes].
 */
export function thresholdVariables(
  { thresholds, aligned }: Consistency,
  classes: number,
  pool: number,
): Record<string, { shape: number[]; data: Float32Array }> {
  const filled = (n: number, value: number) => ({ shape: [n], data: new Float32Array(n).fill(value) });
  const alignment = aligned ? { marginal: filled(classes, 1 / classes) } : {};
  if (thresholds === 'flexmatch') return { ...alignment, taught: filled(pool, -1) };
  if (thresholds === 'freematch')
    return { ...alignment, confidence: filled(1, 1 / classes), classes: filled(classes, 1 / classes) };
  return alignment;
}

/**
 * Pseudo-labels from the probabilities of weak views: the most probable class, where its probability reaches the threshold
 *
 * - fixed: tau (FixMatch; Sohn et al. 2020, arXiv 2001.07685),
 * - flexmatch: tau b_c / (2 - b_c), b_c = n_c / max(max n, n of those that taught nothing yet), n_c the images that last
 *   taught c with p > tau (Zhang et al. 2021, arXiv 2110.08263, eq. 5 to 11),
 * - freematch: m p_c / max p, m and p moving averages of max q and of q (Wang et al. 2022, arXiv 2205.07246, eq. 5 to 8).
 *
 * @param q probabilities of the weak views, [n, classes]
 * @param places which pool images they are, int32, [n]
 */
export function teach(
  backend: Backend,
  rule: Consistency,
  weak: Tensor2D,
  places: Tensor1D,
  variables: Record<string, Tensor>,
): Teaching {
  const { tf } = backend;
  const classes = weak.shape[1];
  const alignment = rule.aligned ? align(backend, weak, variables['marginal'] as Tensor1D) : null;
  const q = alignment?.q ?? weak;
  const confidence: Tensor1D = tf.max(q, 1);
  const answer: Tensor1D = tf.argMax(q, 1);
  const targets = tf.cast(tf.oneHot(answer, classes), 'float32') as Tensor2D;
  const { limits, updates } = thresholdsOf(backend, rule, { q, confidence, answer, places }, variables);
  const mask: Tensor1D = tf.cast(tf.greaterEqual(confidence, tf.sum(tf.mul(targets, limits), 1)), 'float32');
  return { targets, mask, updates: alignment ? { ...updates, marginal: alignment.marginal } : updates };
}

/**
 * Distribution alignment towards equal shares of the classes: q_c / p_c, scaled to sum 1, p the moving average of q.
 *
 * On images that are unlike the labelled ones a student is quick to find one class for all of them, which consistency then
 * confirms. Source: Berthelot et al. 2020, arXiv 1911.09785, section 3.1; for moved domains 2021, arXiv 2106.04732 (AdaMatch).
 */
function align({ tf }: Backend, q: Tensor2D, before: Tensor1D): { q: Tensor2D; marginal: Tensor1D } {
  const marginal: Tensor1D = tf.add(tf.mul(before, DECAY), tf.mul(tf.mean(q, 0), 1 - DECAY));
  const ratio: Tensor2D = tf.div(q, tf.maximum(marginal, 1e-6));
  return { q: tf.div(ratio, tf.sum(ratio, 1, true)), marginal };
}

/** Thresholds by class, [classes]. */
function thresholdsOf(
  backend: Backend,
  { threshold, thresholds }: Consistency,
  weak: { q: Tensor2D; confidence: Tensor1D; answer: Tensor1D; places: Tensor1D },
  variables: Record<string, Tensor>,
): { limits: Tensor; updates: Record<string, Tensor> } {
  const { tf } = backend;
  const { q, confidence, answer, places } = weak;
  const classes = q.shape[1];
  if (thresholds === 'fixed') return { limits: tf.fill([classes], threshold), updates: {} };
  if (thresholds === 'freematch') {
    const moved = (name: string, seen: Tensor): Tensor =>
      tf.add(tf.mul(variables[name] as Tensor, DECAY), tf.mul(seen, 1 - DECAY));
    const mean = moved('confidence', tf.mean(confidence).reshape([1]));
    const marginal = moved('classes', tf.mean(q, 0));
    return {
      limits: tf.mul(tf.div(marginal, tf.max(marginal)), mean),
      updates: { confidence: mean, classes: marginal },
    };
  }
  const taught = variables['taught'] as Tensor1D;
  const counts = countsOf(backend, tf.cast(tf.add(taught, 1), 'int32'), classes + 1);
  const [untaught, byClass] = tf.split(counts, [1, classes]) as [Tensor1D, Tensor1D];
  const share = tf.div(byClass, tf.maximum(tf.max(counts), tf.maximum(untaught, 1)));
  const before = gather(backend, taught, places);
  const now = tf.where(tf.greaterEqual(confidence, threshold), tf.cast(answer, 'float32'), before);
  return {
    limits: tf.mul(tf.div(share, tf.sub(2, share)), threshold),
    updates: { taught: scatter(backend, taught, places, now) },
  };
}

/** How often each of 0 to n - 1 occurs, [n]. */
const countsOf = ({ tf, op }: Backend, values: Tensor, n: number): Tensor =>
  op('DenseBincount', { Tidx: { type: 'int32' }, T: { type: 'float32' }, binary_output: { flag: false } }, [
    values,
    tf.scalar(n, 'int32'),
    tf.tensor1d([], 'float32'),
  ]);

/** `target` with `values` at `places`. */
const scatter = ({ tf, op }: Backend, target: Tensor1D, places: Tensor1D, values: Tensor): Tensor =>
  op('TensorScatterUpdate', { T: { type: 'float32' }, Tindices: { type: 'int32' } }, [
    target,
    tf.reshape(places, [-1, 1]),
    values,
  ]);
