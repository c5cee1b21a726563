import assert from 'node:assert/strict';
import { RandomStream } from '../../../src/contracts/random.js';
import { loadBackend } from '../../../src/learning/backend.js';
import { compile, eager } from '../../../src/learning/graph.js';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '../../../src/learning/backend.js';
import type { CompileOptions, FeedValue, Tensors } from '../../../src/learning/graph.js';

const backend = loadBackend();
const { tf } = backend;
const random = new RandomStream([8, 1]);
const normals = (n: number) => Float32Array.from({ length: n }, () => random.normal());

/** What every case may take: a picture, a matrix, a vector, small integers, a mask, a seed, bytes, a scalar. */
const options: CompileOptions = {
  name: 'case',
  variables: { kernel: { shape: [3, 3, 4, 6], data: normals(216) }, weight: { shape: [6, 5], data: normals(30) } },
  feeds: {
    image: { shape: [2, 8, 8, 4], dtype: 'float32' },
    matrix: { shape: [4, 6], dtype: 'float32' },
    vector: { shape: [6], dtype: 'float32' },
    labels: { shape: [4], dtype: 'int32' },
    mask: { shape: [4, 6], dtype: 'bool' },
    seed: { shape: [2], dtype: 'int32' },
    pixels: { shape: [2, 3], dtype: 'uint8' },
    rate: { shape: [], dtype: 'float32' },
  },
};
const feeds: Record<string, FeedValue> = {
  image: normals(512),
  matrix: normals(24),
  vector: normals(6),
  labels: Int32Array.of(0, 3, 1, 4),
  mask: Uint8Array.from({ length: 24 }, (_, i) => (i % 3 === 0 ? 1 : 0)),
  seed: Int32Array.of(77, -5),
  pixels: Uint8Array.of(0, 1, 127, 128, 254, 255),
  rate: Float32Array.of(0.25),
};

export interface Inputs {
  kernel: Tensor4D;
  weight: Tensor2D;
  image: Tensor4D;
  matrix: Tensor2D;
  vector: Tensor1D;
  labels: Tensor1D;
  mask: Tensor2D;
  seed: Tensor1D;
  pixels: Tensor2D;
  rate: Scalar;
}
export type Case = (inputs: Inputs) => Tensor | Tensor[];

const named = (result: Tensor | Tensor[]): Tensors =>
  Object.fromEntries([result].flat().map((tensor, i) => [String(i), tensor]));

function assertClose(got: Tensor, expected: Tensor, exact: boolean, message: string): void {
  const [a, b] = [got.dataSync<'float32'>(), expected.dataSync<'float32'>()];
  if (exact) assert.deepEqual(a, b, message);
  const scale = b.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const error = a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] as number))), 0);
  assert.ok(error <= 1e-6 * scale, `${message}: off by ${error}, largest ${scale}`);
}

/** Declares a test a case: compiled and eager give the same bits or, for those named in `fused`, the same to 1e-6. */
export function itEqualsEager(cases: Record<string, Case>, fused: readonly string[]): void {
  for (const [name, body] of Object.entries(cases)) {
    const exact = !fused.includes(name);
    it(`${name}, ${exact ? 'bit for bit' : 'to 1e-6'}`, () => {
      const before = tf.memory().numTensors;
      const step = (variables: Tensors, fed: Tensors) => ({
        outputs: named(body({ ...variables, ...fed } as unknown as Inputs)),
      });
      const compiled = compile(backend, step, options);
      const reference = eager(backend, step, options);
      const got = compiled.run(feeds);
      const expected = reference.run(feeds);
      assert.deepEqual(Object.keys(got), Object.keys(expected));
      for (const [output, tensor] of Object.entries(expected)) {
        const same = got[output] as Tensor;
        assert.deepEqual([same.shape, same.dtype], [tensor.shape, tensor.dtype], `output ${output}`);
        assertClose(same, tensor, exact, `output ${output}`);
      }
      tf.dispose([got, expected]);
      compiled.dispose();
      reference.dispose();
      assert.equal(tf.memory().numTensors, before);
    });
  }
}
