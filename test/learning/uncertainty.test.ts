import assert from 'node:assert/strict';
import fc from 'fast-check';
import { entropy, PosteriorAccumulator } from '../../src/learning/uncertainty.js';

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

  it('counts a probability of 0 as no entropy', () => {
    assert.equal(entropy([1, 0, 0]), 0);
    near(entropy([0, 0.5, 0.5, 9], 1, 2), Math.LN2);
  });
});
