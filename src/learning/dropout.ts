import { volume } from './network.js';
import { bytes } from './random-ops.js';
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

/** Values of a random byte: what rates are rounded to. */
const BYTE = 256;

/** The rate that masks really have: the nearest of 1/256, 2/256, ... 255/256. */
export const maskRate = (rate: number): number =>
  rate === 0 ? 0 : Math.min(BYTE - 1, Math.max(1, Math.round(rate * BYTE))) / BYTE;

/**
 * A mask of `shape`: 0 where dropped, 1 / (1 - rate) where kept; a function of the seed alone. An element takes one random
 * byte, for which `rate` is rounded to `maskRate`; the scale is that rate's own, so that the mask's mean is 1 and not nearly
 * so. A draw of 32 bits then serves four elements, and the mask costs a third of what a uniform number each would.
 *
 * @param rate probability that an element is dropped, in (0, 1)
 * @param seed int32, [2]
 */
export function dropoutMask(backend: Backend, shape: number[], rate: number, seed: Tensor): Tensor {
  const { tf, op } = backend;
  const size = volume(shape);
  const dropped = maskRate(rate);
  return tf.tidy(() => {
    const limit = op('Cast', { SrcT: { type: 'int32' }, DstT: { type: 'uint8' } }, [
      tf.scalar(dropped * BYTE, 'int32'),
    ]);
    const kept: Tensor = op('GreaterEqual', { T: { type: 'uint8' } }, [
      bytes(backend, Math.ceil(size / 4), seed),
      limit,
    ]);
    const exact = size % 4 === 0 ? kept : tf.slice(kept.reshape([-1]), [0], [size]);
    return tf.mul(tf.cast(exact.reshape(shape), 'float32'), 1 / (1 - dropped));
  });
}
