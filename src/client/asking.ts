import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { LabelloopError } from '../contracts/errors.js';
import { clientErrors } from './errors.js';
import { failureOf } from './failures.js';

/** How long a question to a workflow may take before its worker counts as down. */
const ANSWER_MS = 3_000;
/** How long a message may take: a pool of a million images is read by then. */
const MESSAGE_MS = 60_000;

/** Where a workflow that asks people stands. */
export type Standing<State> =
  | { is: 'unknown' }
  /** `state` is null where no worker answers. */
  | { is: 'running'; state: State | null }
  | { is: 'completed'; state: State }
  | { is: 'failed'; failure: { code: string; message: string } | null }
  | { is: 'cancelled' };

/** Workflows of one type that wait for people: where they stand, and messages to them. */
export class AskingWorkflows<State> {
  constructor(
    private readonly client: Client,
    private readonly type: string,
    private readonly query: string,
  ) {}

  async standing(id: string): Promise<Standing<State>> {
    const handle = this.client.workflow.getHandle(id);
    const description = await this.describe(id);
    switch (description?.status.name) {
      case undefined:
        return { is: 'unknown' };
      case 'RUNNING':
        try {
          const asked = () => handle.query<State>(this.query);
          return { is: 'running', state: await this.client.withDeadline(Date.now() + ANSWER_MS, asked) };
        } catch {
          return { is: 'running', state: null };
        }
      case 'COMPLETED':
        return { is: 'completed', state: (await handle.result()) as State };
      case 'FAILED':
      case 'TIMED_OUT':
        return { is: 'failed', failure: await handle.result().then(() => null, failureOf) };
      default:
        return { is: 'cancelled' };
    }
  }

  async isRunning(id: string): Promise<boolean> {
    return (await this.describe(id))?.status.name === 'RUNNING';
  }

  /**
   * Sends a message, and waits for what it did.
   *
   * @param over what to say where the workflow has ended
   */
  async tell(id: string, update: string, args: unknown[], run: string, over: LabelloopError): Promise<State> {
    const handle = this.client.workflow.getHandle(id);
    try {
      return await this.client.withDeadline(Date.now() + MESSAGE_MS, () =>
        handle.executeUpdate<State, [unknown]>(update, { args: args as [unknown] }),
      );
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw over;
      if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
        throw clientErrors.failed(failureOf(error.cause));
      throw clientErrors.noWorker(run);
    }
  }

  private async describe(id: string): Promise<WorkflowExecutionDescription | null> {
    try {
      const description = await this.client.workflow.getHandle(id).describe();
      return description.type === this.type ? description : null;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    }
  }
}
