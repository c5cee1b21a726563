import assert from 'node:assert/strict';
import fc from 'fast-check';
import { balancedLabels } from '../../src/labelling/balance.js';

describe('labels of clusters by the shares of the classes', () => {
  it('gives a class that no cluster claims to the one of two rivals that is less sure of the other', () => {
    // Both clusters look like class 0 to the model; half of the images are of class 1.
    const labels = balancedLabels(
      [
        [0.9, 0.1],
        [0.7, 0.3],
      ],
      [50, 50],
      [0.5, 0.5],
    );
    assert.deepEqual(
      labels.map(({ label }) => label),
      [0, 1],
    );
  });

  it('solves two clusters of two classes as the closed form does', () => {
    // Sinkhorn keeps the cross ratio a d / (b c); with equal sizes and shares the plan is [[x, 1 - x], [1 - x, x]].
    const p = [0.8, 0.2, 0.6, 0.4].map((value) => (value + 1e-3) ** 3) as [number, number, number, number];
    const ratio = Math.sqrt((p[0] * p[3]) / (p[1] * p[2]));
    const [first, second] = balancedLabels(
      [
        [0.8, 0.2],
        [0.6, 0.4],
      ],
      [10, 10],
      [0.5, 0.5],
    );
    // Where the iteration ends the classes' shares are met to 1e-6.
    assert.ok(Math.abs((first?.share ?? 0) - ratio / (1 + ratio)) < 1e-5);
    assert.ok(Math.abs((second?.share ?? 0) - ratio / (1 + ratio)) < 1e-5);
  });

  it('leaves the answers of a model whose classes have their shares already', () => {
    const sure = [0, 1, 2].map((c) => [0, 1, 2].map((d) => (c === d ? 0.9 : 0.05)));
    const labels = balancedLabels(sure, [20, 30, 50], [0.2, 0.3, 0.5]);
    assert.deepEqual(
      labels.map(({ label }) => label),
      [0, 1, 2],
    );
  });

  it('is the same for any order of the clusters, and a share is one', () => {
    const row = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 8 }), (rows) => {
        const sizes = rows.map((_, i) => 5 + 3 * i);
        const shares = [0.2, 0.3, 0.5];
        const labels = balancedLabels(rows, sizes, shares);
        const reversed = balancedLabels([...rows].reverse(), [...sizes].reverse(), shares).reverse();
        labels.forEach(({ share }, i) => {
          assert.ok(share >= 1 / 3 - 1e-9 && share <= 1 + 1e-9);
          assert.ok(Math.abs(share - (reversed[i]?.share ?? 0)) < 1e-6);
        });
      }),
      { numRuns: 100 },
    );
  });
});
