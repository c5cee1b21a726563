import { philox } from '../contracts/random.js';
import type { SeedPair } from '../contracts/learner.js';
import type { Backend, Tensor } from './backend.js';

/**
 * Random tensors that are a function of (key, counter): TensorFlow's stateless generators, keyed by one Philox block, so
 * that a step or a pass gives the same numbers wherever it runs first.
 */
function stateless(
  backend: Backend,
  name: string,
  shape: number[],
  key: Readonly<SeedPair>,
  counter: [number, number],
) {
  const { tf, op } = backend;
  const [a, b] = philox([counter[0] >>> 0, counter[1] >>> 0, 0, 0x74656e73], key);
  return tf.tidy(() =>
    op(name, { T: { type: 'int32' }, Tseed: { type: 'int32' }, dtype: { type: 'float32' } }, [
      tf.tensor1d(shape, 'int32'),
      tf.tensor1d([a | 0, b | 0], 'int32'),
    ]),
  );
}

/** Uniform in [0, 1), of `shape`. */
export const uniform = (
  backend: Backend,
  shape: number[],
  key: Readonly<SeedPair>,
  counter: [number, number],
): Tensor => stateless(backend, 'StatelessRandomUniform', shape, key, counter);

/** Standard normal, of `shape`. */
export const normal = (backend: Backend, shape: number[], key: Readonly<SeedPair>, counter: [number, number]): Tensor =>
  stateless(backend, 'StatelessRandomNormal', shape, key, counter);
