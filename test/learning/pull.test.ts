import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { LabelloopError } from '../../src/contracts/errors.js';
import { encodeSafetensors } from '../../src/contracts/safetensors.js';
import { loadBackend } from '../../src/learning/backend.js';
import { pullLoss, readAnchors } from '../../src/learning/pull.js';
import { temporaryDirectory } from './fixtures.js';
import { checkGradients, countTensors, normalTensor } from './gradients.js';
import type { Tensor1D, Tensor2D } from '../../src/learning/backend.js';

const backend = loadBackend();
const { tf } = backend;
const value = (z: number[][], c: number[][], anchored: number[]): number =>
  pullLoss(backend, tf.tensor2d(z), tf.tensor2d(c), tf.tensor1d(anchored)).dataSync()[0] as number;

describe('the pull to centroids', () => {
  describe('its loss', () => {
    countTensors();

    it('is the mean squared distance on the unit sphere, over the items that have a centroid', () => {
      // 3, 4 has length 5: (.6, .8), (.6 - 1)^2 + .8^2 = .8; (0, 2) -> (0, 1) at its centroid: 0; the third does not count.
      const z = [
        [3, 4],
        [0, 2],
        [7, 7],
      ];
      const c = [
        [1, 0],
        [0, 1],
        [-1, 0],
      ];
      assert.ok(Math.abs(value(z, c, [1, 1, 0]) - 0.4) < 1e-6);
    });

    it('is 0 without a centroid, and finite for features that are all 0', () => {
      assert.equal(value([[3, 4]], [[0, 0]], [0]), 0);
      const gradient = tf.grad((z) => pullLoss(backend, z as Tensor2D, tf.tensor2d([[1, 0]]), tf.tensor1d([1])))(
        tf.tensor2d([[0, 0]]),
      );
      assert.ok(gradient.dataSync().every(Number.isFinite));
    });

    it('does not see the length of the features', () => {
      const [z, c] = [normalTensor<Tensor2D>([4, 6]), normalTensor<Tensor2D>([4, 6], 0.3)];
      const of = (x: Tensor2D) => pullLoss(backend, x, c, tf.ones([4])).dataSync()[0] as number;
      assert.ok(Math.abs(of(z) - of(tf.mul(z, 5))) < 1e-5);
    });

    it('has the gradient that finite differences give', () => {
      const anchors = normalTensor<Tensor2D>([5, 8], 0.3);
      const anchored: Tensor1D = tf.tensor1d([1, 0, 1, 1, 0]);
      checkGradients((z) => pullLoss(backend, z as Tensor2D, anchors, anchored), [normalTensor([5, 8])]);
    });
  });

  describe('its centroids', () => {
    const directory = temporaryDirectory();
    const written = (shape: number[], data: number[]): string => {
      const file = path.join(directory, `anchors-${shape.join('x')}`);
      fs.writeFileSync(file, encodeSafetensors({ anchors: { dtype: 'F32', shape, data: Float32Array.from(data) } }));
      return file;
    };
    const refused = (error: unknown) => error instanceof LabelloopError && error.code === 'SHAPE_MISMATCH';

    it('come to the items of a batch that have one', () => {
      const { count, feeds } = readAnchors(written([2, 3], [1, 2, 3, 4, 5, 6]), 3);
      assert.equal(count, 2);
      const { anchors, anchored } = feeds(Int32Array.of(2, 0, 1), Int32Array.of(1, -1, 0));
      assert.deepEqual([...anchors], [1, 2, 3, 4, 5, 6, 0, 0, 0]);
      assert.deepEqual([...anchored], [1, 1, 0]);
    });

    it('are refused where they are missing or of another width', () => {
      assert.throws(() => readAnchors(null, 3), refused);
      assert.throws(() => readAnchors(written([3, 2], [1, 2, 3, 4, 5, 6]), 3), refused);
    });
  });
});
