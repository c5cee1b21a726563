import { philox } from '../contracts/random.js';
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
 * Bytes, each value as likely, of `shape`; `seed` as for `uniform`.
 *
 * @returns uint8, which tfjs calls int32 and native ops alone take
 */
export function randomBytes({ tf, op }: Backend, shape: readonly number[], seed: Tensor): Tensor {
  const [INT, BYTE] = [{ type: 'int32' }, { type: 'uint8' }] as const;
  const size = shape.reduce((a, b) => a * b, 1);
  const words = Math.ceil(size / 4);
  return tf.tidy(() => {
    const drawn = op('StatelessRandomUniformFullInt', { T: INT, Tseed: INT, dtype: INT }, [
      tf.tensor1d([words], 'int32'),
      seed,
    ]);
    const bytes = op('Bitcast', { T: INT, type: BYTE }, [drawn]).reshape([4 * words]);
    const range = [tf.tensor1d([0], 'int32'), tf.tensor1d([size], 'int32')];
    const needed = size % 4 === 0 ? bytes : op('Slice', { T: BYTE, Index: INT }, [bytes, ...range]);
    return needed.reshape([...shape]);
  });
}
