import { WorkflowNotFoundError } from '@temporalio/client';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { QUERY_STATUS, SHIFT_WORKFLOW_TYPE, shiftWorkflowId, TASK_QUEUE } from '../contracts/names.js';
import type { ShiftState, ShiftWorkflowInput, ShiftWorkflowOutput } from '../contracts/shift.js';
import { asClientError } from './failures.js';

export interface ShiftOptions {
  /** Of the images that are compared and of the permutations; 0 by default. */
  seed?: number;
  /** Another text computes all anew instead of taking it from the store. */
  salt?: string;
  /** Told how far it is, every second. */
  onProgress?: (state: ShiftState) => void;
  /** Stops waiting; the comparison goes on. */
  signal?: AbortSignal;
}

const INTERVAL_MS = 1_000;
/** How long the workflow may take to say how far it is. */
const ANSWER_MS = 3_000;

/**
 * Compares a dataset with what a run's model knows, and waits for the result. One that is under way is found; one that is done
 * is answered from the store.
 */
export async function compareWithRun(
  client: Client,
  { run, dataset }: Pick<ShiftWorkflowInput, 'run' | 'dataset'>,
  { seed, salt, onProgress, signal }: ShiftOptions = {},
): Promise<ShiftWorkflowOutput> {
  const input: ShiftWorkflowInput = { run, dataset, seed: seed ?? 0, salt: salt ?? '' };
  const workflowId = shiftWorkflowId(run, dataset);
  const handle = await client.workflow.start(SHIFT_WORKFLOW_TYPE, {
    taskQueue: TASK_QUEUE,
    workflowId,
    args: [input],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `Compare dataset ${dataset} with what ${run} knows`,
  });
  const telling = onProgress && tell(client, handle, onProgress);
  try {
    return (await untilAborted(handle.result(), signal)) as ShiftWorkflowOutput;
  } catch (error) {
    throw asClientError(workflowId, error);
  } finally {
    telling?.stop();
  }
}

/** Asks again and again how far it is; an answer that does not come is no harm. */
function tell(client: Client, handle: WorkflowHandle, onProgress: (state: ShiftState) => void): { stop: () => void } {
  let over = false;
  const ask = async (): Promise<void> => {
    try {
      const state = await client.withDeadline(Date.now() + ANSWER_MS, () => handle.query<ShiftState>(QUERY_STATUS));
      if (!over) onProgress(state);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) over = true;
    }
  };
  const timer = setInterval(() => void ask(), INTERVAL_MS);
  return {
    stop: () => {
      over = true;
      clearInterval(timer);
    },
  };
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
