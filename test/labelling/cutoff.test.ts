import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ACCEPT_NOTHING, estimateAt, targetErrorCutoff } from '../../src/labelling/cutoff.js';
import type { ScoredImage } from '../../src/labelling/cutoff.js';

/** Images with scores 0, 1, 2, ...; the ones at `wrong` are wrong. */
const images = (n: number, wrong: number[]): ScoredImage[] =>
  Array.from({ length: n }, (_, score) => ({ score, correct: !wrong.includes(score) }));

describe('cut-off', () => {
  it('takes the longest prefix that meets the target, past an early mistake', () => {
    // Prefix of 3: 1.5 / 4. Prefix of 29: 1.5 / 30 = 5 %. Then mistakes without end.
    const scored = images(40, [2, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
    const { value, estimate } = targetErrorCutoff(scored, 0.05, 10);
    assert.equal(value, 28.5);
    assert.deepEqual(
      { ...estimate, upper: 0 },
      {
        grade: 'B',
        accepted: 29,
        errors: 1,
        error: 1.5 / 30,
        upper: 0,
        coverage: 29 / 40,
      },
    );
    assert.ok(Math.abs(estimate.upper - 0.153) < 1e-3, 'one-sided 95 % bound of 1 in 29');
  });

  it('needs 24 right images before 2 % can be met', () => {
    assert.equal(targetErrorCutoff(images(23, []), 0.02, 10).value, ACCEPT_NOTHING);
    assert.notEqual(targetErrorCutoff(images(24, []), 0.02, 10).value, ACCEPT_NOTHING);
  });

  it('accepts up to the largest entropy when every image may be accepted', () => {
    const scored = images(100, []).map((image) => ({ ...image, score: image.score / 100 }));
    assert.equal(targetErrorCutoff(scored, 0.02, 10).value, Math.log(10));
  });

  it('accepts nothing without images or when the target is out of reach, and says so in numbers', () => {
    const nothing = { grade: 'B', accepted: 0, errors: 0, error: 0.5, upper: 1, coverage: 0 };
    assert.deepEqual(targetErrorCutoff([], 0.02, 10), { value: ACCEPT_NOTHING, estimate: nothing });
    assert.deepEqual(targetErrorCutoff(images(3, [0, 1, 2]), 0.02, 10).estimate, nothing);
  });

  it('never parts equal scores', () => {
    const tied: ScoredImage[] = [...images(30, []).map((i) => ({ ...i, score: 0 })), { score: 0, correct: false }];
    assert.equal(targetErrorCutoff(tied, 0.02, 10).value, ACCEPT_NOTHING);
  });

  it('stays below the next score even where the two are neighbouring doubles', () => {
    const low = 1;
    const high = 1 + Number.EPSILON;
    const scored = [...images(40, []).map((i) => ({ ...i, score: low })), { score: high, correct: false }];
    const { value } = targetErrorCutoff(scored, 0.02, 10);
    assert.ok(low <= value && value < high);
  });

  it('equals a brute-force search over all cut-offs, in any order of the images', () => {
    const scored = fc.array(fc.record({ score: fc.integer({ min: 0, max: 20 }), correct: fc.boolean() }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(scored, fc.double({ min: 0.01, max: 0.49, noNaN: true }), (list, target) => {
        const meets = [...new Set(list.map((i) => i.score))].filter((cut) => estimateAt(list, cut).error <= target);
        const { value, estimate } = targetErrorCutoff(list, target, 2);
        const longest = meets.length === 0 ? ACCEPT_NOTHING : Math.max(...meets);
        assert.deepEqual(estimate, estimateAt(list, longest));
        assert.ok(value >= longest);
        assert.deepEqual(targetErrorCutoff(list.toReversed(), target, 2), { value, estimate });
      }),
    );
  });
});
