import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  binomialCdf,
  clopperPearson,
  incompleteBeta,
  logGamma,
  quantile,
  upperBound,
} from '../../src/labelling/statistics.js';
import { fixture } from './fixtures.js';

const scipy = fixture<{
  logGamma: { x: number; value: number }[];
  incompleteBeta: { x: number; a: number; b: number; value: number }[];
  binomialCdf: { k: number; n: number; p: number; value: number }[];
  bounds: { errors: number; n: number; lower: number; upper: number; oneSided: number }[];
  quantiles: { values: number[]; shares: number[]; linear: number[] };
}>('statistics.json');

/**
 * Relative 1e-9: ln Γ of a million is 1.3e7, so a double holds it to 2e-9 and its exponential inherits that as a relative
 * error; bounds are then a bisection away. Nothing that is reported has more than five digits.
 */
const close = (got: number, expected: number, place: string, tolerance = 1e-9): void =>
  assert.ok(Math.abs(got - expected) <= tolerance * Math.abs(expected), `${place}: got ${got}, SciPy has ${expected}`);

describe('statistics', () => {
  it("agrees with SciPy's log-gamma, incomplete beta and binomial distribution", () => {
    for (const { x, value } of scipy.logGamma)
      assert.ok(Math.abs(logGamma(x) - value) < 1e-13 * Math.max(1, Math.abs(value)), `ln gamma(${x})`);
    for (const { x, a, b, value } of scipy.incompleteBeta) close(incompleteBeta(x, a, b), value, `I_${x}(${a}, ${b})`);
    for (const { k, n, p, value } of scipy.binomialCdf) close(binomialCdf(k, n, p), value, `P(X <= ${k}), n = ${n}`);
  });

  it("agrees with SciPy's exact two-sided interval and one-sided bound", () => {
    for (const { errors, n, lower, upper, oneSided } of scipy.bounds) {
      const interval = clopperPearson(errors, n);
      close(interval.lower, lower, `lower ${errors}/${n}`);
      close(interval.upper, upper, `upper ${errors}/${n}`);
      close(upperBound(errors, n), oneSided, `one-sided ${errors}/${n}`);
    }
  });

  it('gives the rule of three and the closed forms by hand', () => {
    // No error in n: (1 - p)^n = 0.05.
    close(upperBound(0, 100), 1 - 0.05 ** (1 / 100), '0/100');
    // All wrong: no upper bound; lower bound from p^n = 0.025.
    close(clopperPearson(4, 4).lower, 0.025 ** (1 / 4), '4/4');
    assert.equal(clopperPearson(4, 4).upper, 1);
  });

  it('says nothing about a share of nothing', () => {
    assert.deepEqual(clopperPearson(0, 0), { lower: 0, upper: 1 });
    assert.equal(upperBound(0, 0), 1);
  });

  it('encloses the seen share, wider with more confidence, and inverts the binomial tail', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
        const errors = Math.round(share * n);
        const narrow = clopperPearson(errors, n, 0.9);
        const wide = clopperPearson(errors, n, 0.99);
        assert.ok(wide.lower <= narrow.lower && narrow.lower <= errors / n);
        assert.ok(errors / n <= narrow.upper && narrow.upper <= wide.upper);
        if (errors < n) close(binomialCdf(errors, n, upperBound(errors, n)), 0.05, `tail at ${errors}/${n}`);
      }),
    );
  });

  it("takes quantiles as NumPy's default does", () => {
    const { values, shares, linear } = scipy.quantiles;
    const sorted = values.toSorted((a, b) => a - b);
    assert.deepEqual(
      shares.map((q) => quantile(sorted, q)),
      linear,
    );
    assert.equal(quantile([7], 0.75), 7);
    assert.ok(Number.isNaN(quantile([], 0.5)));
  });
});
