/**
 * Every error that a user can meet, by a stable code. Whether Temporal may try again is a property of the code, in this
 * one table; the messages (place, cause, remedy) stand in the room that raises them.
 */
const RETRYABLE = {
  /** The run's settings are not valid, or name something that is not there. */
  SETTINGS_INVALID: false,
  /** A command was called with arguments that it can't take. */
  USAGE: false,
  DATASET_UNKNOWN: false,
  DATASET_EXISTS: false,
  DATASET_INVALID: false,
  DATASET_IMAGE_MISSING: false,
  DATASET_IMAGE_BROKEN: false,
  DATASET_CLASS_UNKNOWN: false,
  DATASET_ID_DUPLICATE: false,
  DATASET_LABEL_CONFLICT: false,
  DATASET_FORMAT_UNKNOWN: false,
  RUN_UNKNOWN: false,
  /** A run of that id, with other settings, is under way. */
  RUN_EXISTS: false,
  /** The run has no labels yet, or failed before it had some. */
  RUN_NO_RESULTS: false,
  /** The run has no audit, or none of that number. */
  AUDIT_UNKNOWN: false,
  /** An audit can't be opened so, or an answer does not belong to it. */
  AUDIT_INVALID: false,
  /** A certificate's bundle does not hold together. */
  CERTIFICATE_INVALID: false,
  /** The object store does not answer, or answers with a server error. */
  STORE_UNAVAILABLE: true,
  /** A blob's bytes do not match its digest; it was set aside, and the stage that made it will make it again. */
  STORE_DAMAGED: true,
  /** An object that something refers to is gone. */
  STORE_MISSING: false,
  STORE_DENIED: false,
  /** A stored object has a format version that this release can't read. */
  FORMAT_UNKNOWN: false,
  /** The learner's process ended or stopped answering. */
  LEARNER_DIED: true,
  /** The learner could not start: the compute library is missing or broken. */
  LEARNER_UNAVAILABLE: true,
  LEARNER_OUT_OF_MEMORY: false,
  /** Training reached NaN or infinity; the same seed would do it again. */
  TRAINING_DIVERGED: false,
  /** Attempt after attempt ended without a step of progress. */
  NO_PROGRESS: false,
  SHAPE_MISMATCH: false,
  STACK_UNAVAILABLE: true,
  SETUP_FAILED: false,
  CANCELLED: false,
  INTERNAL: true,
} as const satisfies Record<string, boolean>;

export type ErrorCode = keyof typeof RETRYABLE;

export const isErrorCode = (code: string): code is ErrorCode => code in RETRYABLE;

/** Whether trying the same again can help. */
export const isRetryable = (code: ErrorCode): boolean => RETRYABLE[code];

/** An error with a stable code and a message that says what to do next. The CLI prints the message as it is. */
export class LabelloopError extends Error {
  override readonly name = 'LabelloopError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Makes a LabelloopError: `throw problem('RUN_UNKNOWN', "no run 'x'. 'labelloop run list' shows the runs.")`. */
export const problem = (code: ErrorCode, message: string, cause?: unknown): LabelloopError =>
  new LabelloopError(code, message, cause === undefined ? undefined : { cause });

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
