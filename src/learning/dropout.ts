import { withGradient } from './custom-gradient.js';
import { randomBytes } from './random-ops.js';
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

/** Values of a random byte. */
const LEVELS = 256;

/**
 * A mask of `shape`: 0 where dropped, 1 / (1 - rate) where kept; a function of the seed alone.
 *
 * An element takes one random byte and not a float of four, which makes masks more than twice as fast, and they are what
 * sampling spends most on beside convolutions. So the rate is rounded to a multiple of 1/256: .2 is .1992.
 *
 * @param rate probability that an element is dropped, in [0, 1)
 * @param seed int32, [2]
 */
export function dropoutMask(backend: Backend, shape: readonly number[], rate: number, seed: Tensor): Tensor {
  const { tf, op } = backend;
  const dropped = Math.min(Math.round(rate * LEVELS), LEVELS - 1);
  return tf.tidy(() => {
    const limit = op('Cast', { SrcT: { type: 'int32' }, DstT: { type: 'uint8' }, Truncate: { flag: false } }, [
      tf.scalar(dropped, 'int32'),
    ]);
    const kept = op('GreaterEqual', { T: { type: 'uint8' } }, [randomBytes(backend, shape, seed), limit]);
    return tf.mul(tf.cast(kept, 'float32'), LEVELS / (LEVELS - dropped));
  });
}
