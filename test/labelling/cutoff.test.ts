import assert from 'node:assert/strict';
import fc from 'fast-check';
import { simulateCutoffs } from '../../bench/cutoffs.js';
import { ACCEPT_NOTHING, classwiseCutoffs, estimateAt, targetErrorCutoff } from '../../src/labelling/cutoff.js';
import type { ScoredImage } from '../../src/labelling/cutoff.js';

/** Images with scores 0, 1, 2, ...; the ones at `wrong` are wrong. */
const images = (n: number, wrong: number[]): ScoredImage[] =>
  Array.from({ length: n }, (_, score) => ({ score, predicted: 0, correct: !wrong.includes(score) }));

const scoredImages = fc.array(
  fc.record({
    score: fc.integer({ min: 0, max: 20 }),
    predicted: fc.integer({ min: 0, max: 2 }),
    correct: fc.boolean(),
  }),
  { maxLength: 60 },
);
const target = fc.double({ min: 0.01, max: 0.49, noNaN: true });

describe('cut-off', () => {
  it('takes the longest prefix that meets the target, past an early mistake', () => {
    // Prefix of 3: 1.5 / 4. Prefix of 29: 1.5 / 30 = 5 %. Then mistakes without end.
    const scored = images(40, [2, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
    const value = targetErrorCutoff(scored, 0.05, 10);
    const estimate = estimateAt(scored, value);
    assert.equal(value, 28.5);
    assert.deepEqual(
      { ...estimate, upper: 0 },
      {
        grade: 'C',
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
    assert.equal(targetErrorCutoff(images(23, []), 0.02, 10), ACCEPT_NOTHING);
    assert.notEqual(targetErrorCutoff(images(24, []), 0.02, 10), ACCEPT_NOTHING);
  });

  it('accepts up to the largest score when every image may be accepted', () => {
    const scored = images(100, []).map((image) => ({ ...image, score: image.score / 100 }));
    assert.equal(targetErrorCutoff(scored, 0.02, Math.log(10)), Math.log(10));
  });

  it('accepts nothing without images or when the target is out of reach, and says so in numbers', () => {
    const nothing = { grade: 'C', accepted: 0, errors: 0, error: 0.5, upper: 1, coverage: 0 };
    assert.equal(targetErrorCutoff([], 0.02, 10), ACCEPT_NOTHING);
    assert.equal(targetErrorCutoff(images(3, [0, 1, 2]), 0.02, 10), ACCEPT_NOTHING);
    assert.deepEqual(estimateAt(images(3, []), ACCEPT_NOTHING), nothing);
    assert.deepEqual(estimateAt([], 1), nothing);
  });

  it('never parts equal scores', () => {
    const tied: ScoredImage[] = [
      ...images(30, []).map((i) => ({ ...i, score: 0 })),
      { score: 0, predicted: 0, correct: false },
    ];
    assert.equal(targetErrorCutoff(tied, 0.02, 10), ACCEPT_NOTHING);
  });

  it('stays below the next score even where the two are neighbouring doubles', () => {
    const low = 1;
    const high = 1 + Number.EPSILON;
    const scored = [
      ...images(40, []).map((i) => ({ ...i, score: low })),
      { score: high, predicted: 0, correct: false },
    ];
    const value = targetErrorCutoff(scored, 0.02, 10);
    assert.ok(low <= value && value < high);
  });

  it('equals a brute-force search over all cut-offs, in any order of the images', () => {
    fc.assert(
      fc.property(scoredImages, target, (list, aim) => {
        const meets = [...new Set(list.map((i) => i.score))].filter((cut) => estimateAt(list, cut).error <= aim);
        const value = targetErrorCutoff(list, aim, 20);
        const longest = meets.length === 0 ? ACCEPT_NOTHING : Math.max(...meets);
        assert.deepEqual(estimateAt(list, value), estimateAt(list, longest));
        assert.ok(value >= longest);
        assert.equal(targetErrorCutoff(list.toReversed(), aim, 20), value);
      }),
    );
  });
});

describe('class-wise cut-offs', () => {
  it('give a class its own where its images reach the target, and leave the others the common one', () => {
    // Class 0: 30 right images. Class 1: 5 right, then wrong ones, too few for 2 %.
    const easy = images(30, []);
    const hard = images(10, [5, 6, 7, 8, 9]).map((image) => ({ ...image, predicted: 1, score: image.score + 0.25 }));
    const all = [...easy, ...hard];
    const common = targetErrorCutoff(all, 0.05, 99);
    assert.deepEqual(classwiseCutoffs(easy, 0.02, 99, 2), [99, 99]);
    assert.deepEqual(classwiseCutoffs(all, 0.05, 99, 2), [99, common]);
    assert.equal(common, 5.125, '11 right images, up to the first wrong one');
  });

  it('never miss the target on the calibration images, and equal the common cut-off where all are of one class', () => {
    fc.assert(
      fc.property(scoredImages, target, (list, aim) => {
        const values = classwiseCutoffs(list, aim, 20, 3);
        const estimate = estimateAt(list, values);
        assert.ok(estimate.accepted === 0 || estimate.error <= aim, JSON.stringify(estimate));
        const one = list.map((image) => ({ ...image, predicted: 0 }));
        assert.equal(classwiseCutoffs(one, aim, 20, 3)[0], targetErrorCutoff(one, aim, 20));
      }),
    );
  });

  it('are less safe than one cut-off at 200 labels and 2 %: the reason why they are not the default', () => {
    const { common, classwise } = simulateCutoffs({
      calibration: 200,
      targetError: 0.02,
      classes: 10,
      repeats: 60,
      seed: 1,
    });
    assert.ok(classwise.error > common.error, `${classwise.error} against ${common.error}`);
    assert.ok(classwise.error < 0.03, 'though not by much');
  });
});
