import assert from 'node:assert/strict';
import fc from 'fast-check';
import { weightNames } from '../../src/contracts/presets.js';
import { pseudoLabelWeight } from '../../src/labelling/weights.js';

describe('weights of pseudo-labels', () => {
  it('are those of the published formulas', () => {
    assert.equal(pseudoLabelWeight('none', 3, 1), 1);
    assert.ok(Math.abs(pseudoLabelWeight('exp-sqrt-u', 0.25, 1) - Math.exp(-0.5)) < 1e-15);
    // (1 - ln 1.5)^(tanh 1.9)
    assert.ok(Math.abs(pseudoLabelWeight('annealed', 0.25, 1) - 0.6082189130355377) < 1e-12);
  });

  it('lie between 0 and 1, and fall with the uncertainty', () => {
    const uncertainty = fc.double({ min: 0, max: 20, noNaN: true });
    fc.assert(
      fc.property(
        fc.constantFrom(...weightNames),
        uncertainty,
        uncertainty,
        fc.integer({ min: 1, max: 100 }),
        (rule, a, b, round) => {
          const [low, high] = [Math.min(a, b), Math.max(a, b)].map((u) => pseudoLabelWeight(rule, u, round));
          assert.ok(high! >= 0 && low! <= 1 && high! <= low!);
        },
      ),
    );
  });
});
