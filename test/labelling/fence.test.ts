import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ACCEPT_EVERYTHING } from '../../src/contracts/scores.js';
import { ACCEPT_NOTHING } from '../../src/labelling/cutoff.js';
import {
  expectedTopCutoff,
  fenceCutoff,
  maxOfLowest,
  modifiedZFence,
  TopCandidates,
  upperFence,
  zFence,
} from '../../src/labelling/fence.js';
import type { FenceRule } from '../../src/labelling/fence.js';
import { fixture } from './fixtures.js';

const image = (score: number, correct = true) => ({ score, predicted: 0, correct });
const FENCES = ['iqr', 'median', 'z-score', 'modified-z-score', 'max-of-n'] as const;
const LIMITS = { iqr: 1.5, median: 0, 'z-score': 1, 'modified-z-score': 3, 'max-of-n': 20 };

describe('fence', () => {
  it('is Q3 + 1.5 IQR by hand', () => {
    // Quartiles of 1..5 are 2 and 4.
    assert.equal(upperFence([5, 3, 1, 4, 2], 1.5), 7);
    assert.equal(upperFence([5, 3, 1, 4, 2], 3), 10);
  });

  it('is mean + z deviations, and median + z MAD / .6745, by hand', () => {
    assert.equal(zFence([1, 3], 1), 3);
    // Median 3, deviations 2 1 0 1 2 with median 1.
    assert.equal(modifiedZFence([5, 3, 1, 4, 2], 3), 3 + 3 / 0.6745);
  });

  it('is the common value where more than half are equal, as their MAD is 0', () => {
    assert.equal(modifiedZFence([0.2, 0.2, 0.2, 9], 3), 0.2);
    assert.equal(zFence([0.5, 0.5], 1), 0.5);
  });

  it('takes the largest of the n lowest, or of all', () => {
    assert.equal(maxOfLowest([5, 3, 1, 4, 2], 2), 2);
    assert.equal(maxOfLowest([5, 3], 100), 5);
    assert.equal(maxOfLowest([5, 3], 0.5), 3);
  });

  it('agrees with NumPy and SciPy', () => {
    const { fences } = fixture<{ fences: { values: number[] } & Record<FenceRule, number> }>('numeric/formulas.json');
    const labelled = fences.values.map((score) => image(score));
    for (const rule of FENCES) {
      const got = fenceCutoff(rule, labelled, LIMITS[rule]);
      // Float64 on both sides; sums of 83 terms in another order.
      assert.ok(Math.abs(got - fences[rule]) < 1e-13, `${rule}: got ${got}, expected ${fences[rule]}`);
    }
  });

  it('looks at correctly classified images alone, and accepts nothing without any', () => {
    const right = [1, 2, 3, 4, 5].map((score) => image(score));
    const wrong = [90, 91, 92].map((score) => image(score, false));
    assert.equal(fenceCutoff('iqr', [...wrong, ...right], 1.5), 7);
    for (const rule of FENCES) assert.equal(fenceCutoff(rule, wrong, LIMITS[rule]), ACCEPT_NOTHING);
  });

  it('is a fixed number for a probability, for UPS and for all, whatever the images', () => {
    assert.ok(Math.abs(fenceCutoff('probability', [], 0.99) - 0.01) < 1e-15);
    assert.equal(fenceCutoff('ups', [], 1), 1);
    assert.equal(fenceCutoff('all', [], 1), ACCEPT_EVERYTHING);
    assert.equal(Math.fround(ACCEPT_EVERYTHING), ACCEPT_EVERYTHING, 'a float32 column holds it');
  });

  it('moves and stretches with the scores', () => {
    const scores = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(scores, fc.constantFrom(...FENCES), (values, rule) => {
        const at = (change: (value: number) => number) =>
          fenceCutoff(
            rule,
            values.map((value) => image(change(value))),
            LIMITS[rule],
          );
        assert.ok(Math.abs(at((value) => 3 * value + 2) - (3 * at((value) => value) + 2)) < 1e-9);
      }),
    );
  });
});

describe('the n most certain', () => {
  const taken = (scores: number[], n: number): number[] => {
    const candidates = new TopCandidates(n);
    scores.forEach((score) => candidates.offer(score));
    candidates.close();
    return scores.flatMap((score, i) => (candidates.take(score) ? [i] : []));
  };

  it('are the first of a sorted pool, of equal scores those that come first', () => {
    assert.deepEqual(taken([3, 1, 2, 1, 1], 2), [1, 3]);
    const scores = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(NaN)), { maxLength: 50 });
    fc.assert(
      fc.property(scores, fc.nat(60), (list, n) => {
        const order = list
          .map((score, i) => ({ score, i }))
          .filter(({ score }) => !Number.isNaN(score))
          .sort((a, b) => a.score - b.score || a.i - b.i);
        const expected = order.slice(0, n).map(({ i }) => i).sort((a, b) => a - b); // prettier-ignore
        assert.deepEqual(taken(list, n), expected);
      }),
    );
  });

  it('name the largest score taken, or accept nothing', () => {
    const candidates = new TopCandidates(2);
    for (let i = 0; i < 3000; i++) candidates.offer(3000 - i);
    assert.equal(candidates.close(), 2);
    assert.equal(new TopCandidates(2).close(), ACCEPT_NOTHING);
  });

  it('are expected up to the same share of the calibration images', () => {
    const calibration = Array.from({ length: 200 }, (_, i) => image(i));
    assert.equal(expectedTopCutoff(calibration, 100, 1000), 19);
    assert.equal(expectedTopCutoff(calibration, 5000, 1000), 199);
    assert.equal(expectedTopCutoff([], 10, 100), ACCEPT_NOTHING);
  });
});
