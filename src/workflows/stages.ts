import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { LearnerActivities, StageActivities } from '../contracts/activities.js';
import { LEARNER_TASK_QUEUE, STAGE_TASK_QUEUE } from '../contracts/names.js';

/**
 * Retries have no end: preempted machines and lost connections count as attempts, and what can't be mended by trying
 * again is failed as non-retryable by its code. A lost worker is noticed after 20 s without a heartbeat, while a
 * learner that loads its library on a busy machine has time to speak up.
 * `cancellationType` is always set: the SDK's real default lets the workflow close while the device still works.
 */
const common = {
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const;

export const learner = proxyActivities<LearnerActivities>({
  ...common,
  taskQueue: LEARNER_TASK_QUEUE,
  startToCloseTimeout: '24 hours',
});

export const stages = proxyActivities<StageActivities>({
  ...common,
  taskQueue: STAGE_TASK_QUEUE,
  startToCloseTimeout: '2 hours',
});
