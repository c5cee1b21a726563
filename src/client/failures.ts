import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { messageOf } from '../contracts/errors.js';
import { clientErrors } from './errors.js';

/** Why a workflow failed, by code. */
export function failureOf(error: unknown): { code: string; message: string } {
  const cause = error instanceof WorkflowFailedError ? error.cause : error;
  if (cause instanceof ApplicationFailure) return { code: cause.type ?? 'INTERNAL', message: cause.message };
  if (cause instanceof TemporalFailure)
    return { code: cause.name === 'CancelledFailure' ? 'CANCELLED' : 'INTERNAL', message: cause.message };
  return { code: 'INTERNAL', message: messageOf(cause) };
}

export function asClientError(run: string, error: unknown): unknown {
  if (error instanceof WorkflowNotFoundError) return clientErrors.unknownRun(run);
  if (error instanceof WorkflowFailedError) return clientErrors.failed(failureOf(error));
  return error;
}
