import { learningErrors } from './errors.js';
import { annealedBy, learningRate } from './optimise.js';
import type { Recipe } from '../contracts/learner.js';
import type { ProgressState } from './checkpoint.js';

/** A window's mean is lower than another if it is so by this share: less is noise of the batches. */
const LOWER = 0.01;
/**
 * A training has diverged when a window's mean loss is this many times that of the first window, and of guessing. A loss
 * may start above that of guessing, and class or pseudo-label weights scale it: so both.
 */
const EXPLOSION = 4;

export const freshProgress: ProgressState = {
  sum: 0,
  count: 0,
  first: null,
  lowest: null,
  accuracy: null,
  since: 0,
  annealing: null,
};

/**
 * Decides when a training ends.
 *
 * With validation images: when `patience` looks in a row were not better than the best one. Without: the mean loss of
 * windows of `validateEvery` steps is watched, and when it has not fallen for `patience` windows, the student has
 * converged at its learning rate. Then the rate still goes down to 0, within a tenth of the steps: much of what a
 * training reaches it reaches there, and to stop at a high rate would throw that away.
 */
export class Progress {
  private state: ProgressState;

  constructor(
    private readonly recipe: Recipe,
    /** Whether there are validation images. */
    private readonly validated: boolean,
    private readonly classes: number,
    state: ProgressState,
  ) {
    this.state = { ...state };
  }

  get accuracy(): number | null {
    return this.state.accuracy;
  }

  rate(step: number): number {
    return learningRate(this.recipe, step, this.state.annealing);
  }

  /** Steps after which the training ends, as far as is known. */
  get end(): number {
    const { steps } = this.recipe;
    const { annealing } = this.state;
    return annealing ? annealedBy(steps, annealing.step) : steps;
  }

  get converged(): boolean {
    return this.state.annealing !== null && this.end < this.recipe.steps;
  }

  /** Whether looks at the validation images have been in vain for long enough. */
  get exhausted(): boolean {
    return this.validated && this.recipe.patience > 0 && this.state.since >= this.recipe.patience;
  }

  /**
   * Takes the loss of step `step` (counted from 1).
   * @throws TRAINING_DIVERGED
   */
  add(step: number, loss: number): void {
    const guessing = Math.log(this.classes);
    if (!Number.isFinite(loss)) throw learningErrors.diverged(step, loss, guessing);
    const { state } = this;
    state.sum += loss;
    state.count++;
    if (state.count < this.recipe.validateEvery) return;
    const mean = state.sum / state.count;
    state.sum = 0;
    state.count = 0;
    state.first ??= mean;
    if (mean > EXPLOSION * Math.max(guessing, state.first)) throw learningErrors.diverged(step, mean, guessing);
    if (!this.validated) this.window(step, mean);
  }

  private window(step: number, mean: number): void {
    const { state } = this;
    const { patience } = this.recipe;
    if (state.lowest === null || mean < state.lowest * (1 - LOWER)) {
      state.lowest = mean;
      state.since = 0;
    } else {
      state.since++;
    }
    if (patience > 0 && state.since >= patience && state.annealing === null)
      state.annealing = { step, rate: this.rate(step) };
  }

  /** Takes a look's accuracy; says whether it is the best. Of equal ones the later: it has learnt for longer. */
  look(accuracy: number): boolean {
    const { state } = this;
    const better = state.accuracy === null || accuracy > state.accuracy;
    state.since = better ? 0 : state.since + 1;
    if (state.accuracy !== null && accuracy < state.accuracy) return false;
    state.accuracy = accuracy;
    return true;
  }

  snapshot(): ProgressState {
    return { ...this.state };
  }
}
