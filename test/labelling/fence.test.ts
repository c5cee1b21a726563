import assert from 'node:assert/strict';
import { ACCEPT_NOTHING } from '../../src/labelling/cutoff.js';
import { fenceCutoff, upperFence } from '../../src/labelling/fence.js';
import { fixture } from './fixtures.js';

describe('fence', () => {
  it('is Q3 + 1.5 IQR by hand', () => {
    // Quartiles of 1..5 are 2 and 4.
    assert.equal(upperFence([5, 3, 1, 4, 2], 1.5), 7);
    assert.equal(upperFence([5, 3, 1, 4, 2], 3), 10);
  });

  it("agrees with NumPy's quartiles", () => {
    const { quantiles } = fixture<{ quantiles: { values: number[]; fence: number } }>('statistics.json');
    assert.equal(upperFence(quantiles.values, 1.5), quantiles.fence);
  });

  it('looks at correctly classified images alone, and accepts nothing without any', () => {
    const right = [1, 2, 3, 4, 5].map((score) => ({ score, correct: true }));
    const wrong = [90, 91, 92].map((score) => ({ score, correct: false }));
    assert.equal(fenceCutoff([...wrong, ...right]), 7);
    assert.equal(fenceCutoff(wrong), ACCEPT_NOTHING);
  });
});
