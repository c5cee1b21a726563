import assert from 'node:assert/strict';
import { LeNetLearner } from '../../bench/lenet-learner.js';
import { freshWeights, lenet, logitsOf, passesOf } from '../../bench/lenet.js';
import { RandomStream } from '../../src/contracts/random.js';
import { loadBackend } from '../../src/learning/backend.js';
import { volume } from '../../src/learning/network.js';
import type { Pass } from '../../src/learning/network.js';

const backend = loadBackend();
const { tf } = backend;
const random = new RandomStream([5, 0]);
const numbers = (count: number, draw: () => number) => Float32Array.from({ length: count }, draw);

function weights() {
  const vector = freshWeights([3, 4]);
  let offset = 0;
  return lenet.parameters.map(({ shape }) => tf.tensor(vector.slice(offset, (offset += volume(shape))), shape));
}

describe('the acquisition bench', () => {
  it("samples passes by channels' shares to what the plain network gives with each pass's masks", () => {
    const [n, passes] = [3, 4];
    const x = tf.tensor4d(
      numbers(n * 784, () => random.normal()),
      [n, 28, 28, 1],
    );
    const widths = [32, 64, 128];
    const masks = widths.map((width) => numbers(passes * width, () => 2 * random.integer(2)));
    const passWith = (mask: Pass['mask']): Pass => ({
      backend,
      weights: weights(),
      statistics: [],
      normalisation: 'moving',
      mask,
    });
    const together = passesOf(
      passWith((shape, layer) => tf.tensor(masks[layer] as Float32Array, shape)),
      x,
      passes,
    ).dataSync();
    for (let t = 0; t < passes; t++) {
      const single = passWith((shape, layer) => {
        const width = widths[layer] as number;
        const one = tf.tensor((masks[layer] as Float32Array).slice(t * width, (t + 1) * width));
        return one
          .reshape([...new Array<number>(shape.length - 1).fill(1), width])
          .tile(shape.map((_, i) => (i === 0 ? n : 1)));
      });
      const alone = logitsOf(single, x).dataSync();
      alone.forEach((value, i) => assert.ok(Math.abs(value - (together[t * n * 10 + i] as number)) < 1e-5));
    }
  });

  it('gives an image the same passes whatever stands around it, and other keys other ones', () => {
    const learner = new LeNetLearner({ batch: 4, passes: 5 });
    learner.start([1, 2]);
    const images = { pixels: Uint8Array.from({ length: 8 * 784 }, () => random.integer(256)), count: 8 };
    const [all, part, other] = [
      learner.sample(images, [0, 1, 2, 3, 4, 5, 6, 7], [7, 8]).p,
      learner.sample(images, [6, 2], [7, 8]).p,
      learner.sample(images, [6, 2], [7, 9]).p,
    ];
    const near = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Array.from(a).every((value, i) => Math.abs(value - (b[i] as number)) < 1e-6);
    assert.ok(near(part.subarray(0, 50), all.subarray(300, 350)));
    assert.ok(near(part.subarray(50), all.subarray(100, 150)));
    assert.ok(!near(part, other));
    learner.dispose();
  });

  it('learns the images that it is shown', () => {
    const learner = new LeNetLearner({ batch: 4, passes: 1 });
    learner.start([1, 2]);
    const images = { pixels: Uint8Array.from({ length: 4 * 784 }, () => random.integer(256)), count: 4 };
    for (let i = 0; i < 300; i++) learner.step(images, Uint8Array.of(3, 1, 4, 1), [0, 1, 2, 3]);
    const { p } = learner.predict(images, [0, 1, 2, 3]);
    [3, 1, 4, 1].forEach((label, i) => assert.ok((p[i * 10 + label] as number) > 0.8));
    learner.dispose();
  });
});
