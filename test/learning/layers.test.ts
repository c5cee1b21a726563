import assert from 'node:assert/strict';
import { loadBackend } from '../../src/learning/backend.js';
import { batchNorm, foldNorm, moments, normalise } from '../../src/learning/batch-norm.js';
import { drop, dropoutMask } from '../../src/learning/dropout.js';
import { averagePool, biasRelu, conv2d, convRelu, globalAverage, relu } from '../../src/learning/layers.js';
import { checkGradients, countTensors, normals, normalTensor } from './gradients.js';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '../../src/learning/backend.js';
import type { Pass } from '../../src/learning/network.js';

const backend = loadBackend();
const { tf } = backend;

/** A scalar whose gradient by y is random: a plain sum would hide mistakes that cancel. */
const weigh = (shape: number[]) => {
  const weights = normalTensor(shape);
  return (y: Tensor) => tf.sum(tf.mul(y, weights)).asScalar();
};

/** x kept off 0, where a rectifier has no derivative: differences of 1e-3 along a normal direction stay on one side. */
const offZero = (shape: number[]): Tensor => {
  const x = normalTensor(shape);
  return tf.add(x, tf.mul(tf.sign(x), 0.05));
};

const difference = (a: Tensor, b: Tensor): number => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] as number;

describe('layers', () => {
  countTensors();

  describe('convolution', () => {
    for (const stride of [1, 2]) {
      const side = Math.ceil(5 / stride);

      it(`has the gradients that finite differences have, stride ${stride}`, () => {
        const loss = weigh([2, side, side, 3]);
        checkGradients(
          (x, w) => loss(conv2d(backend, x as Tensor4D, w as Tensor4D, stride)),
          [normalTensor([2, 5, 5, 2]), normalTensor([3, 3, 2, 3])],
        );
      });

      it(`is tfjs's own convolution, stride ${stride}`, () => {
        const [x, w]: Tensor4D[] = [normalTensor([2, 5, 5, 2]), normalTensor([3, 3, 2, 3])] as Tensor4D[];
        const [a, b] = [x as Tensor4D, w as Tensor4D];
        assert.ok(difference(conv2d(backend, a, b, stride), tf.conv2d(a, b, stride, 'same')) < 1e-5);
      });
    }

    it('gives the same with a constant input, and no gradient for it', () => {
      const x: Tensor4D = normalTensor([1, 5, 5, 2]);
      const inputs = [normalTensor([3, 3, 2, 3]), normalTensor([3])];
      const run = (input: 'constant' | 'differentiable') =>
        tf.valueAndGrads((w, b) => tf.sum(convRelu(backend, x, w as Tensor4D, b as Tensor1D, 2, input)))(inputs);
      const [a, b] = [run('constant'), run('differentiable')];
      assert.deepEqual(a.value.dataSync(), b.value.dataSync());
      assert.deepEqual(
        a.grads.map((gradient) => gradient.dataSync()),
        b.grads.map((gradient) => gradient.dataSync()),
      );
    });
  });

  describe('rectifier', () => {
    it('has the gradient that finite differences have', () => {
      const loss = weigh([4, 6]);
      checkGradients((x) => loss(relu(backend, x)), [offZero([4, 6])]);
    });

    it('has, after a bias, the gradients that finite differences have', () => {
      const loss = weigh([2, 3, 3, 4]);
      checkGradients(
        (x, b) => loss(biasRelu(backend, x, b as Tensor1D)),
        [offZero([2, 3, 3, 4]), tf.tensor1d(normals(4, 0.01))],
      );
    });
  });

  describe('average pooling', () => {
    it('has the gradient that finite differences have, also where a window hangs over the border', () => {
      for (const [side, out] of [
        [4, 2],
        [5, 3],
      ] as const) {
        const loss = weigh([2, out, out, 3]);
        checkGradients((x) => loss(averagePool(backend, x as Tensor4D, 2)), [normalTensor([2, side, side, 3])]);
      }
    });

    it('averages what a window has', () => {
      const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
      assert.deepEqual([...averagePool(backend, x, 2).dataSync()], [3, 4.5, 7.5, 9]);
    });

    it('averages each channel over the picture', () => {
      const x: Tensor4D = normalTensor([2, 3, 4, 5]);
      assert.ok(difference(globalAverage(backend, x), tf.mean(x, [1, 2])) < 1e-6);
      const loss = weigh([2, 5]);
      checkGradients((input) => loss(globalAverage(backend, input as Tensor4D)), [x]);
    });
  });

  describe('batch normalisation', () => {
    const inputs = (): [Tensor4D, Tensor1D, Tensor1D] => [
      normalTensor([3, 4, 4, 2], 2),
      tf.tensor1d([0.7, -1.3]),
      tf.tensor1d([0.2, -0.1]),
    ];

    it('has the gradients that finite differences have, through mean and variance, too', () => {
      const loss = weigh([3, 4, 4, 2]);
      checkGradients(
        (x, gamma, beta) =>
          loss(batchNorm(backend, x as Tensor4D, { gamma: gamma as Tensor1D, beta: beta as Tensor1D }).y),
        inputs(),
      );
    });

    it("gives the batch's mean and unbiased variance, and normalises by the biased one", () => {
      const [x, gamma, beta] = inputs();
      const { y, mean, variance } = batchNorm(backend, x, { gamma, beta });
      const rows = 3 * 4 * 4;
      const moments = tf.moments(x, [0, 1, 2]);
      assert.ok(difference(mean, moments.mean) < 1e-5);
      assert.ok(difference(variance, tf.mul(moments.variance, rows / (rows - 1))) < 1e-4);
      const expected = tf.batchNorm(x, moments.mean as Tensor1D, moments.variance as Tensor1D, beta, gamma, 1.001e-5);
      assert.ok(difference(y, expected) < 1e-5);
    });

    it('has, with given moments, the gradients that finite differences have, of the moments, too', () => {
      const loss = weigh([3, 4, 4, 2]);
      checkGradients(
        (x, gamma, beta, mean, variance) => {
          const parameters = { gamma: gamma as Tensor1D, beta: beta as Tensor1D };
          const given = { mean: mean as Tensor1D, variance: variance as Tensor1D };
          return loss(normalise(backend, x as Tensor4D, parameters, given));
        },
        [...inputs(), tf.tensor1d([0.3, -0.2]), tf.tensor1d([2, 0.5])],
      );
    });

    it('is the same by moments that are computed before, in value and gradients', () => {
      // Widths and rows that pixels can, can partly, and can't be grouped by.
      for (const shape of [
        [2, 4, 4, 12],
        [1, 2, 3, 2],
        [1, 3, 3, 5],
      ] as [number, number, number, number][]) {
        const width = shape[3];
        const given = [normalTensor(shape, 2), normalTensor([width]), normalTensor([width])];
        const loss = weigh(shape);
        const [whole, parts] = ['whole', 'parts'].map((how) =>
          tf.valueAndGrads((x, gamma, beta) => {
            const parameters = { gamma: gamma as Tensor1D, beta: beta as Tensor1D };
            const all = x as Tensor4D;
            const y =
              how === 'whole'
                ? batchNorm(backend, all, parameters).y
                : normalise(backend, all, parameters, moments(backend, all));
            return loss(y);
          })(given),
        ) as [ReturnType<ReturnType<typeof tf.valueAndGrads>>, ReturnType<ReturnType<typeof tf.valueAndGrads>>];
        assert.ok(difference(whole.value, parts.value) < 1e-4);
        whole.grads.forEach((gradient, i) => assert.ok(difference(gradient, parts.grads[i] as Tensor) < 1e-4));
      }
    });

    it('is, with fixed statistics, one op, or a scale and a shift', () => {
      const [x, gamma, beta] = inputs();
      const [mean, variance] = [tf.tensor1d([0.3, -0.2]), tf.tensor1d([2, 0.5])];
      const { scale, shift } = foldNorm(backend, { gamma, beta }, { mean, variance });
      const expected = tf.batchNorm(x, mean, variance, beta, gamma, 1.001e-5);
      assert.ok(difference(tf.add(tf.mul(x, scale), shift), expected) < 1e-5);
      assert.ok(difference(normalise(backend, x, { gamma, beta }, { mean, variance }), expected) < 1e-5);
    });
  });

  describe('dropout', () => {
    const rate = 0.4;
    const mask = (shape: number[], seed: [number, number], of = rate) =>
      dropoutMask(backend, shape, of, tf.tensor1d(seed, 'int32'));
    const pass = (drawn: (shape: number[], layer: number) => Tensor | null) => ({ backend, mask: drawn }) as Pass;

    it('drops at its rate, rounded to a byte, and keeps the mean', () => {
      const n = 100_000;
      for (const wanted of [0.2, 0.4, 0.999]) {
        const rate = Math.min(Math.round(wanted * 256), 255) / 256;
        const kept = mask([100, n / 100], [1, 1], wanted).dataSync<'float32'>();
        const zeros = kept.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
        assert.ok(Math.abs(zeros / n - rate) < 5 * Math.sqrt((rate * (1 - rate)) / n));
        assert.ok(kept.every((value) => value === 0 || Math.abs(value * (1 - rate) - 1) < 1e-6));
      }
    });

    it('draws each element by itself', () => {
      const [rows, width] = [400, 256];
      const kept = tf.cast(tf.greater(mask([rows, width], [4, 4]), 0), 'float32');
      const centred = tf.sub(kept, tf.mean(kept));
      for (const [axis, lag] of [
        [0, 1],
        [1, 1],
        [1, 4],
      ] as const) {
        const size = axis === 0 ? [rows - lag, width] : [rows, width - lag];
        const from = (at: number) => tf.slice(centred, axis === 0 ? [at, 0] : [0, at], size);
        const correlation = tf.mean(tf.mul(from(0), from(lag))).dataSync()[0] as number;
        assert.ok(Math.abs(correlation) < (5 * (rate * (1 - rate))) / Math.sqrt(rows * width), `${axis}, ${lag}`);
      }
    });

    it('fills a shape that is no multiple of a word', () => {
      const values = mask([3, 7], [1, 2]).dataSync<'float32'>();
      assert.equal(values.length, 21);
      assert.deepEqual(values, mask([24], [1, 2]).dataSync<'float32'>().slice(0, 21));
    });

    it('draws a mask that follows from the seed alone', () => {
      const drawn = (seed: [number, number]) => String(mask([4, 32], seed).dataSync());
      assert.equal(drawn([1, 1]), drawn([1, 1]));
      assert.equal(new Set([drawn([1, 1]), drawn([1, 2]), drawn([2, 1])]).size, 3);
    });

    it('has the gradient that finite differences have, with a mask an element and one a channel', () => {
      for (const shape of [
        [2, 3, 3, 4],
        [2, 1, 1, 4],
      ]) {
        const drawn = mask(shape, [2, 3]);
        checkGradients(
          (x) =>
            tf
              .sum(
                tf.square(
                  drop(
                    pass(() => drawn),
                    x,
                    0,
                    shape,
                  ),
                ),
              )
              .asScalar(),
          [normalTensor([2, 3, 3, 4])],
        );
      }
    });

    it('leaves its input alone where there is no mask', () => {
      const x: Tensor2D = tf.ones([2, 2]);
      assert.equal(
        drop(
          pass(() => null),
          x,
          0,
        ),
        x,
      );
    });
  });
});
