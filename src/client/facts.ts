import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { RunStatus } from '../contracts/run-status.js';
import type { RunMemo, RunState, RunSummary } from '../contracts/run.js';

/** What the server and the store know of one run. */
export interface RunFacts {
  run: string;
  status: RunStatus;
  memo: RunMemo | null;
  live: RunState | null;
  description: WorkflowExecutionDescription;
  summary: RunSummary | null;
  error: { code: string; message: string } | null;
}
