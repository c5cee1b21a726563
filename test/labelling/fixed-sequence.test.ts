import assert from 'node:assert/strict';
import fc from 'fast-check';
import { deriveSeed, RandomStream } from '../../src/contracts/random.js';
import {
  alphaOf,
  errorsAllowed,
  errorTest,
  fixedSequence,
  mostWrong,
  rankGrid,
} from '../../src/labelling/fixed-sequence.js';
import { cutsOf } from '../../src/labelling/release.js';
import { binomialCdf } from '../../src/labelling/statistics.js';

const close = (a: number, b: number, relative: number, what?: string): void =>
  assert.ok(Math.abs(a - b) <= relative * Math.abs(b), `${what ?? ''} ${a} is not ${b}`);

describe('exact tests of a cut', () => {
  it('have the p-values that exact fractions give', () => {
    // By Python's math.comb.
    close(errorTest({ pool: 1000, calibration: 100, errors: 0 }, 0.05), 0.006869985136258124, 1e-11);
    close(errorTest({ pool: 3000, calibration: 180, errors: 3 }, 0.1), 1.2627878865333512e-5, 1e-9);
  });

  it('become the binomial ones as the pool grows, from above', () => {
    for (const [n, errors] of [
      [59, 0],
      [200, 4],
    ] as const) {
      const binomial = binomialCdf(errors, n, 0.05);
      close(errorTest({ pool: 10_000_000, calibration: n, errors }, 0.05), binomial, 1e-3);
      assert.ok(errorTest({ pool: 500, calibration: n, errors }, 0.05) > binomial);
    }
  });

  it('grow with the errors and fall with the images', () => {
    const sizes = fc.record({ pool: fc.integer({ min: 1, max: 500 }), calibration: fc.integer({ min: 1, max: 80 }) });
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 0, max: 80 }),
        fc.double({ min: 0.01, max: 0.4, noNaN: true }),
        (cut, errors, epsilon) => {
          const x = Math.min(errors, cut.calibration - 1);
          const p = errorTest({ ...cut, errors: x }, epsilon);
          assert.ok(p >= 0 && p <= 1);
          assert.ok(errorTest({ ...cut, errors: x + 1 }, epsilon) >= p - 1e-9);
          assert.ok(errorTest({ ...cut, calibration: cut.calibration + 1, errors: x }, epsilon) <= p + 1e-9);
        },
      ),
    );
  });

  it('let as many errors pass as the tests themselves, and none without images', () => {
    assert.equal(errorsAllowed({ pool: 10_000_000, calibration: 58 }, 0.05, 0.05), -1);
    assert.equal(errorsAllowed({ pool: 10_000_000, calibration: 59 }, 0.05, 0.05), 0);
    assert.equal(errorsAllowed({ pool: 0, calibration: 59 }, 0.05, 0.05), -1);
    assert.equal(errorTest({ pool: 100, calibration: 0, errors: 0 }, 0.05), 1);
    assert.equal(mostWrong(0.07, 100), 7, 'whatever the rounding of the product');
    assert.equal(mostWrong(0.29, 100), 29);
  });

  it('spend alpha over the releases', () => {
    assert.deepEqual(
      [1, 2, 3].map((t) => alphaOf(0.06, t)),
      [0.03, 0.01, 0.005],
    );
    const sum = Array.from({ length: 10_000 }, (_, i) => alphaOf(0.05, i + 1)).reduce((a, b) => a + b);
    assert.ok(sum < 0.05 && sum > 0.0499);
  });
});

describe('fixed sequence', () => {
  it('has its grid at even ranks of the pool', () => {
    const scores = Array.from({ length: 100 }, (_, i) => i);
    assert.deepEqual(rankGrid(scores, 4), [24, 49, 74, 99]);
    assert.deepEqual(rankGrid([5, 5, 5, 6], 4), [5, 6]);
    assert.deepEqual(rankGrid([], 4), []);
  });

  it('stops at the first cut that fails, though a later one would pass', () => {
    const cuts = [
      { cutoff: 1, pool: 15_000, calibration: 200, errors: 0 },
      { cutoff: 2, pool: 20_000, calibration: 250, errors: 40 },
      { cutoff: 3, pool: 30_000, calibration: 3000, errors: 30 },
    ];
    const images = { pool: 30_000, calibration: 400 };
    assert.equal(fixedSequence(cuts, images, 0.05, 0.05), 0);
    assert.ok(errorTest(cuts[2]!, 0.05) < 0.05);
    assert.equal(fixedSequence([], images, 0.05, 0.05), null);
    assert.equal(fixedSequence(cuts, { pool: 30_000, calibration: 10 }, 0.05, 0.05), null, 'no cut can pass');
  });

  it('starts where a third of epsilon can be borne, whatever the calibration images say', () => {
    // 20 even cuts of 400 images. At 5 % and alpha 5 %, 124 images bear 2 errors and 153 bear 3: 120 bear only 1, less than a
    // third of 5 %, and 140 bear 2, less than 2.33; 160 bear 3, more than 2.67: the eighth cut.
    const cuts = (errors: number, before: number) =>
      Array.from({ length: 20 }, (_, g) => ({
        ...{ cutoff: g, pool: 50_000 * (g + 1), calibration: 20 * (g + 1) },
        errors: g < 7 ? before : errors,
      }));
    const images = { pool: 1_000_000, calibration: 400 };
    assert.equal(fixedSequence(cuts(3, 20), images, 0.05, 0.05), 19, 'errors before the start alone are not looked at');
    assert.equal(fixedSequence(cuts(4, 0), images, 0.05, 0.05), null);
  });

  it('starts with what can be borne where there are few images', () => {
    const cuts = Array.from({ length: 4 }, (_, g) => ({
      ...{ cutoff: g, pool: 25_000 * (g + 1), calibration: 15 * (g + 1), errors: 0 },
    }));
    assert.equal(
      fixedSequence(cuts, { pool: 100_000, calibration: 60 }, 0.05, 0.05),
      3,
      '60 images bear no error at 5 %',
    );
    assert.equal(fixedSequence(cuts, { pool: 100_000, calibration: 58 }, 0.05, 0.05), null);
  });

  /** Share of repeats in which more than epsilon of the claimed cut is wrong. */
  function falseClaims(repeats: number, steepness: number, epsilon: number, alpha: number, size: number): number {
    let wrong = 0;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const random = new RandomStream(deriveSeed(17, 'split', repeat));
      const draw = () => {
        const score = random.uniform();
        return { score, predicted: 0, correct: random.uniform() >= Math.min(1, steepness * score ** 3) };
      };
      const pool = Array.from({ length: size }, draw);
      const calibration = Array.from({ length: 150 }, draw);
      const cuts = cutsOf(
        calibration,
        pool.map(({ score }) => score),
      );
      const passed = fixedSequence(cuts, { pool: size, calibration: 150 }, epsilon, alpha);
      if (passed === null) continue;
      const { cutoff, pool: claimed } = cuts[passed]!;
      const errors = pool.filter(({ score, correct }) => score <= cutoff && !correct).length;
      if (errors > mostWrong(epsilon, claimed)) wrong++;
    }
    return wrong / repeats;
  }

  it('claims too much in at most a share alpha of the releases, in small pools too', function () {
    this.timeout(60_000);
    // At every steepness some cut of the grid is near its limit, which is the worst for the test.
    for (const [steepness, size] of [
      [0.35, 300],
      [0.6, 300],
      [0.6, 1500],
      [1, 300],
    ] as const) {
      const share = falseClaims(1000, steepness, 0.1, 0.1, size);
      assert.ok(share <= 0.1 + 3 * Math.sqrt((0.1 * 0.9) / 1000), `${steepness}, ${size}: ${share}`);
    }
  });
});
