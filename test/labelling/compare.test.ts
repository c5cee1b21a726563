import assert from 'node:assert/strict';
import { Comparison } from '../../src/labelling/compare.js';
import { clopperPearson } from '../../src/labelling/statistics.js';
import { fixture } from './fixtures.js';

/** Compares pairs of [truth, label]. */
const compare = (classes: number, pairs: [number, number][]): Comparison => {
  const comparison = new Comparison(classes);
  for (const [truth, label] of pairs) comparison.add(truth, { label, predicted: label, predictive_entropy: 0 });
  return comparison;
};

describe('comparison with the truth', () => {
  it('gives coverage, error, interval and kappa by hand', () => {
    // 4 of 5 labelled, 1 of 4 wrong; p_o = 3/4, p_e = (2*1 + 2*3) / 16 = 1/2.
    const comparison = compare(2, [
      [0, 0],
      [0, 1],
      [1, 1],
      [1, 1],
      [0, -1],
    ]);
    assert.deepEqual(comparison.record(0.9), {
      coverage: 0.8,
      labelError: 0.25,
      labelErrorInterval: clopperPearson(1, 4),
      kappa: 0.5,
      testAccuracy: 0.9,
      // All equally certain: each coverage has the error of all, 2 of 5.
      aurc: 0.4,
      coverageAt: [0.005, 0.01, 0.02, 0.05].map((error) => ({ error, coverage: 0 })),
    });
    assert.deepEqual(comparison.confusion(), [
      [1, 1],
      [0, 2],
    ]);
    assert.equal(comparison.accuracy(), 0.75);
  });

  it('agrees with scikit-learn', () => {
    const { comparison: expected } = fixture<{
      comparison: { truth: number[]; label: number[]; confusion: number[][]; kappa: number; accuracy: number };
    }>('statistics.json');
    const comparison = compare(
      4,
      expected.truth.map((truth, i) => [truth, expected.label[i] as number]),
    );
    assert.deepEqual(comparison.confusion(), expected.confusion);
    assert.equal(comparison.accuracy(), expected.accuracy);
    assert.ok(Math.abs((comparison.kappa() ?? NaN) - expected.kappa) < 1e-12);
  });

  it('leaves undefined what is undefined', () => {
    const empty = { coverage: 0, labelError: null, labelErrorInterval: null, kappa: null, testAccuracy: null };
    assert.deepEqual(compare(3, []).record(null), empty);
    assert.deepEqual(compare(3, [[1, -1]]).record(null), empty);
    assert.equal(compare(3, [[1, 1]]).kappa(), null, 'one class throughout: agreement by chance is 1');
  });
});
