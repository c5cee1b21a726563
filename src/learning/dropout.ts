import { uniform } from './random-ops.js';
import type { Backend, Tensor, Tensor2D } from './backend.js';

/**
 * Dropout with a mask an element: y = x * m / (1 - rate), m ~ Bernoulli(1 - rate), the mask a function of the seed.
 * The gradient is the mask's. Sampled at test time too, it makes a network an approximate Bayesian one.
 *
 * @param x [n, width]
 * @param rate probability that an element is dropped, in [0, 1)
 * @param seed int32 [2], of `seedOf`
 * Source: Gal and Ghahramani 2016, arXiv 1506.02142.
 */
export function dropout(backend: Backend, x: Tensor2D, rate: number, seed: Tensor): Tensor2D {
  const { tf } = backend;
  if (rate === 0) return x;
  const drop = tf.customGrad((...inputs: unknown[]) => {
    const [input, save] = inputs as [Tensor2D, (tensors: Tensor[]) => void];
    const mask = tf.mul(tf.cast(keepMask(backend, input.shape, rate, seed), 'float32'), 1 / (1 - rate));
    save([mask]);
    // tf.mul's own gradient would multiply by x for the mask's sake, too.
    return { value: tf.mul(input, mask), gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(dy, saved[0] as Tensor) };
  });
  return drop(x) as Tensor2D;
}

/** True where an element is kept, [n, width]. */
export function keepMask(backend: Backend, shape: readonly number[], rate: number, seed: Tensor): Tensor {
  const { tf } = backend;
  return tf.tidy(() => tf.greaterEqual(uniform(backend, shape, seed), rate));
}
