/**
 * The child process that owns a device. It gets file paths and small messages over IPC, runs one task at a time, and
 * has neither credentials nor a reason to use the network.
 */
import { LabelloopError, messageOf } from '../contracts/errors.js';
import { learnerRequest } from '../contracts/learner.js';
import { loadBackend } from '../learning/backend.js';
import { learnerErrors } from './errors.js';
import { runTask } from './run-task.js';
import type { LearnerMessage, LearnerTask } from '../contracts/learner.js';
import type { Backend } from '../learning/backend.js';

/** The id of messages that belong to no task. */
const NO_TASK = 0;

let current: { id: number; controller: AbortController } | undefined;
let ending = false;

/** Resolves when the message is on its way, so that an exit can't cut it off. */
const send = (message: LearnerMessage): Promise<void> =>
  new Promise((resolve) => {
    if (process.connected && process.send !== undefined) process.send(message, () => resolve());
    else resolve();
  });

const failure = (id: number, error: unknown): LearnerMessage => ({
  type: 'failed',
  id,
  code: error instanceof LabelloopError ? error.code : 'INTERNAL',
  message: messageOf(error),
});

async function run(backend: Backend, id: number, task: LearnerTask): Promise<void> {
  if (current !== undefined) return send(failure(id, learnerErrors.badRequest('another task is running')));
  const controller = new AbortController();
  current = { id, controller };
  const answer = await runTask(backend, task, {
    signal: controller.signal,
    onProgress: (progress) => void send({ type: 'progress', id, progress }),
    // The two newest checkpoint files stay, so the parent reads this one while the task goes on.
    onCheckpoint: ({ step, path }) => send({ type: 'checkpoint', id, step, path }),
  }).then(
    (result): LearnerMessage => ({ type: 'done', id, result }),
    (error: unknown): LearnerMessage =>
      error instanceof LabelloopError && error.code === 'CANCELLED' ? { type: 'stopped', id } : failure(id, error),
  );
  current = undefined;
  await send(answer);
  if (ending) process.exit(0);
}

async function main(): Promise<void> {
  // A dead parent must not leave a learner behind; a task lets this in between two steps.
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C goes to the whole group: the parent decides what becomes of the task.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => {
    ending = true;
    if (current === undefined) process.exit(0);
    current.controller.abort();
  });
  let backend: Backend;
  try {
    backend = loadBackend();
  } catch (error) {
    await send(failure(NO_TASK, error));
    process.exit(1);
  }
  process.on('message', (message: unknown) => {
    const request = learnerRequest.safeParse(message);
    if (!request.success) {
      const id = (message as { id?: unknown } | null)?.id;
      void send(failure(typeof id === 'number' ? id : NO_TASK, learnerErrors.badRequest(request.error.message)));
    } else if (request.data.type === 'run') {
      void run(backend, request.data.id, request.data.task);
    } else if (current?.id === request.data.id) {
      current.controller.abort();
    }
  });
  await send({ type: 'ready', device: backend.device });
}

await main();
