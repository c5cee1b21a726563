import assert from 'node:assert/strict';
import fc from 'fast-check';
import { calibrate, calibrated, fitScaling, reliabilityOf } from '../../src/labelling/calibration.js';
import { minimise } from '../../src/labelling/newton.js';
import { upperBound } from '../../src/labelling/statistics.js';
import { fixture } from './fixtures.js';

const scipy = fixture<{
  scaling: {
    p: number[][];
    label: number[];
    scale: number;
    vector: number[];
    ece: number;
    nll: number;
    scaledEce: number;
    scaledNll: number;
    calibrated: number[][];
  };
  bounds: { errors: number; n: number; upper: number }[];
}>('numeric/formulas.json');
const images = scipy.scaling.p.map((p, i) => ({ p, label: scipy.scaling.label[i]! }));

const near = (got: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(got - expected) <= tolerance, `got ${got}, expected ${expected}`);

/** Images that are right nine times in ten, by a model that says 1 - 1e-4. */
const overconfident = Array.from({ length: 200 }, (_, i) => {
  const label = i % 4;
  const said = i % 10 === 0 ? (label + 1) % 4 : label;
  return { p: [0, 1, 2, 3].map((c) => (c === said ? 0.9999 : 0.0001 / 3)), label };
});

describe('calibration', () => {
  it("finds SciPy's temperature and vector", () => {
    const temperature = fitScaling(images, 3, 'temperature');
    // SciPy's bracketing stops at about the root of a double's resolution, where the likelihood is flat.
    near(temperature.scale[0]!, scipy.scaling.scale, 1e-7);
    const { scale, bias } = fitScaling(images, 3, 'vector');
    // BFGS to a gradient of 1e-9; around SciPy's temperature, so with its tolerance.
    [...scale, ...bias].forEach((value, k) => near(value, scipy.scaling.vector[k]!, 1e-6));
    scipy.scaling.calibrated.forEach((row, i) =>
      calibrated(images[i]!.p, temperature).forEach((value, c) => near(value, row[c]!, 1e-7)),
    );
  });

  it("gives NumPy's ECE and likelihood, as sampled and scaled", () => {
    const { ece, nll } = reliabilityOf(images);
    near(ece, scipy.scaling.ece, 1e-13);
    near(nll, scipy.scaling.nll, 1e-13);
    const scaling = fitScaling(images, 3, 'temperature');
    const scaled = reliabilityOf(images.map(({ p, label }) => ({ p: calibrated(p, scaling), label })));
    near(scaled.ece, scipy.scaling.scaledEce, 1e-6);
    near(scaled.nll, scipy.scaling.scaledNll, 1e-7);
  });

  it('gives a hand-computed ECE', () => {
    // Two images in (.8, .8667], one right: |.5 - .85| * 2 / 3. One in (.9333, 1], right: |1 - 1| / 3.
    const hand = [
      { p: [0.85, 0.15], label: 0 },
      { p: [0.85, 0.15], label: 1 },
      { p: [1, 0], label: 0 },
    ];
    const { ece, bins } = reliabilityOf(hand);
    near(ece, (2 * 0.35) / 3, 1e-12);
    assert.deepEqual(
      bins.map(({ count }) => count),
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1],
    );
  });

  it('cools an overconfident model down, measured on images that it was not fitted on', () => {
    const { method, scale, before, after } = calibrate(overconfident, 4, 'temperature', 1);
    assert.equal(method, 'temperature');
    assert.ok(scale[0]! < 0.6 && before.ece > 0.09 && after.ece < 0.03, JSON.stringify({ scale, after }));
    assert.ok(after.nll < before.nll);
    assert.equal(after.bins.reduce((sum, { count }) => sum + count, 0), 200); // prettier-ignore
  });

  it('stays finite where every answer is right, and where none is', () => {
    const right = overconfident.filter(({ p, label }) => p[label]! > 0.5);
    const wrong = overconfident.filter(({ p, label }) => p[label]! < 0.5);
    assert.ok(fitScaling(right, 4, 'temperature').scale[0]! < 2);
    assert.equal(fitScaling(wrong, 4, 'temperature').scale[0], 0.05);
    const certain = [{ p: [1, 0], label: 1 }];
    assert.ok(Number.isFinite(reliabilityOf(certain).nll));
  });

  it('falls back to the temperature where a class has too few labels, and to nothing without images', () => {
    assert.equal(fitScaling(overconfident, 4, 'vector').method, 'vector');
    assert.equal(fitScaling(overconfident.slice(0, 30), 4, 'vector').method, 'temperature');
    // Ten labels a class, but a Hessian of 200 x 200 from 1,000 images.
    const many = Array.from({ length: 1000 }, (_, i) => ({
      p: Array.from({ length: 100 }, (__, c) => (c === i % 100 ? 0.505 : 0.005)),
      label: i % 100,
    }));
    assert.equal(fitScaling(many, 100, 'vector').method, 'temperature');
    const nothing = calibrate([], 4, 'temperature', 1);
    assert.deepEqual([nothing.method, nothing.scale, nothing.before.ece], ['none', [1, 1, 1, 1], 0]);
    assert.deepEqual(calibrate(overconfident, 4, 'none', 1).after, calibrate(overconfident, 4, 'none', 1).before);
  });

  it('keeps the rank of the classes under a temperature, and sums to 1', () => {
    const row = fc.array(fc.double({ min: 1e-6, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(row, fc.double({ min: 0.05, max: 5, noNaN: true }), (p, s) => {
        const scaled = calibrated(p, { method: 'temperature', scale: [s, s, s, s], bias: [0, 0, 0, 0] });
        near(scaled.reduce((a, b) => a + b), 1, 1e-12); // prettier-ignore
        for (let c = 1; c < 4; c++) if (p[c]! > p[0]!) assert.ok(scaled[c]! >= scaled[0]!);
      }),
    );
  });

  it('minimises a quadratic in one step and a steep convex function at all', () => {
    const [x, y] = minimise([5, -3], ([x, y]) => ({
      value: (x! - 1) ** 2 + x! * y! + y! ** 2,
      gradient: [2 * (x! - 1) + y!, x! + 2 * y!],
      hessian: [
        [2, 1],
        [1, 2],
      ],
    }));
    near(x!, 4 / 3, 1e-12);
    near(y!, -2 / 3, 1e-12);
    const [z] = minimise([10], ([z]) => ({
      value: Math.log(Math.cosh(z!)),
      gradient: [Math.tanh(z!)],
      hessian: [[1 / Math.cosh(z!) ** 2]],
    }));
    near(z!, 0, 1e-7);
  });

  it("keeps SciPy's exact bounds of what cut-offs of calibration accept", () => {
    for (const { errors, n, upper } of scipy.bounds) near(upperBound(errors, n), upper, 1e-12);
  });
});
