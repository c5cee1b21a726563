import assert from 'node:assert/strict';
import fc from 'fast-check';
import { niceTicks } from '../../src/report/svg.js';

describe('axis ticks', () => {
  it('are round numbers that cover the values', () => {
    assert.deepEqual(niceTicks(0, 97), [0, 25, 50, 75, 100]);
    assert.deepEqual(
      niceTicks(0.87, 1).map((t) => t.toFixed(2)),
      ['0.85', '0.90', '0.95', '1.00'],
    );
    assert.deepEqual(niceTicks(3, 3), [3]);
  });

  it('are few, evenly spaced, and enclose any range', () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(value, fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (low, span) => {
        const ticks = niceTicks(low, low + span);
        const step = ticks[1]! - ticks[0]!;
        assert.ok(ticks.length >= 2 && ticks.length <= 7, String(ticks));
        assert.ok(ticks[0]! <= low + step * 1e-6 && ticks.at(-1)! >= low + span - step * 1e-6);
      }),
    );
  });
});
