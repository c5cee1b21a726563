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

/**
 * A result that a later stage could not read, because it was damaged or removed, or because another release made it before
 * the hosts changed in the middle of a round, is made again by the stage that it came from when the round asks for it; all
 * else is still in the store. What no stage makes (a dataset) stays lost, so tries end.
 */
export const TRIES_AT_LOST_BLOBS = 3;
const LOST = ['STORE_MISSING', 'STORE_DAMAGED', 'FORMAT_UNKNOWN'];

export function lostBlob(error: unknown): boolean {
  const failed = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure;
  const cause = failed ? error.cause : undefined;
  return cause instanceof ApplicationFailure && LOST.includes(cause.type ?? '');
}
