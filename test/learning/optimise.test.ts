import assert from 'node:assert/strict';
import { loadBackend } from '../../src/learning/backend.js';
import { annealedBy, decayMask, learningRate, optimiserOf } from '../../src/learning/optimise.js';
import { createNetwork } from '../../src/learning/networks/index.js';
import { countTensors } from './gradients.js';
import type { Recipe } from '../../src/contracts/learner.js';
import type { Scalar, Tensor1D } from '../../src/learning/backend.js';

const backend = loadBackend();
const { tf } = backend;
const GRADIENTS = [
  [0.5, -0.1],
  [1, -0.1],
  [-0.3, 0.2],
];

/** Three steps from (1, -2), of which the first weight decays. */
function optimised(recipe: Pick<Recipe, 'optimiser' | 'weightDecay'>, rates: number[]): number[] {
  const optimiser = optimiserOf(recipe);
  let weights: Tensor1D = tf.tensor1d([1, -2]);
  let slots: Record<string, Tensor1D> = Object.fromEntries(optimiser.slots.map((slot) => [slot, tf.zeros([2])]));
  const decayed = tf.tensor1d([1, 0]);
  GRADIENTS.forEach((gradient, step) => {
    const numbers = Object.entries(optimiser.at(rates[step] as number, step));
    const given = Object.fromEntries(numbers.map(([name, value]): [string, Scalar] => [name, tf.scalar(value)]));
    ({ weights, slots } = optimiser.update(
      backend,
      { weights, gradient: tf.tensor1d(gradient), decayed, slots },
      given,
    ));
  });
  return [...weights.dataSync()];
}
const near = (got: number[], expected: number[]) =>
  got.forEach((value, i) =>
    assert.ok(Math.abs(value - (expected[i] as number)) < 1e-5, `${got.join()}, expected ${expected.join()}`),
  );

describe('optimiser', () => {
  countTensors();
  const rates = [0.1, 0.2, 0.05];

  it('equals AdamW worked out by hand', () => {
    const expected = [0, 1].map((i) => {
      let [w, m, v] = [[1, -2][i] as number, 0, 0];
      GRADIENTS.forEach((gradient, step) => {
        const g = gradient[i] as number;
        const rate = rates[step] as number;
        m = 0.9 * m + 0.1 * g;
        v = 0.99 * v + 0.01 * g * g;
        const move = m / (1 - 0.9 ** (step + 1)) / (Math.sqrt(v / (1 - 0.99 ** (step + 1))) + 1e-8);
        w -= rate * (move + (i === 0 ? 0.5 * w : 0));
      });
      return w;
    });
    near(optimised({ optimiser: 'adamw', weightDecay: 0.5 }, rates), expected);
  });

  it("equals Keras's SGD with Nesterov's momentum and L2 worked out by hand", () => {
    const expected = [0, 1].map((i) => {
      let [w, v] = [[1, -2][i] as number, 0];
      GRADIENTS.forEach((gradient, step) => {
        const g = (gradient[i] as number) + (i === 0 ? 0.5 * w : 0);
        v = 0.9 * v - (rates[step] as number) * g;
        w = w + 0.9 * v - (rates[step] as number) * g;
      });
      return w;
    });
    near(optimised({ optimiser: 'sgd', weightDecay: 0.5 }, rates), expected);
  });

  it('lets kernels decay, and nothing else', () => {
    const network = createNetwork({
      network: 'compact',
      image: { height: 8, width: 8, channels: 1 },
      classes: 2,
      growth: null,
    });
    const mask = decayMask(network);
    assert.equal(mask[0], 1);
    assert.equal(mask.at(-1), 0);
  });
});

describe('learning rate', () => {
  const all = (schedule: Recipe['schedule']) =>
    Array.from({ length: 100 }, (_, step) => learningRate({ learningRate: 1, steps: 100, schedule }, step));

  it('warms up to the peak and ends near 0 by the cosine', () => {
    const rates = all('cosine');
    assert.equal(Math.max(...rates), 1);
    assert.ok((rates[0] as number) <= 0.2);
    assert.ok((rates[99] as number) < 0.01);
  });

  it('falls to a tenth at half and at three quarters of the steps', () => {
    const rates = all('steps');
    assert.deepEqual([rates[0], rates[49], rates[50], rates[74], rates[75]], [1, 1, 0.1, 0.1, 0.01]);
  });

  it('anneals from where it stands down to 0 within a tenth of the steps', () => {
    const recipe = { learningRate: 1, steps: 100, schedule: 'steps' } as const;
    const annealing = { step: 20, rate: 0.8 };
    assert.equal(annealedBy(100, 20), 30);
    assert.equal(learningRate(recipe, 20, annealing), 0.8);
    assert.ok(Math.abs(learningRate(recipe, 29, annealing) - 0.08) < 1e-12);
    assert.equal(annealedBy(100, 95), 100);
  });
});
