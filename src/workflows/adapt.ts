import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { RunSummary, SelfTrainingInput } from '../contracts/run.js';
import { selfTraining } from './self-training.js';

/**
 * Brings the model of a run to another dataset of the same classes, with no label, few or some hundred: a run like any other,
 * but for what it begins with (move-in.ts). Its rounds start from that model, and go on showing it the images that it
 * learnt from.
 */
export async function adapt(input: SelfTrainingInput): Promise<RunSummary> {
  const goesOn = workflowInfo().continuedFromExecutionRunId !== undefined;
  if (!goesOn && !(input as Partial<SelfTrainingInput> | undefined)?.adapt)
    throw ApplicationFailure.nonRetryable(
      "adapt: missing. It says which run's model moves: { dataset: 'beach-2', adapt: { from: 'shells-1a2b3c4d' } }.",
      'SETTINGS_INVALID',
    );
  return selfTraining(input);
}
