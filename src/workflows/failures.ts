import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  isCancellation,
} from '@temporalio/workflow';

/**
 * Whether work ended because it was told to. It says so itself, unless its worker died before it could: then it timed out
 * or failed, and Temporal did not try it again as it was to be cancelled.
 */
export const stoppedOnRequest = (error: unknown): boolean =>
  isCancellation(error) || (error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED');

/**
 * The failure of an activity or of a child workflow by its own code and message, so that every tool shows what the CLI would
 * print.
 *
 * @param words of a cancelled workflow
 */
export function asFailure(error: unknown, words: string): unknown {
  if (CancellationScope.current().consideredCancelled && stoppedOnRequest(error))
    return isCancellation(error) ? error : new CancelledFailure(words, [], error as Error);
  const failed = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure;
  if (!failed || !(error.cause instanceof ApplicationFailure)) return error;
  const { message, type } = error.cause;
  return ApplicationFailure.create({ message, type: type ?? 'INTERNAL', nonRetryable: true, cause: error });
}
