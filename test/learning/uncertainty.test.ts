import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { Moments } from '../../src/contracts/scores.js';
import { entropy, PosteriorAccumulator } from '../../src/learning/uncertainty.js';

/** See test/fixtures/numeric/formulas.py. */
const formulas = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/numeric/formulas.json', import.meta.url), 'utf8'),
) as {
  posteriors: { p: number[][][]; s: number[][]; predicted: number[] } & Record<keyof Moments, number[]>;
};

const near = (got: number | undefined, expected: number, tolerance = 1e-6) =>
  assert.ok(got !== undefined && Math.abs(got - expected) <= tolerance, `got ${got}, expected ${expected}`);

function posterior(passes: number[][], classes: number, s: number[] = passes.map(() => 0)) {
  const n = (passes[0]?.length ?? 0) / classes;
  const sums = new PosteriorAccumulator(n, classes);
  passes.forEach((p, t) => sums.add(p, new Array<number>(n).fill(s[t] as number)));
  return sums.result();
}

describe('uncertainty', () => {
  it('is all epistemic where sure passes contradict each other', () => {
    const { p, predictiveEntropy, aleatoric, epistemic, probabilityStd } = posterior(
      [
        [1, 0],
        [0, 1],
      ],
      2,
    );
    assert.deepEqual([...p], [0.5, 0.5]);
    near(predictiveEntropy[0], Math.LN2);
    near(aleatoric[0], 0);
    near(epistemic[0], Math.LN2);
    near(probabilityStd[0], 0.5);
  });

  it('is all aleatoric where the passes agree on being unsure', () => {
    const { predictiveEntropy, aleatoric, epistemic, probabilityStd } = posterior(
      [
        [0.5, 0.5],
        [0.5, 0.5],
      ],
      2,
    );
    near(predictiveEntropy[0], Math.LN2);
    near(aleatoric[0], Math.LN2);
    near(epistemic[0], 0);
    near(probabilityStd[0], 0);
  });

  it('agrees with a case computed by hand', () => {
    // H[(.75,.25)] = .562335; mean of H[(.9,.1)] = .325083 and H[(.6,.4)] = .673012 is .499047.
    const { predictiveEntropy, aleatoric, epistemic } = posterior(
      [
        [0.9, 0.1],
        [0.6, 0.4],
      ],
      2,
    );
    near(predictiveEntropy[0], 0.562335, 1e-5);
    near(aleatoric[0], 0.499047, 1e-5);
    near(epistemic[0], 0.063288, 1e-5);
  });

  it('averages the variance of the logits, not its logarithm', () => {
    near(
      posterior(
        [
          [1, 0],
          [1, 0],
        ],
        2,
        [0, Math.log(3)],
      ).logVariance[0],
      2,
    );
  });

  it('keeps entropy = aleatoric + epistemic, with each in its bounds, for any passes', () => {
    const classes = 5;
    const row = fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: classes, maxLength: classes });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), (rows) => {
        const passes = rows.map((values) => values.map((value) => value / values.reduce((a, b) => a + b)));
        const { p, predictiveEntropy, aleatoric, epistemic } = posterior(passes, classes);
        near((aleatoric[0] as number) + (epistemic[0] as number), predictiveEntropy[0] as number, 1e-5);
        assert.ok((epistemic[0] as number) >= 0);
        assert.ok((predictiveEntropy[0] as number) <= Math.log(classes) + 1e-6);
        near(
          p.reduce((a, b) => a + b),
          1,
        );
      }),
    );
  });

  const classes = 4;
  const distribution = fc
    .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: classes, maxLength: classes })
    .map((values) => values.map((value) => value / values.reduce((a, b) => a + b)));
  const passesOf = (n: number) =>
    fc.array(fc.array(distribution, { minLength: n, maxLength: n }), { minLength: 1, maxLength: 7 });

  it("keeps Kwon's two traces in their bounds, with the sum 1 - sum p^2", () => {
    fc.assert(
      fc.property(passesOf(1), (passes) => {
        const { p, kwonAleatoric, kwonEpistemic, variationRatio, probabilityStd } = posterior(
          passes.map((pass) => pass.flat()),
          classes,
        );
        const gini = 1 - p.reduce((sum, value) => sum + value * value, 0);
        near(kwonAleatoric[0]! + kwonEpistemic[0]!, gini);
        assert.ok(kwonAleatoric[0]! >= 0 && kwonEpistemic[0]! >= 0 && gini <= 1 - 1 / classes + 1e-6);
        assert.ok(variationRatio[0]! >= 0 && variationRatio[0]! <= 1 - 1 / classes + 1e-6);
        assert.ok(probabilityStd[0]! <= 0.5 + 1e-6);
      }),
    );
  });

  it("gives a hand-computed variation ratio and Kwon's traces", () => {
    // Votes 0, 0, 1; mean (.6, .4). Mean of 1 - p^2 - q^2: (.18 + .48 + .42) / 3 = .36; 1 - .36 - .16 = .48.
    const { variationRatio, kwonAleatoric, kwonEpistemic, passes } = posterior(
      [
        [0.9, 0.1],
        [0.6, 0.4],
        [0.3, 0.7],
      ],
      2,
    );
    near(variationRatio[0], 1 / 3);
    near(kwonAleatoric[0], 0.36);
    near(kwonEpistemic[0], 0.12);
    assert.deepEqual([...passes], [3]);
  });

  it('gives the same bits whether items come together, in parts or alone', () => {
    const n = 5;
    fc.assert(
      fc.property(passesOf(n), fc.uniqueArray(fc.nat(n - 1)), (passes, some) => {
        const rest = [0, 1, 2, 3, 4].filter((item) => !some.includes(item));
        const whole = new PosteriorAccumulator(n, classes);
        const parts = new PosteriorAccumulator(n, classes);
        passes.forEach((pass, t) => {
          const s = pass.map((_, item) => -t - item);
          whole.add(pass.flat(), s);
          for (const items of [some, rest])
            parts.add(items.flatMap((item) => pass[item]!), items.map((item) => s[item]!), items); // prettier-ignore
        });
        assert.deepEqual(parts.result(), whole.result());
      }),
    );
  });

  it('lets an item take passes that others do not', () => {
    const sums = new PosteriorAccumulator(2, 2);
    sums.add([1, 0, 1, 0], [0, 0]);
    sums.add([0, 1], [0], [1]);
    const { p, passes } = sums.result();
    assert.deepEqual([...p], [1, 0, 0.5, 0.5]);
    assert.deepEqual([...passes], [1, 2]);
  });

  it('agrees with NumPy and SciPy on every moment', () => {
    const { p, s, predicted, ...columns } = formulas.posteriors;
    const n = p.length;
    const sums = new PosteriorAccumulator(n, p[0]![0]!.length);
    s[0]!.forEach((_, t) => sums.add(p.flatMap((item) => item[t]!), s.map((item) => item[t]!))); // prettier-ignore
    for (let item = 0; item < n; item++) {
      const moments = sums.moments(item);
      assert.equal(moments.predicted, predicted[item]);
      // Both are float64 sums of a few dozen terms below ln 5: 1e-13 is hundreds of roundings. Deviations are square
      // roots of differences, so theirs is 1e-13 / (2 * deviation), below 1e-11 here.
      for (const [name, values] of Object.entries(columns))
        near(moments[name as keyof typeof columns], values[item]!, name === 'probability_std' ? 1e-11 : 1e-13);
    }
  });

  it('counts a probability of 0 as no entropy', () => {
    assert.equal(entropy([1, 0, 0]), 0);
    near(entropy([0, 0.5, 0.5, 9], 1, 2), Math.LN2);
  });
});
