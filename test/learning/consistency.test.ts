import assert from 'node:assert/strict';
import { loadBackend } from '../../src/learning/backend.js';
import { teach, thresholdVariables } from '../../src/learning/consistency.js';
import { countTensors } from './gradients.js';
import type { Consistency } from '../../src/learning/consistency.js';
import type { Tensor } from '../../src/learning/backend.js';

const backend = loadBackend();
const { tf } = backend;
const rule = (thresholds: Consistency['thresholds']): Consistency => ({
  ratio: 1,
  threshold: 0.8,
  thresholds,
  weight: 1,
});
const numbers = (tensor: Tensor | undefined): number[] => [...(tensor as Tensor).dataSync()];
const near = (got: number[], expected: number[]) => {
  assert.equal(got.length, expected.length);
  got.forEach((value, i) =>
    assert.ok(Math.abs(value - (expected[i] as number)) < 1e-6, `${got.join()}, expected ${expected.join()}`),
  );
};

/** Teaches with variables as they start, or with some of them set otherwise. */
function taught(
  thresholds: Consistency['thresholds'],
  q: number[][],
  places: number[],
  set: Record<string, number[]> = {},
  more: Partial<Consistency> = {},
) {
  const of = { ...rule(thresholds), ...more };
  const fresh = thresholdVariables(of, q[0]?.length ?? 0, 6);
  const variables = Object.fromEntries(
    Object.entries(fresh).map(([name, { data }]) => [name, tf.tensor1d(set[name] ?? data)]),
  );
  return teach(backend, of, tf.tensor2d(q), tf.tensor1d(places, 'int32'), variables);
}

describe('consistency', () => {
  countTensors();
  const q = [
    [0.9, 0.05, 0.05],
    [0.1, 0.7, 0.2],
    [0.1, 0.05, 0.85],
    [0.4, 0.3, 0.3],
  ];

  it('teaches the most probable class where it is certain enough', () => {
    const { mask, targets, updates } = taught('fixed', q, [0, 1, 2, 3]);
    assert.deepEqual(numbers(mask), [1, 0, 1, 0]);
    assert.deepEqual(numbers(targets), [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0]);
    assert.deepEqual(updates, {});
  });

  it('FlexMatch: remembers what each image taught, and asks less of classes that teach little', () => {
    // 3 images taught class 0, one class 1, none class 2, and two nothing yet: shares 1, 1/3, 0.
    const { mask, updates } = taught('flexmatch', q, [4, 1, 5, 0], { taught: [0, 0, 0, 1, -1, -1] });
    // Thresholds .8, .8 (1/3) / (5/3) = .16, 0.
    assert.deepEqual(numbers(mask), [1, 1, 1, 0]);
    assert.deepEqual(numbers(updates['taught']), [0, 0, 0, 1, 0, 2]);
  });

  it('FlexMatch: starts with low thresholds, as most images have taught nothing', () => {
    const { mask } = taught('flexmatch', q, [0, 1, 2, 3]);
    assert.deepEqual(numbers(mask), [1, 1, 1, 1]);
  });

  it('FreeMatch: the threshold follows the mean confidence, by class the mean probability', () => {
    const { mask, updates } = taught('freematch', q, [0, 1, 2, 3], { confidence: [0.8], classes: [0.5, 0.3, 0.2] });
    const mean = 0.99 * 0.8 + 0.01 * ((0.9 + 0.7 + 0.85 + 0.4) / 4);
    near(numbers(updates['confidence']), [mean]);
    const marginal = [0.5, 0.3, 0.2].map(
      (p, c) => 0.99 * p + 0.01 * (q.reduce((sum, row) => sum + (row[c] as number), 0) / 4),
    );
    near(numbers(updates['classes']), marginal);
    assert.deepEqual(numbers(mask), [1, 1, 1, 0]);
  });

  it('aligned: a class that the student finds everywhere teaches less, one that it hardly finds more', () => {
    const marginal = [0.6, 0.3, 0.1];
    const { targets, updates } = taught('fixed', [[0.5, 0.2, 0.3]], [0], { marginal }, { aligned: true });
    const moved = marginal.map((p, c) => 0.99 * p + 0.01 * ([0.5, 0.2, 0.3][c] as number));
    near(numbers(updates['marginal']), moved);
    // .5 / .599, .2 / .299, .3 / .102: the third class leads after alignment, the first did before.
    assert.deepEqual(numbers(targets), [0, 0, 1]);
  });

  it('aligned: equal shares leave the answers and their confidence as they are, with every rule', () => {
    const third = [1 / 3, 1 / 3, 1 / 3];
    const shares = [
      [0.9, 0.05, 0.05],
      [0.05, 0.9, 0.05],
      [0.05, 0.05, 0.9],
    ];
    for (const thresholds of ['fixed', 'flexmatch', 'freematch'] as const) {
      const plain = taught(thresholds, shares, [0, 1, 2]);
      const aligned = taught(thresholds, shares, [0, 1, 2], { marginal: third }, { aligned: true });
      assert.deepEqual(numbers(aligned.targets), numbers(plain.targets));
      assert.deepEqual(numbers(aligned.mask), numbers(plain.mask));
      near(numbers(aligned.updates['marginal']), third);
    }
  });
});
