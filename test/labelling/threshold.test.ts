import assert from 'node:assert/strict';
import { ACCEPT_EVERYTHING, largestScore, scoreOf } from '../../src/contracts/scores.js';
import { scoreNames, thresholdRules } from '../../src/contracts/presets.js';
import { cutoffFile } from '../../src/contracts/stages.js';
import { isHeldBack } from '../../src/labelling/folds.js';
import { chooseCutoff, steering } from '../../src/labelling/threshold.js';
import type { PosteriorRow } from '../../src/contracts/tables.js';

/** Image i of 300 in three classes: less certain from image to image, every twentieth wrong. */
const posteriors = Array.from({ length: 300 }, (_, i): PosteriorRow => {
  const predicted = i % 3;
  const rest = 0.05 + i / 1000;
  const p = [0, 1, 2].map((c) => (c === predicted ? 1 - rest : rest / 2));
  return {
    id: String(i),
    predicted,
    probability: 1 - rest,
    probability_std: rest / 10,
    predictive_entropy: p.reduce((sum, value) => sum - value * Math.log(value), 0),
    aleatoric: rest,
    epistemic: rest / 5,
    log_variance: rest / 3,
    variation_ratio: rest / 2,
    kwon_aleatoric: rest,
    kwon_epistemic: rest / 7,
    passes: 30,
    p,
  };
});
const images = {
  posteriors,
  labels: posteriors.map(({ predicted }, i) => (i % 20 === 19 ? (predicted + 1) % 3 : predicted)),
  calibration: posteriors.flatMap((_, i) => (i % 2 === 1 ? [i] : [])),
  classes: 3,
  pool: 1000,
};
const wanted = {
  rule: 'target-error' as const,
  score: 'predictive-entropy' as const,
  limit: null,
  classwise: false,
  targetError: 0.12,
  scaling: 'temperature' as const,
  seed: 1,
};

describe('choosing a cut-off', () => {
  it('leaves out the calibration images that wait for a release: whatever they say, it is the same', () => {
    const held = new Set(images.calibration.filter((i) => isHeldBack(String(i), wanted.seed)));
    assert.ok(held.size > 50 && held.size < 100, String(held.size));
    const upsideDown = {
      ...images,
      posteriors: posteriors.map((row, i) =>
        held.has(i) ? { ...row, predictive_entropy: 0.01, p: [0.1, 0.1, 0.8] } : row,
      ),
      labels: images.labels.map((label, i) => (held.has(i) ? (label + 1) % 3 : label)),
    };
    for (const rule of ['target-error', 'iqr', 'top-n'] as const) {
      const choose = (from: typeof images) => chooseCutoff({ ...wanted, rule, limit: 2 }, steering(from, wanted.seed));
      assert.deepEqual(choose(upsideDown), choose(images));
      assert.equal(steering(images, wanted.seed).calibration.length, images.calibration.length - held.size);
    }
    assert.notDeepEqual(chooseCutoff(wanted, upsideDown), chooseCutoff(wanted, images));
  });

  it('gives a valid file for every rule and score, with the estimate of what it accepts', () => {
    for (const rule of thresholdRules)
      for (const score of scoreNames) {
        const file = cutoffFile.parse(chooseCutoff({ ...wanted, rule, score, limit: 3 }, images));
        const accepted = images.calibration.filter(
          (i) => scoreOf(score, posteriors[i]!) <= file.values[posteriors[i]!.predicted]!,
        );
        assert.equal(file.estimate.accepted, accepted.length, `${rule} ${score}`);
        assert.equal(file.values.length, 3);
        assert.equal(file.top, rule === 'top-n' ? 3 : null);
      }
  });

  it('accepts everything by `all`, and up to the largest score where the target allows it', () => {
    assert.equal(chooseCutoff({ ...wanted, rule: 'all' }, images).values[0], ACCEPT_EVERYTHING);
    assert.equal(chooseCutoff(wanted, images).values[0], Math.log(3));
    assert.equal(chooseCutoff({ ...wanted, score: 'log-variance' }, images).values[0], ACCEPT_EVERYTHING);
  });

  it('is class-wise where it is asked for and makes a difference', () => {
    const strict = { ...wanted, targetError: 0.06, classwise: true };
    const { classwise, values, estimate } = chooseCutoff(strict, images);
    assert.equal(classwise, new Set(values).size > 1);
    assert.ok(estimate.accepted === 0 || estimate.error <= 0.06);
  });

  it('knows the largest value of each score', () => {
    const uniform = { ...posteriors[0]!, probability: 1 / 3, predictive_entropy: Math.log(3) };
    for (const score of ['predictive-entropy', 'max-softmax'] as const)
      assert.ok(Math.abs(scoreOf(score, uniform) - largestScore(score, 3)) < 1e-12);
    assert.ok(Math.abs(largestScore('ups', 10) - 10) < 1e-12);
  });
});

describe('the UPS score', () => {
  it('is at most 1 exactly where p >= .70 and the deviation is at most .05', () => {
    const ups = (probability: number, probability_std: number) =>
      scoreOf('ups', { ...posteriors[0]!, probability, probability_std });
    assert.ok(ups(0.71, 0.049) < 1 && ups(0.69, 0.01) > 1 && ups(0.99, 0.051) > 1);
    assert.ok(Math.abs(ups(0.85, 0) - 0.5) < 1e-12);
  });
});
