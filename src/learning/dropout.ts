import type { Backend, Tensor } from './backend.js';
import type { Pass } from './network.js';
import { uniform } from './random-ops.js';

/**
 * Dropout: y = x * m, m = 0 with probability `rate`, else 1 / (1 - rate). The gradient is the mask's. Sampled at test time
 * too, it makes a network an approximate Bayesian one.
 *
 * @param x [n, ...]
 * @param maskShape what is drawn; by default a mask an element. A 1 shares along that axis: whole channels are dropped
 * Source: Gal and Ghahramani 2016, arXiv 1506.02142.
 */
export function drop<T extends Tensor>(
  { backend: { tf }, mask }: Pass,
  x: T,
  layer: number,
  maskShape: number[] = x.shape,
): T {
  const kept = mask(maskShape, layer);
  if (kept === null) return x;
  const dropped = tf.customGrad((...inputs: unknown[]) => {
    const [input, save] = inputs as [Tensor, (tensors: Tensor[]) => void];
    save([kept]);
    // tf.mul's own gradient would multiply by x for the mask's sake, too.
    return { value: tf.mul(input, kept), gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(dy, saved[0] as Tensor) };
  });
  return dropped(x) as T;
}

/**
 * A mask of `shape`: 0 where dropped, 1 / (1 - rate) where kept; a function of the seed alone.
 *
 * @param rate probability that an element is dropped, in [0, 1)
 * @param seed int32, [2]
 */
export function dropoutMask(backend: Backend, shape: number[], rate: number, seed: Tensor): Tensor {
  const { tf } = backend;
  return tf.tidy(() =>
    tf.mul(tf.cast(tf.greaterEqual(uniform(backend, shape, seed), rate), 'float32'), 1 / (1 - rate)),
  );
}
