import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { configuredStore, configuredTemporal } from '../contracts/configured.js';
import { localErrors } from './errors.js';
import { readJson, writeJson } from './files.js';
import { holder, isRunning, startOf, tryLock } from './lock.js';
import type { OnLine } from './messages.js';
import { messages } from './messages.js';
import type { Paths } from '../contracts/paths.js';
import { paths as pathsOf } from '../contracts/paths.js';
import type { Thing } from './provision/index.js';
import { isConfigured, provision } from './provision/index.js';
import { readStack } from './supervisor/connections.js';
import { learnerOf } from './supervisor/health.js';
import type { ProcessState } from './supervisor/records.js';
import { logOf, readRecord, readStatus } from './supervisor/records.js';
import type { Plan } from './supervisor/services.js';
import { processNames } from './supervisor/services.js';
import { ended, signal, stopAll } from './supervisor/stop.js';
import { SUPERVISOR } from './supervisor/supervisor.js';

/** What `labelloop status` shows. */
export interface StackStatus {
  /** Whether all processes of the stack live and are well. */
  readonly up: boolean;
  /** The supervised ones, and the host's learner while it has one. */
  readonly processes: readonly (Omit<ProcessState, 'name'> & { readonly name: string })[];
  /** Process id of the supervisor, or null. */
  readonly supervisor: number | null;
  /** `host:port`, of the embedded server or the configured one; null before the first `up`. */
  readonly temporal: string | null;
  /** URL of Temporal's web UI; null where the server is a configured one. */
  readonly ui: string | null;
  /** URL of the object store. */
  readonly store: string | null;
  readonly home: string;
}

export interface UpOptions {
  readonly onLine?: OnLine;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds until all must be well, after set-up. Default 90,000: Temporal makes its database in 5, workers load in 10. */
  readonly deadline?: number;
  /** Server programs to use instead of provisioned ones. */
  readonly programs?: { readonly temporal: string; readonly minio: string };
  /** Commands to run instead of Labelloop's own workers. */
  readonly workers?: { readonly worker: readonly string[]; readonly host: readonly string[] };
}

const main = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/**
 * Brings the stack of this machine up, and back up whatever of it was killed; data are kept. Sets up first what is
 * missing. Called again it returns at once, called twice at the same time there is one stack. Where the code has changed
 * since the stack was started, all is stopped in order and started anew.
 *
 * @throws SETUP_FAILED if something can't be provided
 * @throws STACK_UNAVAILABLE if something is not well in time, with the end of its log
 */
export async function up(options: UpOptions = {}): Promise<StackStatus> {
  const env = options.env ?? process.env;
  const paths = pathsOf(env);
  const onLine = options.onLine ?? (() => undefined);
  const before = status(env);
  const current = readJson(paths.codeFile) === codeVersion();
  if (before.up && current) {
    onLine(messages.alreadyUp());
    return before;
  }
  if (before.supervisor !== null && !current) {
    onLine(messages.codeChanged());
    await down({ env });
  }
  const plan = await planOf(options, env, onLine);
  const begun = Date.now();
  onLine(messages.starting(startedBy(plan)));
  const after = await waitUntilUp(paths, env, () => startSupervisor(plan, paths, env), options.deadline ?? 90_000);
  onLine(messages.up(Date.now() - begun));
  return after;
}

async function planOf(options: UpOptions, env: NodeJS.ProcessEnv, onLine: OnLine): Promise<Plan> {
  const things: Thing[] = [
    ...(options.programs === undefined ? (['temporal', 'minio'] as const) : []),
    ...(options.workers === undefined ? (['compute'] as const) : []),
  ];
  const found = await provision(things, { onLine, env });
  const programOf = (thing: 'temporal' | 'minio'): string | null => {
    const it = found[thing];
    if (options.programs !== undefined) return options.programs[thing];
    return it === undefined || isConfigured(it) ? null : it.path;
  };
  const cli = main('../cli/main.js');
  return {
    temporal: programOf('temporal'),
    minio: programOf('minio'),
    worker: [...(options.workers?.worker ?? [process.execPath, cli, 'worker', '--role', 'workflows'])],
    host: [...(options.workers?.host ?? [process.execPath, cli, 'worker', '--role', 'stages'])],
  };
}

const startedBy = (plan: Plan): string[] =>
  processNames.filter((name) => (name === 'temporal' || name === 'minio' ? plan[name] !== null : true));

/**
 * What the workers run: bootstrap's stamp over the compiled sources, or the version of an installed package. Workers of
 * other code than the command that the user typed would answer with yesterday's bugs.
 */
function codeVersion(): string {
  const read = (file: string): string => fs.readFileSync(main(file), 'utf8');
  try {
    return read('../../.labelloop-stamp');
  } catch {
    return (JSON.parse(read('../../../package.json')) as { version: string }).version;
  }
}

/** @returns whether the supervisor that was started has ended */
function startSupervisor(plan: Plan, paths: Paths, env: NodeJS.ProcessEnv): () => boolean {
  try {
    fs.mkdirSync(paths.logs, { recursive: true });
    writeJson(paths.codeFile, codeVersion());
    const log = fs.openSync(logOf(paths, 'supervisor'), 'a');
    const child = spawn(process.execPath, [main('supervisor-main.js'), JSON.stringify(plan)], {
      cwd: paths.home,
      env: { ...env, LABELLOOP_HOME: paths.home, LABELLOOP_CACHE: paths.cache },
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.unref();
    fs.closeSync(log);
    return () => child.exitCode !== null || child.signalCode !== null;
  } catch (error) {
    throw localErrors.homeNotWritable(paths.home, error);
  }
}

/** Supervisors that end by themselves have a reason; a second one may have come too early, during a `down`. */
const MOST_STARTS = 2;

async function waitUntilUp(
  paths: Paths,
  env: NodeJS.ProcessEnv,
  start: () => () => boolean,
  ms: number,
): Promise<StackStatus> {
  const begun = Date.now();
  let hasEnded = (): boolean => true;
  for (let starts = 0; ;) {
    const now = status(env);
    if (now.up) return now;
    // Of two that are started at the same time one ends at once, and the home has a supervisor all the same.
    const alone = holder(paths.supervisorLock) === null && hasEnded();
    if ((alone && starts === MOST_STARTS) || Date.now() - begun > ms) {
      const name = alone ? SUPERVISOR : (now.processes.find(({ healthy }) => !healthy)?.name ?? SUPERVISOR);
      const log = logOf(paths, name);
      throw localErrors.notHealthy(name, Math.round((Date.now() - begun) / 1000), log, tailOf(log));
    }
    if (alone) {
      hasEnded = start();
      starts += 1;
    }
    await delay(50);
  }
}

function tailOf(log: string): string {
  try {
    return fs.readFileSync(log, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
  } catch {
    return '(there is no log)';
  }
}

/**
 * Ends the stack: first the workers, which have 30 s to save what they have, then the servers, then the supervisor.
 * Ends only what the stack has started. Data stay. Does nothing if nothing runs.
 *
 * @throws STACK_UNAVAILABLE if a process does not end
 */
export async function down(options: { onLine?: OnLine; env?: NodeJS.ProcessEnv } = {}): Promise<StackStatus> {
  const env = options.env ?? process.env;
  const paths = pathsOf(env);
  const begun = Date.now();
  options.onLine?.(messages.stopping());
  if (fs.existsSync(paths.home)) {
    await endSupervisor(paths);
    await endLeftBehind(paths);
  }
  options.onLine?.(messages.down(Date.now() - begun));
  return status(env);
}

async function endSupervisor(paths: Paths): Promise<void> {
  const present = holder(paths.supervisorLock);
  if (present === null) return;
  // Any other holder is another `down`, which needs to be waited for, not ended.
  if (present.role === SUPERVISOR) signal(present, 'SIGTERM');
  // Longer than the workers and then the servers are given.
  if (await ended(present, 60_000)) return;
  signal(present, 'SIGKILL');
  if (!(await ended(present, 10_000))) throw localErrors.notStopped('the supervisor', present.pid);
}

/** What a supervisor that was killed has left; the lock keeps a new one away meanwhile. */
async function endLeftBehind(paths: Paths): Promise<void> {
  const release = tryLock(paths.supervisorLock, 'down');
  if (release === null) return;
  try {
    await stopAll(paths);
    fs.rmSync(paths.statusFile, { force: true });
  } finally {
    release();
  }
}

/** The stack as it is now, from its files and the process table: takes milliseconds and starts nothing. */
export function status(env: NodeJS.ProcessEnv = process.env): StackStatus {
  const paths = pathsOf(env);
  const present = holder(paths.supervisorLock);
  const supervisor = present?.role === SUPERVISOR ? present : null;
  const seen = supervisor === null ? null : readStatus(paths, supervisor);
  const processes = (seen ?? leftBehind(paths)).map((each) => alive(paths, each));
  const stack = readStack(paths);
  const store = configuredStore(env) ?? stack?.store ?? null;
  const temporal = configuredTemporal(env)?.address ?? null;
  return {
    up: seen !== null && processes.every(({ healthy }) => healthy),
    processes: [...processes, ...learnerIn(paths, processes)],
    supervisor: supervisor?.pid ?? null,
    temporal: temporal ?? stack?.temporal?.address ?? null,
    ui: temporal === null ? (stack?.ui ?? null) : null,
    store: store === null ? null : `${store.useSSL ? 'https' : 'http'}://${store.endPoint}:${store.port}`,
    home: paths.home,
  };
}

/** The learner is the host's to start and to end; people who look for what holds a device want to see it all the same. */
function learnerIn(paths: Paths, processes: readonly ProcessState[]): StackStatus['processes'] {
  const host = processes.find(({ name }) => name === 'host');
  const pid = host?.pid == null ? null : learnerOf(paths.health, host.name, host.pid);
  if (host === undefined || pid === null || startOf(pid) === null) return [];
  return [{ name: 'learner', pid, healthy: true, restarts: 0, since: null, log: host.log }];
}

/** Without a supervisor nobody watches, so nothing counts as healthy. */
const leftBehind = (paths: Paths): ProcessState[] =>
  processNames.map((name) => {
    const record = readRecord(paths, name);
    return {
      name,
      pid: record?.pid ?? null,
      healthy: false,
      restarts: record?.restarts ?? 0,
      since: record?.since ?? null,
      log: logOf(paths, name),
    };
  });

/** The supervisor looks once a second; a process that died since is not there. */
function alive(paths: Paths, state: ProcessState): ProcessState {
  const record = readRecord(paths, state.name);
  const running = record !== null && record.pid === state.pid && isRunning(record);
  return running ? state : { ...state, pid: null, healthy: false, since: null };
}
