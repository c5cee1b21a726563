import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { Logger } from 'pino';
import { isErrorCode, isRetryable, LabelloopError, messageOf } from '../contracts/errors.js';
import type { Learner, TaskListener, TaskProgress } from '../contracts/learner.js';
import type { HeartbeatDetails, StageName } from '../contracts/run.js';
import type { StageResult } from '../contracts/stages.js';
import { stageKey } from '../store/index.js';
import type { Store } from '../store/index.js';
import type { z } from 'zod';

/** What the activities work with; made once a process. */
export interface Deps {
  store: Store;
  learner: Learner;
  /** Folder for files in the making; this process's own. */
  scratch: string;
  log: Logger;
  /** Who computed a result: host and process, as it stands in the stage's record. */
  worker: string;
  /** Seconds between a training task's checkpoints: what a crash can cost. */
  checkpointSeconds: number;
}

/** What one attempt of a stage may use beside its input. */
export interface Attempt extends Deps {
  /** The stage's address in the store. */
  key: string;
  /** Id of the workflow that the activity is of. */
  run: string;
  signal: AbortSignal;
  /** Heartbeats on a timer while `work` waits for the store or computes here: both have time limits of their own. */
  readonly beating: <T>(work: () => Promise<T>) => Promise<T>;
  /** As `beating`, and bears with a store that is out: what was computed for minutes is worth waiting for. */
  readonly keeping: <T>(work: () => Promise<T>) => Promise<T>;
  /**
   * Waits until the learner can take a task, beating meanwhile: on a cold disk its library alone takes longer to load than
   * a heartbeat may stay out. The learner's client ends a start that hangs.
   */
  readonly learnerReady: () => Promise<void>;
  /**
   * Runs a task of the learner, beating until its first progress, for some minutes at most: it compiles its graphs before
   * that, which takes longer than a heartbeat may stay out where the machine is busy. From then on its silence counts.
   */
  readonly onLearner: <T>(
    task: (listener: Required<Pick<TaskListener, 'signal' | 'onProgress'>>) => Promise<T>,
  ) => Promise<T>;
}

/** Heartbeats while waiting for the store; a sixth of the heartbeat timeout. */
const BEAT_MS = 5_000;
/** How long the learner may compile without a word. */
const COMPILE_MS = 300_000;
/** How long a finished result waits for a store that does not answer; then the attempt ends, and another begins. */
const OUTAGE_MS = 600_000;
const OUTAGE_REST_MS = 2_000;
/** An unknown error is tried again, as it may be the machine's fault, but not for ever: it may be ours. */
const UNKNOWN_ERRORS = 5;
/**
 * How many an activity had in this process. Its attempts are another number: they count preemptions and outages too, and
 * after days of those one odd error must not end the run.
 */
const unknownErrors = new Map<string, number>();

export interface StageDefinition<Input, Output> {
  name: StageName;
  version: number;
  output: z.ZodType<Output>;
  run(input: Input, attempt: Attempt): Promise<Output>;
  /** Clears what attempts left in the store for each other; called when the result is committed, never before. */
  settle?(key: string, store: Store): Promise<void>;
}

/**
 * Declares a stage. The version is part of its address: raise it when the numbers that the stage gives change.
 */
export const stage = <Input, Output>(
  name: StageName,
  version: number,
  output: z.ZodType<Output>,
  run: (input: Input, attempt: Attempt) => Promise<Output>,
  settle?: (key: string, store: Store) => Promise<void>,
): StageDefinition<Input, Output> => ({ name, version, output, run, ...(settle ? { settle } : {}) });

/** The stage's address: a function of its name, version and input alone. */
export const addressOf = <Input>(of: StageDefinition<Input, unknown>, input: Input): string =>
  stageKey(of.name, of.version, input);

/**
 * Makes a stage an activity: look up, compute, commit. Retries, resumption, a second run with the same settings and a
 * zombie attempt are all answered by the store: the first result that is committed is the result.
 */
export function asActivity<Input, Output>(
  deps: Deps,
  of: StageDefinition<Input, Output>,
): (input: Input) => Promise<StageResult<Output>> {
  return (input) =>
    guarded(deps, of.name, async (attempt) => {
      const key = addressOf(of, input);
      const log = attempt.log.child({ key });
      const known = await attempt.beating(() => deps.store.lookup(key));
      if (known) {
        await of.settle?.(key, deps.store);
        log.info({ event: 'cached' }, `${of.name}: from the store`);
        return { output: of.output.parse(known.output), key, cached: true, seconds: 0 };
      }
      const startedAt = new Date();
      log.info({ event: 'started', attempt: Context.current().info.attempt }, `${of.name}: started`);
      const output = await of.run(input, { ...attempt, log, key });
      const seconds = (Date.now() - startedAt.getTime()) / 1000;
      attempt.signal.throwIfAborted();
      const record = await attempt.keeping(() =>
        deps.store.commit({
          format: 'labelloop.stage/1',
          stage: of.name,
          version: of.version,
          key,
          input,
          output,
          seconds,
          startedAt: startedAt.toISOString(),
          worker: deps.worker,
        }),
      );
      await of.settle?.(key, deps.store);
      log.info({ event: 'committed', seconds }, `${of.name}: committed after ${seconds.toFixed(1)} s`);
      return { output: of.output.parse(record.output), key, cached: false, seconds: record.seconds };
    });
}

/** Runs an activity's work with heartbeats, cancellation and errors by their codes. */
export async function guarded<T>(deps: Deps, name: StageName, work: (attempt: Attempt) => Promise<T>): Promise<T> {
  const context = Context.current();
  const { workflowExecution, activityId } = context.info;
  const activity = `${workflowExecution?.runId}/${activityId}`;
  const run = workflowExecution?.workflowId ?? '';
  const log = deps.log.child({ stage: name, run });
  const signal = context.cancellationSignal;
  const beating = async <R>(inner: () => Promise<R>): Promise<R> => {
    const timer = setInterval(() => context.heartbeat(), BEAT_MS);
    try {
      return await inner();
    } finally {
      clearInterval(timer);
    }
  };
  const keeping = <R>(inner: () => Promise<R>): Promise<R> => beating(() => outlasting(inner, signal));
  const learnerReady = async (): Promise<void> => void (await beating(() => deps.learner.device()));
  const onLearner: Attempt['onLearner'] = async (task) => {
    const quietUntil = Date.now() + COMPILE_MS;
    const timer = setInterval(() => {
      if (Date.now() < quietUntil) context.heartbeat();
    }, BEAT_MS);
    const onProgress = (details: TaskProgress): void => {
      clearInterval(timer);
      log.debug({ event: 'progress', ...details });
      const beat: HeartbeatDetails = { stage: name, ...details };
      context.heartbeat(beat);
    };
    try {
      return await task({ signal, onProgress });
    } finally {
      clearInterval(timer);
    }
  };
  try {
    const result = await work({ ...deps, log, key: '', run, signal, beating, keeping, learnerReady, onLearner });
    unknownErrors.delete(activity);
    return result;
  } catch (error) {
    if (signal.aborted) {
      log.info({ event: 'stopped', reason: messageOf(signal.reason) }, `${name}: stopped`);
      throw signal.reason instanceof CancelledFailure ? signal.reason : new CancelledFailure(messageOf(signal.reason));
    }
    log.warn({ event: 'failed', err: error }, `${name}: ${messageOf(error)}`);
    throw asFailure(error, activity);
  }
}

async function outlasting<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const deadline = Date.now() + OUTAGE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const out = error instanceof LabelloopError && error.code === 'STORE_UNAVAILABLE';
      if (!out || signal.aborted || Date.now() > deadline) throw error;
      await delay(OUTAGE_REST_MS);
    }
  }
}

function asFailure(error: unknown, activity: string): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const code = error instanceof LabelloopError && isErrorCode(error.code) ? error.code : 'INTERNAL';
  const nonRetryable = !isRetryable(code) || (code === 'INTERNAL' && countUnknown(activity) >= UNKNOWN_ERRORS);
  if (nonRetryable) unknownErrors.delete(activity);
  return ApplicationFailure.create({
    message: messageOf(error),
    type: code,
    nonRetryable,
    ...(error instanceof Error ? { cause: error } : {}),
  });
}

function countUnknown(activity: string): number {
  const count = (unknownErrors.get(activity) ?? 0) + 1;
  unknownErrors.set(activity, count);
  return count;
}
