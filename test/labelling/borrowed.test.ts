import assert from 'node:assert/strict';
import type { CutoffFile } from '../../src/contracts/stages.js';
import { borrowCutoff, canCalibrate } from '../../src/labelling/borrowed.js';

const reliability = { ece: 0.1, nll: 0.2, bins: [] };
const file: CutoffFile = {
  format: 'labelloop.cutoff/2',
  score: 'predictive-entropy',
  rule: 'target-error',
  values: [0.2, 0.3],
  classwise: true,
  top: null,
  scaling: { method: 'vector', scale: [0.5, 0.6], bias: [0.1, -0.1], before: reliability, after: reliability },
  estimate: { grade: 'C', accepted: 90, errors: 1, error: 0.016, upper: 0.05, coverage: 0.9 },
};

describe('a borrowed cut-off', () => {
  it('keeps its values and says that nothing is known of its error here', () => {
    const { values, scaling, estimate } = borrowCutoff(file, 2);
    assert.deepEqual(values, [0.2, 0.3]);
    assert.deepEqual([scaling.scale, scaling.bias], [file.scaling.scale, file.scaling.bias]);
    // (0 + 1/2) / (0 + 1), and no upper limit below all.
    assert.deepEqual(estimate, { grade: 'C', accepted: 0, errors: 0, error: 0.5, upper: 1, coverage: 0 });
  });

  it('accepts nothing of a class that the other run did not know, and leaves its probability as it is', () => {
    const { values, scaling } = borrowCutoff(file, 3);
    assert.deepEqual(values, [0.2, 0.3, -1]);
    assert.deepEqual([scaling.scale[2], scaling.bias[2]], [1, 0]);
  });

  it('is taken where the calibration images are fewer than could show the target', () => {
    assert.equal(canCalibrate(24, 0.02), false);
    assert.equal(canCalibrate(25, 0.02), true);
    assert.equal(canCalibrate(0, 0.2), false);
  });
});
