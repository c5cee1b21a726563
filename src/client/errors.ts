import { isErrorCode, problem } from '../contracts/errors.js';
import type { LabelloopError } from '../contracts/errors.js';

/** All that a caller of the client can be told. */
export const clientErrors = {
  /** The server knows no workflow of this id. */
  unknownRun: (run: string): LabelloopError =>
    problem('RUN_UNKNOWN', `There is no run '${run}'. 'labelloop run list' shows the runs.`),
  /** The settings don't pass the schema. */
  badSettings: (reasons: string): LabelloopError =>
    problem('SETTINGS_INVALID', `The run's settings can't be used:\n${reasons}`),
  /** Temporal does not answer. */
  noTemporal: (address: string, cause: unknown): LabelloopError =>
    problem(
      'STACK_UNAVAILABLE',
      `Temporal at ${address} does not answer. 'labelloop up' starts the embedded one, 'labelloop status' shows what runs.`,
      cause,
    ),
  /** The server has the run, but no worker took the message. */
  noWorker: (run: string): LabelloopError =>
    problem(
      'STACK_UNAVAILABLE',
      `No worker answers for run '${run}'. 'labelloop up' starts the workers; the run itself is safe.`,
    ),
  /** The run itself failed; its code and message are passed on as they are. */
  failed: ({ code, message }: { code: string; message: string }): LabelloopError =>
    problem(isErrorCode(code) ? code : 'INTERNAL', message),
  /** `--run` names a run that does something else. */
  otherSettings: (run: string): LabelloopError =>
    problem(
      'RUN_EXISTS',
      `Run '${run}' is under way with other settings. Take another id, or 'labelloop run cancel ${run}' first.`,
    ),
  /** Pause, resume or cancel of a run that has ended. */
  ended: (run: string, status: string): LabelloopError => problem('RUN_UNKNOWN', `Run '${run}' has ended (${status}).`),
};
