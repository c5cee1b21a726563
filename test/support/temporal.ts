import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { WorkerOptions, WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { LEARNER_TASK_QUEUE, STAGE_TASK_QUEUE, TASK_QUEUE } from '../../src/contracts/names.js';

let bundle: Promise<WorkflowBundleWithSourceMap> | undefined;

/** A real Temporal server for one suite. */
export function startTemporal(): Promise<TestWorkflowEnvironment> {
  quiet();
  const path = process.env['LABELLOOP_TEST_TEMPORAL'] ?? 'temporal';
  return TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path } } });
}

/** The workflows, bundled once for all suites. */
export function workflowBundle(): Promise<WorkflowBundleWithSourceMap> {
  bundle ??= bundleOf(fileURLToPath(new URL('../../src/workflows/index.js', import.meta.url)));
  return bundle;
}

/** Workflows of a test's own, beside or instead of the product's. */
export function bundleOf(workflowsPath: string): Promise<WorkflowBundleWithSourceMap> {
  quiet();
  return bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
}

/** Does work while a worker is up for each task queue, the workflows' and the stages'. */
export async function withWorkers<T>(
  { nativeConnection: connection }: TestWorkflowEnvironment,
  activities: object,
  work: () => Promise<T>,
  workflows: Pick<WorkerOptions, 'maxCachedWorkflows' | 'workflowBundle'> = {},
): Promise<T> {
  const options = { connection, activities, maxHeartbeatThrottleInterval: '100 ms' } as const;
  const workers = await Promise.all([
    Worker.create({ connection, taskQueue: TASK_QUEUE, workflowBundle: await workflowBundle(), ...workflows }),
    Worker.create({ ...options, taskQueue: LEARNER_TASK_QUEUE }),
    Worker.create({ ...options, taskQueue: STAGE_TASK_QUEUE }),
  ]);
  const runs = workers.map((worker) => worker.run());
  try {
    return await work();
  } finally {
    for (const worker of workers) worker.shutdown();
    await Promise.all(runs);
  }
}

let installed = false;
function quiet(): void {
  if (installed) return;
  installed = true;
  Runtime.install({ logger: new DefaultLogger('ERROR') });
}
