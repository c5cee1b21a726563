import { withGradient } from './custom-gradient.js';
import { uniform } from './random-ops.js';
import type { Backend, Tensor } from './backend.js';
import type { Pass } from './network.js';

/**
 * Dropout: y = x * m, m = 0 with probability `rate`, else 1 / (1 - rate). The gradient is the mask's. Sampled at test time
 * too, it makes a network an approximate Bayesian one.
 *
 * @param x [n, ...]
 * @param maskShape what is drawn; by default a mask an element. A 1 shares along that axis: whole channels are dropped
 * Source: Gal and Ghahramani 2016, arXiv 1506.02142.
 */
export function drop<T extends Tensor>(pass: Pass, x: T, layer: number, maskShape: number[] = x.shape): T {
  const { backend } = pass;
  const kept = pass.mask(maskShape, layer);
  if (kept === null) return x;
  const { tf } = backend;
  // tf.mul's own gradient would multiply by x for the mask's sake, too.
  return withGradient(
    backend,
    [x],
    (input) => ({ value: tf.mul<T>(input, kept), saved: [kept] }),
    (dy, [saved]) => [tf.mul(dy, saved as Tensor)],
  );
}

/**
 * A mask of `shape`: 0 where dropped, 1 / (1 - rate) where kept; a function of the seed alone.
 *
 * @param rate probability that an element is dropped, in [0, 1)
 * @param seed int32, [2]
 */
export function dropoutMask(backend: Backend, shape: readonly number[], rate: number, seed: Tensor): Tensor {
  const { tf } = backend;
  return tf.tidy(() =>
    tf.mul(tf.cast(tf.greaterEqual(uniform(backend, shape, seed), rate), 'float32'), 1 / (1 - rate)),
  );
}
