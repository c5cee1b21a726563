import { ActivityCancellationType, log, proxyActivities, sleep } from '@temporalio/workflow';
import type { NoticeActivities } from '../contracts/activities.js';
import type { AuditState } from '../contracts/audit.js';
import { STAGE_TASK_QUEUE } from '../contracts/names.js';
import type { Notice } from '../contracts/notice.js';
import type { QuestionsState } from '../contracts/questions.js';

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
  const next = waitsFor === 'nonce' ? [`labelloop audit nonce ${run} VALUE`] : toAnswer(run);
  void send({ ...about(state), event: 'waiting', waitsFor, next });
}

/** Says that an audit has ended; the workflow must not close before it has been sent, or for long. */
export async function tellEnded(state: AuditState): Promise<void> {
  const next = [
    `labelloop audit show ${state.run}`,
    ...(state.refs?.certificate ? [`labelloop certificate show ${state.run}`] : []),
  ];
  await inTime({ ...about(state), event: 'ended', waitsFor: null, next });
}

/** Says that an audit waits for nobody any more, and why. */
export async function tellStopped(state: AuditState, event: 'failed' | 'cancelled', reason: string): Promise<void> {
  // Settings that were never checked may lack what they leave to its default.
  const given = state.settings as Partial<AuditState['settings']> | null;
  if ((given?.answers ?? 'people') !== 'people') return;
  const { run, audit, seen } = state;
  const next = [`labelloop audit show ${run}`];
  const words = `Audit ${audit} ${stopped(event, reason, seen)}`;
  await inTime({ ...about(state), event, waitsFor: null, words, next });
}

/** Says that a run's questions wait for people, or no longer. */
export async function tellQuestions(
  { run, number, words, answered, left, seen, answers }: QuestionsState,
  event: Notice['event'],
  reason = '',
): Promise<void> {
  if (answers !== 'people') return;
  const isOver = event === 'failed' || event === 'cancelled';
  const notice: Notice = {
    format: 'labelloop.notice/1',
    event,
    run,
    audit: null,
    questions: number,
    phase: 'questions',
    waitsFor: event === 'waiting' ? 'answers' : null,
    words: isOver ? `The questions ${stopped(event, reason, seen)}` : words,
    answers: { given: answered, expected: answered + left },
    next: event === 'waiting' ? toAnswer(run) : [`labelloop labels export ${run} --out labels.csv`],
  };
  await (event === 'waiting' ? send(notice) : inTime(notice));
}

const toAnswer = (run: string): string[] => [
  `labelloop review ${run}`,
  `labelloop tasks export ${run} --out tasks.csv --images tasks`,
];

const stopped = (event: 'failed' | 'cancelled', reason: string, seen: number): string =>
  `${event === 'failed' ? `failed: ${reason}` : 'was cancelled: nobody is asked now.'} ${seen} answers are in, and kept.`;

const about = ({ run, audit, phase, words, seen, outlook }: AuditState) => ({
  format: 'labelloop.notice/1' as const,
  run,
  audit,
  phase,
  words,
  answers: { given: seen, expected: outlook === null ? null : Math.round(outlook.expected) },
});

async function inTime(notice: Notice): Promise<void> {
  await Promise.race([send(notice), sleep(PATIENCE)]);
}

async function send(notice: Notice): Promise<void> {
  try {
    await notify.executeWithOptions({ summary: `notice: ${notice.event}` }, [notice]);
  } catch {
    log.warn('a notice was not sent', { event: notice.event });
  }
}
