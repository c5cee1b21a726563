import { problem } from '../contracts/errors.js';

/** What a user reads of the learner's process. */
export const learnerErrors = {
  /** The process ended while it was needed. */
  died: (how: string, stderr: readonly string[]) =>
    problem(
      'LEARNER_DIED',
      `the learner process ended: ${how}. The task is tried again in a fresh process; if it keeps ending, look for a ` +
        `lack of memory.${stderr.length > 0 ? `\nIts last words:\n${stderr.join('\n')}` : ''}`,
    ),
  /** Its library does not load, and does not fail to load either. */
  notReady: (ms: number) =>
    problem(
      'LEARNER_UNAVAILABLE',
      `the learner did not start within ${ms / 1000} s. It is started again; if that goes on, 'labelloop doctor' says whether the compute library and the device work.`,
    ),
  closed: () => problem('LEARNER_DIED', 'the learner was closed. Fork another one to go on.'),
  cancelled: (cause?: unknown) => problem('CANCELLED', 'the task was stopped.', cause),
  /** A request that this learner's release doesn't know. */
  badRequest: (what: string) =>
    problem('INTERNAL', `the learner can't read a request: ${what}. Restart the worker, so that both are one release.`),
  badResult: (kind: string) =>
    problem('INTERNAL', `the learner answered a '${kind}' task with another one's result. Restart the worker.`),
};
