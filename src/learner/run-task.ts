import { LabelloopError } from '../contracts/errors.js';
import { isOutOfMemory, learningErrors } from '../learning/errors.js';
import { sample } from '../learning/sample.js';
import { train } from '../learning/train.js';
import type { LearnerTask, SampleResult, TaskListener, TrainResult } from '../contracts/learner.js';
import type { Backend } from '../learning/backend.js';

/** Runs one task; errors of the compute library come out with a code. */
export async function runTask(
  backend: Backend,
  task: LearnerTask,
  listener: TaskListener,
): Promise<TrainResult | SampleResult> {
  try {
    return task.kind === 'train' ? await train(backend, task, listener) : await sample(backend, task, listener);
  } catch (error) {
    if (!(error instanceof LabelloopError) && isOutOfMemory(error)) throw learningErrors.outOfMemory(error);
    throw error;
  }
}
