import { withGradient } from './custom-gradient.js';
import type { Backend, Tensor, Tensor1D, Tensor4D } from './backend.js';

/** Keras's 1.001e-5 of its DenseNet, which the released code of Deep Bayesian Self-Training took over. */
const EPSILON = 1.001e-5;

const ATTRIBUTES = {
  T: { type: 'float32' },
  U: { type: 'float32' },
  epsilon: { float: EPSILON },
  data_format: { text: 'NHWC' },
} as const;

/** What one batch normalisation works with, each [width]. */
export interface NormParameters {
  gamma: Tensor1D;
  beta: Tensor1D;
}

/**
 * Batch normalisation by this batch's own statistics: y = gamma (x - mean) / sqrt(variance + epsilon) + beta. Mean and
 * variance depend on x, and the gradient knows it.
 *
 * @param x [n, height, width, width of the norm]
 * @returns y; the batch's mean; its unbiased variance (y itself is normalised by the biased one)
 * Source: Ioffe and Szegedy 2015, arXiv 1502.03167.
 */
export function batchNorm(
  backend: Backend,
  x: Tensor4D,
  { gamma, beta }: NormParameters,
): { y: Tensor4D; mean: Tensor1D; variance: Tensor1D } {
  const { tf, ops } = backend;
  const attributes = { ...ATTRIBUTES, is_training: { flag: true } } as const;
  const empty = tf.tensor1d([]);
  // Outside of the custom gradient, which would dispose what is not its value.
  const [y, mean, variance, ...reserved] = ops(
    'FusedBatchNormV3',
    { ...attributes, exponential_avg_factor: { float: 1 } },
    [x, gamma, beta, empty, empty],
    6,
  ) as [Tensor4D, Tensor1D, Tensor1D, Tensor, Tensor, Tensor];
  const value = withGradient(
    backend,
    [x, gamma, beta],
    (a, g) => ({ value: y, saved: [a, g, ...reserved] }),
    (dy, saved) => ops('FusedBatchNormGradV3', attributes, [dy, ...saved], 5).slice(0, 3),
  );
  return { y: value, mean, variance };
}

/** Normalisation by fixed statistics in one op, for sampling: it has no gradient. */
export function fixedNorm(
  { ops }: Backend,
  x: Tensor4D,
  { gamma, beta }: NormParameters,
  mean: Tensor1D,
  variance: Tensor1D,
): Tensor4D {
  const attributes = { ...ATTRIBUTES, is_training: { flag: false }, exponential_avg_factor: { float: 1 } } as const;
  return ops('FusedBatchNormV3', attributes, [x, gamma, beta, mean, variance], 6)[0] as Tensor4D;
}

/** Normalisation by fixed statistics is y = x scale + shift: both, [width]. */
export function foldNorm(
  { tf }: Backend,
  { gamma, beta }: NormParameters,
  mean: Tensor1D,
  variance: Tensor1D,
): { scale: Tensor1D; shift: Tensor1D } {
  const scale = tf.mul<Tensor1D>(gamma, tf.rsqrt(tf.add(variance, EPSILON)));
  return { scale, shift: tf.sub(beta, tf.mul(mean, scale)) };
}
