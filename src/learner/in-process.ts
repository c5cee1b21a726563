import { loadBackend } from '../learning/backend.js';
import { runTask } from './run-task.js';
import type { Learner, LearnerTask, SampleResult, TaskListener, TrainResult } from '../contracts/learner.js';

/** A learner in this process, for tests: the same code as the child's, one task at a time. Never for a worker. */
export function inProcessLearner(): Learner {
  let last: Promise<unknown> = Promise.resolve();
  const run = (task: LearnerTask, listener: TaskListener = {}): Promise<TrainResult | SampleResult> => {
    const result = last.then(() => runTask(loadBackend(), task, listener));
    last = result.catch(() => undefined);
    return result;
  };
  return {
    device: async () => Promise.resolve(loadBackend().device),
    train: async (task, listener) => (await run(task, listener)) as TrainResult,
    sample: async (task, listener) => (await run(task, listener)) as SampleResult,
    close: async () => {
      await last;
    },
  };
}
