/**
 * Names that Temporal's users type: a part of the public interface. Alone in this file, as the workflow's sandbox loads
 * it and must load nothing else of the contracts.
 */
export const WORKFLOW_TYPE = 'selfTraining';
/** Task queue of the workflows: what a user starts a run on. */
export const TASK_QUEUE = 'labelloop';
/** Task queue of the stages that need a device; served by the activity host. */
export const LEARNER_TASK_QUEUE = 'labelloop-learner';
/** Task queue of the stages that need none; served by the activity host too, so that they don't wait for a device. */
export const STAGE_TASK_QUEUE = 'labelloop-stages';
export const MEMO_RUN = 'labelloop';
/** Names of the workflow's messages. */
export const QUERY_STATUS = 'status';
export const UPDATE_PAUSE = 'pause';
export const UPDATE_RESUME = 'resume';
/** The workflow that waits for people's answers and certifies a run's labels. */
export const AUDIT_WORKFLOW_TYPE = 'audit';
export const QUERY_AUDIT = 'audit';
export const UPDATE_ANSWER = 'answer';
export const UPDATE_NONCE = 'nonce';
export const UPDATE_STOP = 'stop';
/** Audit workflows of a run have the id `<run>.audit-<n>`. */
export const auditWorkflowId = (run: string, audit: number): string => `${run}.audit-${audit}`;
/** The workflow that brings a run's model to another dataset: a run with `adapt` in its settings. */
export const ADAPT_WORKFLOW_TYPE = 'adapt';
/** The workflow that tells whether a dataset is of the law that a run's model knows. */
export const SHIFT_WORKFLOW_TYPE = 'shift';
/** The workflow that asks people for labels of chosen images, without an audit. */
export const QUESTIONS_WORKFLOW_TYPE = 'questions';
export const QUERY_QUESTIONS = 'questions';
/** Questions of a run have the id `<run>.questions-<n>`. */
export const questionsWorkflowId = (run: string, number: number): string => `${run}.questions-${number}`;
/** Comparing the same dataset with the same run twice finds the one that is under way. */
export const shiftWorkflowId = (run: string, dataset: string): string => `${run}.shift-${dataset}`;
/** Who answers: people, or in a dry run the hidden truth, with a share of errors. */
export const ANSWERS_FROM = /^(people|truth(:0?\.\d+)?)$/;
