import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where this machine's embedded stack keeps its things. All paths are absolute. */
export interface Paths {
  /** What can be fetched or built again: binaries, keyed by name, version and checksum. */
  readonly cache: string;
  /** What can't: Temporal's database, the object store's data, and beside them logs and state. */
  readonly home: string;
  readonly stackFile: string;
  readonly credentialsFile: string;
  /** Held by the one supervisor of this home, see infra/lock.mjs. */
  readonly supervisorLock: string;
  /** What the supervisor last saw of its processes. */
  readonly statusFile: string;
  /** Which code the workers were started with. */
  readonly codeFile: string;
  readonly temporalDatabase: string;
  readonly minioData: string;
  readonly logs: string;
  readonly pids: string;
  /** Workers say here that they are well, see src/workers/health.ts. */
  readonly health: string;
  /** Disk cache in front of the object store. */
  readonly blobs: string;
  /** Files in the making; what is left there belongs to a process that has died. */
  readonly scratch: string;
  readonly reports: string;
  /** Private keys that sign certificates; mode 0600. */
  readonly keys: string;
}

/**
 * The folders as the environment has them: `LABELLOOP_CACHE` and `LABELLOOP_HOME` where set, else the XDG base
 * directories' `labelloop`, else `~/.cache/labelloop` and `~/.local/share/labelloop`.
 */
export function paths(env: NodeJS.ProcessEnv = process.env): Paths {
  const cache = folder(env['LABELLOOP_CACHE'], env['XDG_CACHE_HOME'], '.cache');
  const home = folder(env['LABELLOOP_HOME'], env['XDG_DATA_HOME'], '.local/share');
  const inHome = (name: string): string => join(home, name);
  return {
    cache,
    home,
    stackFile: inHome('stack.json'),
    credentialsFile: inHome('credentials.json'),
    supervisorLock: inHome('supervisor.lock'),
    statusFile: inHome('status.json'),
    codeFile: inHome('code.json'),
    temporalDatabase: inHome('temporal.db'),
    minioData: inHome('minio'),
    logs: inHome('logs'),
    pids: inHome('pids'),
    health: inHome('health'),
    blobs: inHome('blobs'),
    scratch: inHome('scratch'),
    reports: inHome('reports'),
    keys: inHome('keys'),
  };
}

// An empty variable counts as unset, as the XDG specification has it.
const folder = (own: string | undefined, xdg: string | undefined, fallback: string): string =>
  resolve(own || join(xdg || join(homedir(), fallback), 'labelloop'));
