import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { LogLevel, NativeConnectionOptions, WorkerOptions } from '@temporalio/worker';
import { pino } from 'pino';
import type { Logger } from 'pino';
import { createLearnerActivities, createStageActivities } from '../activities/index.js';
import type { Deps } from '../activities/index.js';
import { configuredNotices } from '../contracts/configured.js';
import type { StoreConnection } from '../contracts/connection.js';
import { LEARNER_TASK_QUEUE, STAGE_TASK_QUEUE, TASK_QUEUE } from '../contracts/names.js';
import { forkLearner } from '../learner/client.js';
import { Store } from '../store/index.js';
import { reportHealth } from './health.js';
import { scratchFolder } from './scratch.js';

export const workerRoles = ['workflows', 'stages', 'all'] as const;
export type WorkerRole = (typeof workerRoles)[number];

export interface WorkerSettings {
  role: WorkerRole;
  temporal: { connectionOptions: NativeConnectionOptions; namespace?: string };
  store: StoreConnection;
  /** Disk cache of blobs. */
  blobs: string;
  /** Folder for files in the making. */
  scratch: string;
}

/** Seconds between checkpoints. A checkpoint of the compact model takes some 50 ms, so 10 s costs half a per cent. */
const CHECKPOINT_SECONDS = 10;
/** Stages without a device at a time: they mostly wait for the store. */
const STAGES_AT_ONCE = 4;

const BUNDLE = fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));

/**
 * Runs a worker until SIGTERM or SIGINT: `workflows` orders rounds, `stages` works on them with one learner process.
 * They are processes of their own, so that a busy device never delays a workflow.
 */
export async function runWorker(settings: WorkerSettings): Promise<void> {
  const log = pino({ name: `worker-${settings.role}`, level: process.env['LABELLOOP_LOG'] ?? 'info' });
  Runtime.install({
    logger: asTemporalLogger(log),
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN' }) } },
    // Shutdown is ours: the learner must be stopped between the workers and the exit.
    shutdownSignals: [],
  });
  const connection = await NativeConnection.connect(settings.temporal.connectionOptions);
  const closers: (() => Promise<void>)[] = [() => connection.close()];
  const options: SharedOptions = {
    connection,
    namespace: settings.temporal.namespace ?? 'default',
    identity: `${process.pid}@${hostname()}`,
    // Short, as it only delays the abort: a stopping training needs the time for its checkpoint.
    shutdownGraceTime: '100 milliseconds',
    shutdownForceTime: '60 seconds',
    // Cancellation arrives with a heartbeat's answer, and the SDK holds heartbeats back for most of their timeout.
    maxHeartbeatThrottleInterval: '2 seconds',
  };
  const workers: Worker[] = [];
  let learner: (() => number | undefined) | undefined;
  if (settings.role !== 'stages') workers.push(await workflowWorker(options));
  if (settings.role !== 'workflows') {
    const { deps, close, learnerPid } = await openDeps(settings, log);
    learner = learnerPid;
    closers.unshift(close);
    workers.push(...(await stageWorkers(options, deps)));
  }
  await serve(workers, log, learner);
  for (const close of closers) await close();
  log.info('stopped');
}

type SharedOptions = Pick<
  WorkerOptions,
  'connection' | 'namespace' | 'identity' | 'shutdownGraceTime' | 'shutdownForceTime' | 'maxHeartbeatThrottleInterval'
>;

const workflowWorker = (options: SharedOptions): Promise<Worker> =>
  Worker.create({ ...options, taskQueue: TASK_QUEUE, workflowBundle: { codePath: BUNDLE }, maxCachedWorkflows: 200 });

async function stageWorkers(options: SharedOptions, deps: Deps): Promise<Worker[]> {
  return Promise.all([
    Worker.create({
      ...options,
      taskQueue: LEARNER_TASK_QUEUE,
      activities: createLearnerActivities(deps),
      maxConcurrentActivityTaskExecutions: 1,
    }),
    Worker.create({
      ...options,
      taskQueue: STAGE_TASK_QUEUE,
      activities: createStageActivities(deps),
      maxConcurrentActivityTaskExecutions: STAGES_AT_ONCE,
    }),
  ]);
}

async function openDeps(
  settings: WorkerSettings,
  log: Logger,
): Promise<{ deps: Deps; close: () => Promise<void>; learnerPid: () => number | undefined }> {
  // Refused now rather than when the first people are needed, days later.
  configuredNotices();
  const scratch = await scratchFolder(settings.scratch);
  const learner = forkLearner({ logger: log });
  const deps: Deps = {
    store: await Store.open(settings.store, { cacheDir: settings.blobs }),
    learner,
    scratch,
    log,
    worker: `${hostname()}/${process.pid}`,
    checkpointSeconds: CHECKPOINT_SECONDS,
  };
  const close = async (): Promise<void> => {
    await learner.close();
    await rm(scratch, { recursive: true, force: true });
  };
  return { deps, close, learnerPid: () => learner.pid };
}

/** Runs the workers until a signal; a worker that fails takes the others down, and the supervisor starts all anew. */
async function serve(workers: Worker[], log: Logger, learner?: () => number | undefined): Promise<void> {
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping: work in progress is checkpointed and handed over');
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const stopReporting = reportHealth(learner);
  try {
    const runs = workers.map((worker) =>
      worker.run().catch((error: unknown) => {
        for (const other of workers) if (other.getState() === 'RUNNING') other.shutdown();
        throw error;
      }),
    );
    log.info({ queues: workers.map((worker) => worker.options.taskQueue) }, 'working');
    const results = await Promise.allSettled(runs);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  } finally {
    stopReporting();
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  }
}

/** Temporal's logger takes (message, meta), pino the other way round; bigints and symbols stay behind. */
function asTemporalLogger(log: Logger): DefaultLogger {
  const level = (process.env['LABELLOOP_LOG'] === 'debug' ? 'DEBUG' : 'INFO') satisfies LogLevel;
  return new DefaultLogger(level, ({ level: at, message, meta }) => {
    const { error, ...rest } = (meta ?? {}) as Record<string, unknown>;
    const fields = { ...rest, ...(error === undefined ? {} : { err: error }) };
    const method = at.toLowerCase() as 'trace' | 'debug' | 'info' | 'warn' | 'error';
    log[method](fields, message);
  });
}
