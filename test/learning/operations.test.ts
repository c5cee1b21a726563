import assert from 'node:assert/strict';
import { RandomStream } from '../../src/contracts/random.js';
import { distort, drawDistortions } from '../../src/learning/augment.js';
import { loadBackend } from '../../src/learning/backend.js';
import { heteroscedasticLoss, logitNoise } from '../../src/learning/heteroscedastic.js';
import { seedOf } from '../../src/learning/random-ops.js';
import { tinyRecipe } from './fixtures.js';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D } from '../../src/learning/backend.js';

const backend = loadBackend();
const { tf } = backend;
const random = new RandomStream([5, 6]);
const normals = (n: number, scale = 1) => Float32Array.from({ length: n }, () => scale * random.normal());

const seed = (key: [number, number], counter: [number, number]) => tf.tensor1d(seedOf(key, counter), 'int32');

/** Compares the gradient of f at each of `inputs` with central differences along random directions. */
function checkGradients(f: (...inputs: Tensor[]) => Scalar, inputs: Tensor[], tolerance = 2e-2): void {
  tf.tidy(() => {
    const { grads } = tf.valueAndGrads(f)(inputs);
    inputs.forEach((input, k) => {
      for (let trial = 0; trial < 3; trial++) {
        const direction = tf.tensor(normals(input.size), input.shape);
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

describe('tensor operations', () => {
  let tensors = 0;
  beforeEach(() => {
    tensors = tf.memory().numTensors;
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.engine().endScope();
    assert.equal(tf.memory().numTensors, tensors, 'no tensor is left behind');
  });

  describe('heteroscedastic loss', () => {
    const labels = () => tf.oneHot(tf.tensor1d([0, 2, 1], 'int32'), 3).toFloat() as Tensor2D;

    it('equals weighted cross-entropy where the variance goes to 0', () => {
      const logits = tf.tensor2d(normals(9), [3, 3]);
      const weights = tf.tensor1d([1, 0.5, 2]);
      const noise = logitNoise(backend, 8, 3, 3, seed([1, 2], [0, 0]));
      const got = heteroscedasticLoss(backend, logits, tf.fill([3], -60), labels(), weights, noise);
      const logP = tf.logSoftmax(logits);
      const expected = tf.neg(tf.mean(tf.mul(tf.sum(tf.mul(logP, labels()), 1), weights)));
      assert.ok(Math.abs((got.dataSync()[0] as number) - (expected.dataSync()[0] as number)) < 1e-6);
    });

    it('is minus the logarithm of the mean probability over the draws', () => {
      const logits = tf.tensor2d(normals(9), [3, 3]);
      const s = tf.tensor1d([0.5, -1, 0.2]);
      const noise = logitNoise(backend, 50, 3, 3, seed([3, 4], [1, 0]));
      const got = heteroscedasticLoss(backend, logits, s, labels(), tf.ones([3]), noise);
      const drawn = tf.add(logits.expandDims(0), tf.mul(noise, tf.exp(tf.div(s, 2)).reshape([1, 3, 1])));
      const p = tf.mean(tf.sum(tf.mul(tf.softmax(drawn), labels()), 2), 0);
      const expected = tf.neg(tf.mean(tf.log(p)));
      assert.ok(Math.abs((got.dataSync()[0] as number) - (expected.dataSync()[0] as number)) < 1e-5);
    });

    it('has the gradient that finite differences have', () => {
      const noise = logitNoise(backend, 6, 3, 3, seed([5, 6], [2, 0]));
      const weights = tf.tensor1d([1, 0.5, 2]);
      checkGradients(
        (logits, s) => heteroscedasticLoss(backend, logits as Tensor2D, s as Tensor1D, labels(), weights, noise),
        [tf.tensor2d(normals(9), [3, 3]), tf.tensor1d([0.5, -1, 1])],
      );
    });

    it('stays finite, with a gradient, for an item that is confidently wrong', () => {
      const noise: Tensor3D = tf.zeros([2, 1, 2]);
      const label = tf.tensor2d([[0, 1]]);
      const loss = (logits: Tensor) =>
        heteroscedasticLoss(backend, logits as Tensor2D, tf.zeros([1]), label, tf.ones([1]), noise);
      const { value, grad } = tf.valueAndGrad(loss)(tf.tensor2d([[200, 0]]));
      assert.ok(Math.abs((value.dataSync()[0] as number) - 200) < 1e-3);
      assert.deepEqual([...grad.dataSync()], [1, -1]);
    });
  });

  describe('augmentation', () => {
    const image = { height: 6, width: 5, channels: 3 } as const;
    const still = { shiftX: 0, shiftY: 0, angle: 0, scale: 1, erased: null };

    it('changes nothing where all its parameters are 0', () => {
      const pixels = normals(2 * 90);
      const augment = { shift: 0, rotation: 0, scale: 0, erase: 0 };
      const distortions = drawDistortions({ augment }, image, 2, [1, 2], 3);
      assert.deepEqual(distort(backend, pixels.slice(), image, distortions).dataSync(), pixels);
    });

    it('moves the picture right and down by a positive shift', () => {
      const pixels = new Float32Array(90);
      pixels.fill(1, (2 * 5 + 2) * 3, (2 * 5 + 3) * 3);
      const moved = distort(backend, pixels, image, [{ ...still, shiftX: 2, shiftY: 1 }]).dataSync();
      assert.deepEqual(
        [...moved.keys()].filter((i) => (moved[i] as number) > 0.5),
        [0, 1, 2].map((channel) => (3 * 5 + 4) * 3 + channel),
      );
    });

    it('turns about the middle, and enlarges by a scale above 1', () => {
      const square = { height: 5, width: 5, channels: 1 } as const;
      const pixels = new Float32Array(25);
      pixels[2 * 5 + 3] = 1;
      const turned = distort(backend, pixels.slice(), square, [{ ...still, angle: Math.PI / 2 }]).dataSync();
      assert.ok((turned[1 * 5 + 2] as number) + (turned[3 * 5 + 2] as number) > 0.99);
      const grown = distort(backend, pixels.slice(), square, [{ ...still, scale: 2 }]).dataSync();
      assert.ok((grown[2 * 5 + 4] as number) > 0.99);
    });

    it('erases a rectangle to the mean', () => {
      const pixels = new Float32Array(90).fill(1);
      const erased = distort(backend, pixels, image, [{ ...still, erased: [1, 2, 3, 2] }]).dataSync<'float32'>();
      assert.equal(
        erased.reduce((a, b) => a + b),
        90 - 3 * 2 * 3,
      );
    });

    it('draws parameters within their limits, others at every step', () => {
      const distortions = drawDistortions(tinyRecipe, image, 500, [1, 2], 3);
      assert.ok(distortions.every(({ shiftX }) => Math.abs(shiftX) <= 0.5));
      assert.ok(distortions.every(({ scale }) => Math.abs(scale - 1) <= 0.1));
      assert.ok(distortions.every(({ erased: e }) => e === null || (e[0] + e[2] <= 6 && e[1] + e[3] <= 5)));
      const share = distortions.filter(({ erased }) => erased !== null).length / 500;
      assert.ok(Math.abs(share - 0.5) < 0.12);
      assert.deepEqual(drawDistortions(tinyRecipe, image, 500, [1, 2], 3), distortions);
      assert.notDeepEqual(drawDistortions(tinyRecipe, image, 500, [1, 2], 4), distortions);
    });
  });
});
