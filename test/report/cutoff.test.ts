import assert from 'node:assert/strict';
import { anyCutoffFile, chartedCutoff, drawableCutoff } from '../../src/report/cutoff.js';
import { cutoff } from './fixtures.js';

const first = {
  format: 'labelloop.cutoff/1',
  score: 'predictive_entropy',
  rule: 'target-error',
  value: 0.33,
  estimate: { grade: 'C', accepted: 90, errors: 1, error: 0.016, upper: 0.05, coverage: 0.9 },
};

describe('cut-offs in a report', () => {
  it('of runs of 0.1.0 are drawn, without charts of what that release did not know', () => {
    const file = anyCutoffFile.parse(first);
    assert.equal(drawableCutoff(file), 0.33);
    assert.equal(chartedCutoff(file), null);
    const fence = anyCutoffFile.parse({ ...first, score: 'total_uncertainty', rule: 'fence' });
    assert.equal(drawableCutoff(fence), null);
  });

  it('are drawn where they are one number on the predictive entropy', () => {
    const file = anyCutoffFile.parse(cutoff());
    assert.equal(drawableCutoff(file), 0.33);
    assert.deepEqual(chartedCutoff(file), cutoff());
    for (const other of [{ score: 'total-uncertainty' }, { top: 100 }, { classwise: true }] as const)
      assert.equal(drawableCutoff(cutoff(other)), null);
  });
});
