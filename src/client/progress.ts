import { defaultPayloadConverter } from '@temporalio/common';
import type { AuditState } from '../contracts/audit.js';
import type { HeartbeatDetails, RunProgress } from '../contracts/run.js';
import type { RoundRecord } from '../contracts/stages.js';
import type { RunFacts } from './facts.js';

/** A round's seconds over its training's, before any round has been measured: as on MNIST with 10,000 images. */
const ROUND_OVER_TRAINING = 1.6;

type Task = RunProgress['tasks'][number];

/** What a watcher sees of a run at this moment. */
export function progressOf(
  facts: RunFacts,
  rounds: readonly RoundRecord[],
  audit: AuditState | null = null,
): RunProgress {
  const { live, memo } = facts;
  const tasks = tasksOf(facts);
  const last = rounds.at(-1);
  const total = live?.pool.total ?? memo?.pool.total ?? 0;
  const pool = last
    ? { total, labelled: last.counts.accepted, open: last.counts.open, outliers: last.counts.outliers }
    : { total, labelled: 0, open: total, outliers: 0 };
  return {
    run: facts.run,
    status: facts.status,
    round: live?.round ?? memo?.round ?? 0,
    rounds: live?.rounds ?? memo?.rounds ?? 0,
    stage: live?.stage ?? null,
    shards: live?.shards ?? { done: 0, total: 0 },
    pool,
    tasks,
    // Nobody knows how long people take.
    secondsLeft: live?.stage === 'audit' ? null : secondsLeft(facts, rounds, tasks),
    waitsFor: audit?.words ?? null,
    error: facts.error,
  };
}

/** Activities that are on a worker now, with the progress of their last heartbeat. */
function tasksOf({ description }: RunFacts): Task[] {
  return (description.raw.pendingActivities ?? []).map((activity) => {
    const payload = activity.heartbeatDetails?.payloads?.[0];
    const details = payload
      ? (defaultPayloadConverter.fromPayload<HeartbeatDetails | undefined>(payload) ?? null)
      : null;
    return {
      stage: activity.activityType?.name ?? '',
      done: details?.done ?? 0,
      total: details?.total ?? 0,
      imagesPerSecond: details?.imagesPerSecond ?? 0,
      loss: details?.loss ?? null,
      attempt: activity.attempt ?? 1,
      lastFailure: activity.lastFailure?.message ?? null,
    };
  });
}

/** An estimate: the rounds that are done tell what a round takes; before that, the training's rate has to do. */
function secondsLeft({ live, memo }: RunFacts, rounds: readonly RoundRecord[], tasks: readonly Task[]): number | null {
  if (!live || !memo) return null;
  const training = tasks.find((task) => task.stage === 'train' && task.total > 0);
  const last = rounds.at(-1);
  const left = live.rounds - live.round;
  if (last) {
    const round = Object.values(last.seconds).reduce((sum, seconds) => sum + seconds, 0);
    const trained = training ? training.done / training.total : live.stage === 'train' ? 0 : 1;
    const share = (last.seconds['train'] ?? 0) / Math.max(round, 1e-9);
    const sampled = live.stage === 'sample' && live.shards.total ? live.shards.done / live.shards.total : 0;
    return Math.max(0, round * (left + 1 - share * trained - (1 - share) * sampled));
  }
  if (!training?.done) return null;
  const elapsed = (Date.now() - live.startedAt) / 1000;
  const round = (elapsed / (training.done / training.total)) * ROUND_OVER_TRAINING;
  return Math.max(0, round * (left + 1) - elapsed);
}
