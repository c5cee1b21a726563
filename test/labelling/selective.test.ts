import assert from 'node:assert/strict';
import fc from 'fast-check';
import { selectiveRisk } from '../../src/labelling/selective.js';

describe('selective risk', () => {
  it('is the mean risk over all coverages: a case by hand', () => {
    // Risks of the 1, 2, 3 and 4 most certain: 0, 0, 1/3, 1/4.
    const { aurc, coverageAt } = selectiveRisk([0.4, 0.1, 0.3, 0.2], [0, 0, 1, 0], [0, 0.25, 0.3]);
    assert.ok(Math.abs(aurc - (1 / 3 + 1 / 4) / 4) < 1e-15);
    assert.deepEqual(
      coverageAt.map(({ coverage }) => coverage),
      [0.5, 1, 1],
    );
  });

  it('spreads the mistakes of equal scores over their places, and lets them in together', () => {
    const { aurc, coverageAt } = selectiveRisk([1, 1], [1, 0], [0.4, 0.5]);
    assert.ok(Math.abs(aurc - 0.5) < 1e-15);
    assert.deepEqual(
      coverageAt.map(({ coverage }) => coverage),
      [0, 1],
    );
  });

  it('lies between a perfect and a worst ranking of the same mistakes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ noNaN: true }), fc.boolean()), { minLength: 1, maxLength: 40 }),
        (images) => {
          const wrong = images.map(([, mistake]) => (mistake ? 1 : 0));
          const of = (scores: number[]) => selectiveRisk(scores, wrong, []).aurc;
          const aurc = of(images.map(([score]) => score));
          assert.ok(of(wrong) <= aurc + 1e-12 && aurc <= of(wrong.map((mistake) => 1 - mistake)) + 1e-12);
        },
      ),
    );
  });
});
