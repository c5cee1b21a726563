import assert from 'node:assert/strict';
import { loadBackend } from '../../src/learning/backend.js';
import { heteroscedasticLoss } from '../../src/learning/heteroscedastic.js';
import { normalisedSum, weightedMean } from '../../src/learning/losses.js';
import { normal } from '../../src/learning/random-ops.js';
import { checkGradients, countTensors, normals } from './gradients.js';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D } from '../../src/learning/backend.js';

const backend = loadBackend();
const { tf } = backend;

/** The logits' draws of one step, [draws, 3, 3]. */
const noiseOf = (draws: number, ...seed: [number, number]) =>
  normal(backend, [draws, 3, 3], tf.tensor1d(seed, 'int32')) as Tensor3D;

describe('tensor operations', () => {
  countTensors();

  describe('heteroscedastic loss', () => {
    const labels = () => tf.oneHot(tf.tensor1d([0, 2, 1], 'int32'), 3).toFloat() as Tensor2D;

    it('equals cross-entropy where the variance goes to 0', () => {
      const logits = tf.tensor2d(normals(9), [3, 3]);
      const noise = noiseOf(8, 1, 2);
      const got = heteroscedasticLoss(backend, logits, tf.fill([3], -60), labels(), noise).dataSync();
      const logP = tf.logSoftmax(logits);
      const expected = tf.neg(tf.sum(tf.mul(logP, labels()), 1)).dataSync();
      got.forEach((value, i) => assert.ok(Math.abs(value - (expected[i] as number)) < 1e-6));
    });

    it('is minus the logarithm of the mean probability over the draws', () => {
      const logits = tf.tensor2d(normals(9), [3, 3]);
      const s = tf.tensor1d([0.5, -1, 0.2]);
      const noise = noiseOf(50, 3, 4);
      const got = heteroscedasticLoss(backend, logits, s, labels(), noise).dataSync();
      const drawn = tf.add(logits.expandDims(0), tf.mul(noise, tf.exp(tf.div(s, 2)).reshape([1, 3, 1])));
      const p = tf.mean(tf.sum(tf.mul(tf.softmax(drawn), labels()), 2), 0);
      const expected = tf.neg(tf.log(p)).dataSync();
      got.forEach((value, i) => assert.ok(Math.abs(value - (expected[i] as number)) < 1e-5));
    });

    it('has the gradient that finite differences have', () => {
      const noise = noiseOf(6, 5, 6);
      const weights = tf.tensor1d([1, 0.5, 2]);
      checkGradients(
        (logits, s) =>
          tf.sum(tf.mul(heteroscedasticLoss(backend, logits as Tensor2D, s as Tensor1D, labels(), noise), weights)),
        [tf.tensor2d(normals(9), [3, 3]), tf.tensor1d([0.5, -1, 1])],
      );
    });

    it('stays finite, with a gradient, for an item that is confidently wrong', () => {
      const noise: Tensor3D = tf.zeros([2, 1, 2]);
      const label = tf.tensor2d([[0, 1]]);
      const loss = (logits: Tensor): Scalar =>
        tf.sum(heteroscedasticLoss(backend, logits as Tensor2D, tf.zeros([1]), label, noise));
      const { value, grad } = tf.valueAndGrad(loss)(tf.tensor2d([[200, 0]]));
      assert.ok(Math.abs((value.dataSync()[0] as number) - 200) < 1e-3);
      assert.deepEqual([...grad.dataSync()], [1, -1]);
    });
  });

  describe('normalised sum of losses', () => {
    const scalars = (...values: number[]) => values.map((value) => tf.scalar(value)) as [Scalar, Scalar];

    it('brings pseudo-labels to the scale of human labels', () => {
      const [h, p] = scalars(2, 0.1);
      const averages = { human: tf.scalar(2), pseudo: tf.scalar(0.1) };
      const value = normalisedSum(backend, h, p, averages, 3).dataSync()[0] as number;
      assert.ok(Math.abs(value - (2 + 3 * 20 * 0.1) / 4) < 1e-6);
    });

    it('has no gradient through the ratio', () => {
      const averages = { human: tf.scalar(4), pseudo: tf.scalar(2) };
      const { grads } = tf.valueAndGrads((h, p) => normalisedSum(backend, h as Scalar, p as Scalar, averages, 1))(
        scalars(1, 1),
      );
      assert.deepEqual(
        grads.map((gradient) => gradient.dataSync()[0]),
        [0.5, 1],
      );
    });

    it('takes a mean over the items of a kind, by their weights, and 0 where there is none', () => {
      const mean = (kind: number[]) =>
        weightedMean(backend, tf.tensor1d([1, 2, 4]), tf.tensor1d([1, 0.5, 2]), tf.tensor1d(kind)).dataSync()[0];
      assert.equal(mean([1, 1, 0]), 1);
      assert.equal(mean([0, 0, 0]), 0);
    });
  });
});
