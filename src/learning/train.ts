import { rmSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { encodeCheckpoint, encodeModel, writeWhole } from './checkpoint.js';
import { learningErrors } from './errors.js';
import { sizeOf } from './network.js';
import { Pace } from './pace.js';
import { unlabelledBatch } from './student.js';
import { TrainingRun } from './training-run.js';
import type { TaskListener, TrainResult, TrainTask } from '../contracts/learner.js';
import type { Backend } from './backend.js';

/** Checkpoint files that stay: a reader of the older one has a whole interval to open it. */
const CHECKPOINTS_KEPT = 2;

/**
 * Trains fresh weights or those of a model on, or goes on from a checkpoint; both end in the same bits, since a step is a function of the state
 * before it and of (seed, step).
 *
 * @throws CANCELLED after the last checkpoint, where the listener's signal aborts; TRAINING_DIVERGED; SHAPE_MISMATCH and
 * FORMAT_UNKNOWN for inputs that don't fit
 */
export async function train(backend: Backend, task: TrainTask, listener: TaskListener = {}): Promise<TrainResult> {
  const started = performance.now();
  const run = TrainingRun.open(backend, task);
  try {
    const resumedAt = run.step;
    await runSteps(run, task, listener);
    writeWhole(task.output, encodeModel(run.network, run.result(), task.recipe.dropout));
    return {
      steps: run.step,
      resumedAt,
      loss: run.meanLoss(),
      stopped: run.stopped,
      validationAccuracy: run.progress.accuracy,
      parameters: sizeOf(run.network),
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    run.dispose();
  }
}

async function runSteps(run: TrainingRun, task: TrainTask, listener: TaskListener): Promise<void> {
  const checkpoints = new Checkpoints(task, listener, run.step);
  const { recipe } = task;
  const pace = new Pace(recipe.steps, recipe.batch + unlabelledBatch(recipe), run.step, listener);
  let saved = performance.now();
  try {
    while (!run.ended) {
      if (listener.signal?.aborted) {
        await checkpoints.settled();
        checkpoints.write(run);
        throw learningErrors.cancelled();
      }
      run.next();
      pace.total = run.ended ? run.step : run.progress.end;
      pace.report(run.step, () => run.meanLoss());
      if (performance.now() - saved >= task.checkpointSeconds * 1000) {
        await checkpoints.settled();
        checkpoints.write(run);
        saved = performance.now();
      }
      // A step blocks this thread: messages and signals come in between two of them.
      await setImmediate();
    }
  } finally {
    await checkpoints.settled();
  }
}

/** The files `<checkpoint>.<step>`; one is written only when the listener is done with the one before. */
class Checkpoints {
  private readonly paths: string[] = [];
  private reported: Promise<void> = Promise.resolve();
  private written: number;

  constructor(
    private readonly task: TrainTask,
    private readonly listener: TaskListener,
    start: number,
  ) {
    this.written = start;
  }

  settled(): Promise<void> {
    return this.reported;
  }

  /** Writes what was not written before: a task without a step since then has nothing to save. */
  write(run: TrainingRun): void {
    const { step } = run;
    if (step === this.written) return;
    this.written = step;
    const path = `${this.task.checkpoint}.${step}`;
    writeWhole(path, encodeCheckpoint(this.task, run.network, run.state()));
    this.paths.push(path);
    for (const old of this.paths.splice(0, this.paths.length - CHECKPOINTS_KEPT)) rmSync(old, { force: true });
    this.reported = this.listener.onCheckpoint?.({ step, path }) ?? Promise.resolve();
    // It is awaited before the next file is written; until then a failure must not end the process.
    this.reported.catch(() => undefined);
  }
}
