import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime } from '@temporalio/worker';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';

let bundle: Promise<WorkflowBundleWithSourceMap> | undefined;

/** A real Temporal server for one suite. */
export function startTemporal(): Promise<TestWorkflowEnvironment> {
  quiet();
  const path = process.env['LABELLOOP_TEST_TEMPORAL'] ?? 'temporal';
  return TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path } } });
}

/** The workflows, bundled once for all suites. */
export function workflowBundle(): Promise<WorkflowBundleWithSourceMap> {
  quiet();
  bundle ??= bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../src/workflows/index.js', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  return bundle;
}

let installed = false;
function quiet(): void {
  if (installed) return;
  installed = true;
  Runtime.install({ logger: new DefaultLogger('ERROR') });
}
