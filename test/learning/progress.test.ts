import assert from 'node:assert/strict';
import { LabelloopError } from '../../src/contracts/errors.js';
import { freshProgress, Progress } from '../../src/learning/progress.js';
import { tinyRecipe } from './fixtures.js';
import type { Recipe } from '../../src/contracts/learner.js';

const recipe: Recipe = { ...tinyRecipe, steps: 100, validateEvery: 5, patience: 2, schedule: 'steps' };
const diverged = (error: unknown) =>
  error instanceof LabelloopError && error.code === 'TRAINING_DIVERGED' && /guessing has 2.30/.test(error.message);

/** Feeds losses step by step, and gives the step after which the training would end. */
function run(progress: Progress, loss: (step: number) => number): number {
  let step = 0;
  while (step < progress.end) {
    step++;
    progress.add(step, loss(step));
  }
  return step;
}

describe('progress', () => {
  it('goes on to the last step while the loss falls', () => {
    const progress = new Progress(recipe, false, 10, freshProgress);
    assert.equal(
      run(progress, (step) => 0.97 ** step),
      100,
    );
    assert.equal(progress.converged, false);
  });

  it('has converged when the loss has not fallen for so many windows, and ends a tenth of the steps later', () => {
    const progress = new Progress(recipe, false, 10, freshProgress);
    // Falls in windows 1 to 4, then stands: windows 5 and 6 are not lower.
    assert.equal(
      run(progress, (step) => Math.max(0.5, 1 - 0.03 * step)),
      40,
    );
    assert.equal(progress.converged, true);
    assert.ok(progress.rate(39) < 0.2 * progress.rate(30));
  });

  it('never ends early with a patience of 0', () => {
    const progress = new Progress({ ...recipe, patience: 0 }, false, 10, freshProgress);
    assert.equal(
      run(progress, () => 1),
      100,
    );
  });

  it('has diverged at the first loss that is no number', () => {
    const progress = new Progress(recipe, false, 10, freshProgress);
    assert.throws(() => progress.add(1, NaN), diverged);
    assert.throws(() => progress.add(1, Infinity), diverged);
  });

  it('has diverged when a window is far above the first and above guessing, and not at a single high loss', () => {
    const progress = new Progress({ ...recipe, patience: 0 }, false, 10, freshProgress);
    run(new Progress({ ...recipe, patience: 0 }, false, 10, freshProgress), (step) => (step === 7 ? 30 : 2));
    assert.throws(() => run(progress, (step) => (step < 10 ? 2 : 30)), diverged);
  });

  it('keeps the best look, the later of equal ones, and gives up after so many without a better', () => {
    const progress = new Progress(recipe, true, 10, freshProgress);
    assert.deepEqual(
      [0.5, 0.6, 0.6].map((accuracy) => progress.look(accuracy)),
      [true, true, true],
    );
    assert.equal(progress.exhausted, false);
    assert.equal(progress.look(0.55), false);
    assert.equal(progress.exhausted, true);
    assert.equal(progress.accuracy, 0.6);
  });

  it('goes on from a snapshot as if it had not stopped', () => {
    const loss = (step: number) => Math.max(0.5, 1 - 0.03 * step);
    const whole = new Progress(recipe, false, 10, freshProgress);
    const first = new Progress(recipe, false, 10, freshProgress);
    for (let step = 1; step <= 23; step++) first.add(step, loss(step));
    const second = new Progress(recipe, false, 10, JSON.parse(JSON.stringify(first.snapshot())) as never);
    run(whole, loss);
    for (let step = 24; step <= second.end; step++) second.add(step, loss(step));
    assert.deepEqual(second.snapshot(), whole.snapshot());
  });
});
