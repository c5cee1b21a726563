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

/** Each channel's mean and biased variance, [width]. */
export interface Moments {
  mean: Tensor1D;
  variance: Tensor1D;
}

/**
 * Normalisation by given moments: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with gradients for all five.
 * Where the moments are x's own (`moments`), this is batch normalisation, and several norms of one x share them.
 *
 * @param x [n, height, width, width of the norm]
 */
export function normalise(
  backend: Backend,
  x: Tensor4D,
  { gamma, beta }: NormParameters,
  { mean, variance }: Moments,
): Tensor4D {
  const { tf, ops } = backend;
  const { wide, repeated, summed } = grouping(backend, x.shape);
  const attributes = { ...ATTRIBUTES, is_training: { flag: false } } as const;
  return withGradient(
    backend,
    [x, gamma, beta, mean, variance],
    (a, g, b, m, v) => {
      const inputs = [wide(a), ...[g, b, m, v].map((vector) => repeated(vector as Tensor1D))];
      const [y] = ops('FusedBatchNormV3', { ...attributes, exponential_avg_factor: { float: 1 } }, inputs, 6);
      return {
        value: (y as Tensor).reshape<Tensor4D>(x.shape),
        saved: [a, g, m, v],
      };
    },
    (dy, saved) => {
      const [a, g, m, v] = saved as [Tensor, Tensor1D, Tensor1D, Tensor1D];
      const vectors = [g, m, v].map(repeated);
      const inputs = [wide(dy), wide(a), ...vectors, tf.tensor1d([])];
      const [dx, scales, shifts] = ops('FusedBatchNormGradV3', attributes, inputs, 5) as [Tensor, Tensor1D, Tensor1D];
      const [dGamma, dBeta] = [summed(scales), summed(shifts)];
      const inverse = tf.add(v, EPSILON);
      return [
        dx.reshape(x.shape),
        dGamma,
        dBeta,
        tf.neg(tf.mul(tf.mul(dBeta, g), tf.rsqrt(inverse))),
        tf.mul(tf.div(tf.mul(dGamma, g), inverse), -0.5),
      ];
    },
  );
}

/**
 * Mean and biased variance of each channel, with a gradient.
 *
 * @param x [n, height, width, channels]
 */
export function moments(backend: Backend, x: Tensor4D): Moments {
  const { tf, ops } = backend;
  const { groups, rows, wide, repeated, averaged } = grouping(backend, x.shape);
  const channels = x.shape[3];
  const attributes = { ...ATTRIBUTES, is_training: { flag: true }, exponential_avg_factor: { float: 1 } } as const;
  const both = withGradient(
    backend,
    [x],
    (a) => {
      const empty = tf.tensor1d([]);
      const [ones, zeros] = [tf.ones([groups * channels]), tf.zeros([groups * channels])];
      const [, means, variances] = ops('FusedBatchNormV3', attributes, [wide(a), ones, zeros, empty, empty], 6) as [
        Tensor,
        Tensor1D,
        Tensor1D,
      ];
      const mean = averaged(means);
      // Unbiased within each group; what the groups' means differ by is missing.
      const within = averaged(tf.mul(variances, (rows / groups - 1) / (rows / groups)));
      const between = averaged(tf.square(tf.sub(means, repeated(mean))));
      return { value: tf.stack([mean, tf.add(within, between)]), saved: [a, mean] };
    },
    (dy, saved) => {
      const [a, mean] = saved as [Tensor, Tensor1D];
      const [dMean, dVariance] = tf.unstack(dy) as [Tensor1D, Tensor1D];
      const slope: Tensor1D = tf.mul(dVariance, 2 / rows);
      const shift: Tensor1D = tf.sub(tf.div(dMean, rows), tf.mul(slope, mean));
      return [tf.add(tf.mul(wide(a), repeated(slope)), repeated(shift)).reshape(x.shape)];
    },
  );
  const [mean, variance] = tf.unstack(both) as [Tensor1D, Tensor1D];
  return { mean, variance };
}

/** Channels that fill a vector register. */
const REGISTER = 16;

/**
 * Rows of pixels taken together, so that their channels fill whole registers: oneDNN normalises 84 channels at a third of
 * the speed of 96, and 4 x 84 as fast.
 */
function grouping({ tf }: Backend, [n, height, width, channels]: Tensor4D['shape']) {
  const rows = n * height * width;
  let groups = 1;
  while ((groups * channels) % REGISTER !== 0 && rows % (2 * groups) === 0) groups *= 2;
  return {
    rows,
    groups,
    wide: (x: Tensor): Tensor4D => x.reshape([1, rows / groups, 1, groups * channels]),
    repeated: (vector: Tensor1D): Tensor1D => tf.tile(vector, [groups]),
    summed: (vector: Tensor): Tensor1D => tf.sum(vector.reshape([groups, channels]), 0),
    averaged: (vector: Tensor): Tensor1D => tf.mean(vector.reshape([groups, channels]), 0),
  };
}

/** Normalisation by fixed statistics is y = x scale + shift: both, [width]. */
export function foldNorm(
  { tf }: Backend,
  { gamma, beta }: NormParameters,
  { mean, variance }: Moments,
): { scale: Tensor1D; shift: Tensor1D } {
  const scale = tf.mul<Tensor1D>(gamma, tf.rsqrt(tf.add(variance, EPSILON)));
  return { scale, shift: tf.sub(beta, tf.mul(mean, scale)) };
}
