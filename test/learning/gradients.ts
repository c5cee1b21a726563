import assert from 'node:assert/strict';
import { RandomStream } from '../../src/contracts/random.js';
import { loadBackend } from '../../src/learning/backend.js';
import { volume } from '../../src/learning/network.js';
import type { Scalar, Tensor } from '../../src/learning/backend.js';

const { tf } = loadBackend();
const random = new RandomStream([5, 6]);

export const normals = (n: number, scale = 1): Float32Array =>
  Float32Array.from({ length: n }, () => scale * random.normal());

export const normalTensor = <T extends Tensor>(shape: number[], scale = 1): T =>
  tf.tensor(normals(volume(shape), scale), shape) as T;

/**
 * Compares the gradient of f at each of `inputs` with central differences along random directions.
 *
 * At a step h, float32 rounds f, of size about 10 here, to 1e-6, so the difference quotient to 1e-6 / 2h = 5e-4 for
 * h = 1e-3; the cubic term adds h^2 of f's third derivative. 2e-2 holds both, and a wrong gradient errs by the order of 1.
 */
export function checkGradients(f: (...inputs: Tensor[]) => Scalar, inputs: Tensor[], tolerance = 2e-2): void {
  tf.tidy(() => {
    const { grads } = tf.valueAndGrads(f)(inputs);
    inputs.forEach((input, k) => {
      for (let trial = 0; trial < 3; trial++) {
        const direction = normalTensor(input.shape);
        const moved = (h: number) =>
          f(...inputs.map((x, i) => (i === k ? tf.add(x, tf.mul(direction, h)) : x))).dataSync()[0] as number;
        const h = 1e-3;
        const numeric = (moved(h) - moved(-h)) / (2 * h);
        const analytic = tf.sum(tf.mul(grads[k] as Tensor, direction)).dataSync()[0] as number;
        const error = Math.abs(numeric - analytic) / Math.max(1e-1, Math.abs(numeric), Math.abs(analytic));
        assert.ok(error < tolerance, `input ${k}: analytic ${analytic}, numeric ${numeric}`);
      }
    });
  });
}

/** No test of the suite leaves a tensor behind. */
export function countTensors(): void {
  let tensors = 0;
  beforeEach(() => {
    tensors = tf.memory().numTensors;
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.engine().endScope();
    assert.equal(tf.memory().numTensors, tensors, 'no tensor is left behind');
  });
}
