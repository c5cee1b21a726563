import { ActivityCancellationType, log, proxyActivities, sleep } from '@temporalio/workflow';
import type { NoticeActivities } from '../contracts/activities.js';
import type { AuditState } from '../contracts/audit.js';
import { STAGE_TASK_QUEUE } from '../contracts/names.js';
import type { Notice } from '../contracts/notice.js';

/** An attempt tries for about a minute itself; more than one is for hosts that die meanwhile. */
const { notify } = proxyActivities<NoticeActivities>({
  taskQueue: STAGE_TASK_QUEUE,
  startToCloseTimeout: '5 minutes',
  scheduleToCloseTimeout: '1 day',
  retry: { maximumAttempts: 3 },
  cancellationType: ActivityCancellationType.ABANDON,
});

/** What an end may be held up for by a server that does not answer. */
const PATIENCE = '10 seconds';

/** Says that people are needed. Nothing waits for it, and nothing fails by it. */
export function tellWaiting(state: AuditState, waitsFor: 'nonce' | 'answers'): void {
  const { run } = state;
  const next =
    waitsFor === 'nonce'
      ? [`labelloop audit nonce ${run} VALUE`]
      : [`labelloop review ${run}`, `labelloop tasks export ${run} --out tasks.csv --images tasks`];
  void send({ ...about(state), event: 'waiting', waitsFor, next });
}

/** Says that an audit has ended; the workflow must not close before it has been sent, or for long. */
export async function tellEnded(state: AuditState): Promise<void> {
  const next = [
    `labelloop audit show ${state.run}`,
    ...(state.refs?.certificate ? [`labelloop certificate show ${state.run}`] : []),
  ];
  await Promise.race([send({ ...about(state), event: 'ended', waitsFor: null, next }), sleep(PATIENCE)]);
}

const about = ({ run, audit, phase, words, seen, outlook }: AuditState) => ({
  format: 'labelloop.notice/1' as const,
  run,
  audit,
  phase,
  words,
  answers: { given: seen, expected: outlook === null ? null : Math.round(outlook.expected) },
});

async function send(notice: Notice): Promise<void> {
  try {
    await notify.executeWithOptions({ summary: `notice: ${notice.event}` }, [notice]);
  } catch {
    log.warn('a notice was not sent', { event: notice.event });
  }
}
