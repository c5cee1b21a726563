import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hypergeometricCdf, logHypergeometric, wrongUpperBound } from '../../../src/labelling/audit/index.js';
import { upperBound } from '../../../src/labelling/statistics.js';

function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n;
  let product = 1n;
  for (let i = 1; i <= k; i++) product = (product * BigInt(n - k + i)) / BigInt(i);
  return product;
}

/** The quotient of two whole numbers to 30 digits, then rounded to a double. */
const quotient = (a: bigint, b: bigint): number => Number((a * 10n ** 60n) / b) / 1e60;

/** From binomial coefficients as whole numbers: no logarithm, no rounding. */
const exact = (x: number, size: number, wrong: number, drawn: number): number =>
  quotient(choose(wrong, x) * choose(size - wrong, drawn - x), choose(size, drawn));

describe('hypergeometric law', () => {
  it('agrees with whole-number arithmetic to 1e-12', () => {
    for (const [size, wrong, drawn] of [
      [10, 3, 4],
      [60, 59, 30],
      [500, 11, 149],
      [3000, 61, 400],
      [20000, 401, 500],
    ] as const)
      for (let x = 0; x <= Math.min(wrong, drawn, 25); x++) {
        const expected = exact(x, size, wrong, drawn);
        const got = Math.exp(logHypergeometric(x, size, wrong, drawn));
        // What is below 1e-40 the quotient above does not hold to full precision.
        if (expected > 1e-40) assert.ok(Math.abs(got / expected - 1) < 1e-12, `${x} of ${size}: ${got}, ${expected}`);
        else assert.ok(got < 2e-40);
      }
  });

  it('agrees with the product of single draws for a million labels', () => {
    // P(no wrong one in 149) = product of (size - wrong - i) / (size - i); 149 factors lose less than 1e-13.
    let product = 1;
    for (let i = 0; i < 149; i++) product *= (1_000_000 - 20_001 - i) / (1_000_000 - i);
    const got = hypergeometricCdf(0, 1_000_000, 20_001, 149);
    assert.ok(Math.abs(got / product - 1) < 1e-12, `${got}, ${product}`);
  });

  it('sums to one and its tails add up', () => {
    const law = fc
      .integer({ min: 1, max: 400 })
      .chain((size) =>
        fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size }), fc.integer({ min: 0, max: size })),
      );
    fc.assert(
      fc.property(law, ([size, wrong, drawn]) => {
        let sum = 0;
        for (let x = 0; x <= Math.min(wrong, drawn); x++) {
          sum += Math.exp(logHypergeometric(x, size, wrong, drawn));
          assert.ok(Math.abs(hypergeometricCdf(x, size, wrong, drawn) - sum) < 1e-11);
        }
        assert.ok(Math.abs(sum - 1) < 1e-11);
      }),
      { numRuns: 60 },
    );
  });

  it('bounds the wrong ones as an exhaustive search does, never above Clopper and Pearson', () => {
    for (const [seen, drawn, size] of [
      [0, 59, 1000],
      [1, 200, 500],
      [5, 500, 2000],
      [3, 40, 40],
    ] as const) {
      let largest = seen;
      for (let wrong = seen; wrong <= size - drawn + seen; wrong++)
        if (hypergeometricCdf(seen, size, wrong, drawn) > 0.05) largest = wrong;
      const bound = wrongUpperBound(seen, drawn, size);
      assert.equal(bound, largest);
      assert.ok(bound <= Math.ceil(upperBound(seen, drawn) * size));
    }
    // certificates.md: 2,000 labels, 5 wrong in 500: 1.90 %.
    assert.equal((wrongUpperBound(5, 500, 2000) / 2000).toFixed(4), '0.0190');
  });
});
