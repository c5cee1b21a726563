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

/** Values of a random byte: what rates are rounded to. */
const BYTE = 256;

/** Bytes of the 256 for which an element is dropped. */
const droppedBytes = (rate: number): number => Math.min(BYTE - 1, Math.max(1, Math.round(rate * BYTE)));

/** The rate that masks really have: the nearest of 1/256, 2/256, ... 255/256. */
export const maskRate = (rate: number): number => (rate === 0 ? 0 : droppedBytes(rate) / BYTE);

/**
 * A mask of `shape`: 0 where dropped, 1 / (1 - rate) where kept; a function of the seed alone. An element takes one random
 * byte, for which `rate` is rounded to `maskRate`; the scale is that rate's own, so that the mask's mean is 1 and not nearly
 * so. A word of 32 bits then serves four elements: the mask costs a third of what a uniform number each would.
 *
 * @param rate probability that an element is dropped, in (0, 1)
 * @param seed int32, [2]
 */
export function dropoutMask(backend: Backend, shape: readonly number[], rate: number, seed: Tensor): Tensor {
  const { tf, op } = backend;
  return tf.tidy(() => {
    const kept = op('GreaterEqual', UINT8, [randomBytes(backend, shape, seed), byteOf(backend, droppedBytes(rate))]);
    return scaled(backend, kept, rate);
  });
}

/** Passes of which at most one drops an element in `groupedMasks`: 1 / rate, rounded down. */
export const groupSize = (rate: number): number => (rate === 0 ? 1 : Math.floor(BYTE / droppedBytes(rate)));

/**
 * Masks for several passes of each image. Each pass has a mask as `dropoutMask` draws it; within a group of `groupSize`
 * passes an element that one drops is kept by the others (antithetic masks, at rate 1/2 a mask and its complement). The
 * mean over the passes then has the elements' main effects nearly without error: 20 passes estimate the predictive entropy as
 * well as 30 independent ones (bench/agreement.ts), from a fraction of the random numbers. Groups are independent.
 *
 * @param size passes of a group, at most `groupSize`; 1: all masks are independent
 * @returns [images, passes, units]
 * Source: Hammersley and Morton 1956 for antithetic variates; Owen 1992 for the same over many variables (Latin hypercubes).
 */
export function groupedMasks(
  backend: Backend,
  [images, passes, units]: readonly [images: number, passes: number, units: number],
  rate: number,
  seed: Tensor,
  size = groupSize(rate),
): Tensor {
  const { tf, op } = backend;
  const group = Math.min(passes, size);
  const groups = Math.ceil(passes / group);
  return tf.tidy(() => {
    const drawn = randomBytes(backend, [images, groups, units], seed);
    const dropped = droppedBytes(rate);
    // Bytes 0 .. dropped - 1 drop an element in the group's pass 0, the next ones in pass 1, and so on; a byte wraps round.
    const turned = Array.from({ length: group }, (_, pass) =>
      op('Sub', UINT8, [drawn, byteOf(backend, pass * dropped)]),
    );
    const all = op('Pack', { ...UINT8, N: { int: group }, axis: { int: 2 } }, turned).reshape([
      images,
      groups * group,
      units,
    ]);
    const kept = op('GreaterEqual', UINT8, [all, byteOf(backend, dropped)]);
    return scaled(backend, tf.slice(kept, [0, 0, 0], [images, passes, units]), rate);
  });
}

const UINT8 = { T: { type: 'uint8' } } as const;

const byteOf = ({ tf, op }: Backend, value: number): Tensor =>
  op('Cast', { SrcT: { type: 'int32' }, DstT: { type: 'uint8' } }, [tf.scalar(value, 'int32')]);

const scaled = ({ tf }: Backend, kept: Tensor, rate: number): Tensor =>
  tf.mul(tf.cast(kept, 'float32'), 1 / (1 - maskRate(rate)));
