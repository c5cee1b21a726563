import { philox } from '../contracts/random.js';
import { volume } from './network.js';
import type { SeedPair } from '../contracts/learner.js';
import type { Backend, Tensor } from './backend.js';

/**
 * The seed of one random tensor, int32 [2]: a function of (key, counter) by one Philox block, so that a step or a pass
 * gives the same numbers wherever it runs first. It is computed here, in JavaScript, and fed to a compiled step.
 */
export function seedOf(key: Readonly<SeedPair>, counter: readonly [number, number]): [number, number] {
  const [a, b] = philox([counter[0] >>> 0, counter[1] >>> 0, 0, 0x74656e73], key);
  return [a | 0, b | 0];
}

/** TensorFlow's stateless generators: the same seed gives the same numbers. */
function stateless({ tf, op }: Backend, name: string, shape: readonly number[], seed: Tensor): Tensor {
  const attributes = { T: { type: 'int32' }, Tseed: { type: 'int32' }, dtype: { type: 'float32' } } as const;
  return tf.tidy(() => op(name, attributes, [tf.tensor1d([...shape], 'int32'), seed]));
}

/**
 * Uniform in [0, 1), of `shape`.
 *
 * @param seed int32 [2], of `seedOf`
 */
export const uniform = (backend: Backend, shape: readonly number[], seed: Tensor): Tensor =>
  stateless(backend, 'StatelessRandomUniform', shape, seed);

/** Standard normal, of `shape`; `seed` as for `uniform`. */
export const normal = (backend: Backend, shape: readonly number[], seed: Tensor): Tensor =>
  stateless(backend, 'StatelessRandomNormal', shape, seed);

/**
 * Random bytes of `shape`; `seed` is int32, [2]. tfjs has no such type: the tensor calls itself int32, and only
 * TensorFlow's own ops may take it, told that T is uint8.
 */
export function bytes({ tf, op }: Backend, shape: number[], seed: Tensor): Tensor {
  const size = volume(shape);
  const words = Math.ceil(size / 4);
  const drawn = op(
    'StatelessRandomUniformFullInt',
    { T: { type: 'int32' }, Tseed: { type: 'int32' }, dtype: { type: 'int32' } },
    [tf.tensor1d([words], 'int32'), seed],
  );
  const all = op('Bitcast', { T: { type: 'int32' }, type: { type: 'uint8' } }, [drawn]);
  const as = (x: Tensor, wanted: number[]) =>
    op('Reshape', { T: { type: 'uint8' }, Tshape: { type: 'int32' } }, [x, tf.tensor1d(wanted, 'int32')]);
  if (size === words * 4) return as(all, shape);
  const exact = op('Slice', { T: { type: 'uint8' }, Index: { type: 'int32' } }, [
    as(all, [words * 4]),
    tf.tensor1d([0], 'int32'),
    tf.tensor1d([size], 'int32'),
  ]);
  return as(exact, shape);
}
