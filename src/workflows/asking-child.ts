import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ChildWorkflowCancellationType, sleep } from '@temporalio/workflow';

/** How a workflow that asks people, for days or weeks, ends with its parent. */
export const askingChild = {
  // An answer that is being taken down is kept: its activity ends first.
  cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
  parentClosePolicy: 'REQUEST_CANCEL',
} as const;

/** Begins a child again while one of its id, of a run that was reset or terminated, is still ending. */
export async function onceFree<T>(begin: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await begin();
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      await sleep(Math.min(600, 2 ** tries) * 1000);
    }
  }
}
