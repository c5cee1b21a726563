import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Paths } from '../../contracts/paths.js';
import { chooseStore, chooseTemporal, noStore, noTemporal, readStack } from './connections.js';
import { answers, reportsHealth, temporalServes } from './health.js';

/** The processes of the stack, in the order in which they start. */
export const processNames = ['temporal', 'minio', 'worker', 'host'] as const;
export type ProcessName = (typeof processNames)[number];

/** What `up` tells the supervisor that it starts. Nothing secret: it stands in the process list. */
export const plan = z.strictObject({
  /** The server programs; null where the user has configured a server of his own. */
  temporal: z.string().nullable(),
  minio: z.string().nullable(),
  /** The commands of the workflow worker and of the activity host. */
  worker: z.array(z.string()).min(1),
  host: z.array(z.string()).min(1),
});
export type Plan = z.infer<typeof plan>;

/** A process as it is to be started now. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** True if others must be started again, because they know this one by an address that it no longer has. */
  readonly moved: boolean;
}

/** One kind of process: how it starts, when it is well, how long it may take to end. */
export interface Service {
  readonly name: ProcessName;
  readonly needs: readonly ProcessName[];
  readonly stopMs: number;
  prepare(): Promise<Launch>;
  healthy(pid: number): Promise<boolean>;
}

/** Workers save a checkpoint on SIGTERM. */
const WORKER_STOP_MS = 30_000;
const SERVER_STOP_MS = 15_000;

/** The services of a plan. Records in stack.json which servers are not of this stack. */
export function servicesOf(plan: Plan, paths: Paths): Service[] {
  if (plan.temporal === null) noTemporal(paths);
  if (plan.minio === null) noStore(paths);
  const servers = [
    ...(plan.temporal === null ? [] : [temporalService(plan.temporal, paths)]),
    ...(plan.minio === null ? [] : [minioService(plan.minio, paths)]),
  ];
  const needs = servers.map(({ name }) => name);
  return [
    ...servers,
    workerService('worker', plan.worker, paths, needs),
    workerService('host', plan.host, paths, needs),
  ];
}

function temporalService(program: string, paths: Paths): Service {
  return {
    name: 'temporal',
    needs: [],
    stopMs: SERVER_STOP_MS,
    prepare: async () => {
      const { port, uiPort, changed } = await chooseTemporal(paths);
      const args = [
        ...['server', 'start-dev', '--db-filename', paths.temporalDatabase],
        ...['--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort), '--ui-disable-news-fetch'],
        ...['--log-level', 'warn'],
      ];
      return { command: program, args, env: {}, moved: changed };
    },
    healthy: async () => {
      const address = readStack(paths)?.temporal?.address;
      return address !== undefined && (await temporalServes(address));
    },
  };
}

function minioService(program: string, paths: Paths): Service {
  return {
    name: 'minio',
    needs: [],
    stopMs: SERVER_STOP_MS,
    prepare: async () => {
      const { store, changed } = await chooseStore(paths);
      fs.mkdirSync(paths.minioData, { recursive: true });
      const args = ['server', paths.minioData, '--address', `${store.endPoint}:${store.port}`, '--quiet'];
      // The console would take a port of its own for what `labelloop` and `mc` do.
      const env = { MINIO_ROOT_USER: store.accessKey, MINIO_ROOT_PASSWORD: store.secretKey, MINIO_BROWSER: 'off' };
      return { command: program, args, env, moved: changed };
    },
    healthy: async () => {
      const store = readStack(paths)?.store;
      return store != null && (await answers(`http://${store.endPoint}:${store.port}/minio/health/live`));
    },
  };
}

function workerService(
  name: 'worker' | 'host',
  command: readonly string[],
  paths: Paths,
  needs: readonly ProcessName[],
): Service {
  const [program = process.execPath, ...args] = command;
  return {
    name,
    needs,
    stopMs: WORKER_STOP_MS,
    prepare: () => {
      // What a former process of this name said must not count for the new one.
      fs.rmSync(path.join(paths.health, `${name}.json`), { force: true });
      const env = { LABELLOOP_HOME: paths.home, LABELLOOP_CACHE: paths.cache, LABELLOOP_PROCESS: name };
      return Promise.resolve({ command: program, args, env, moved: false });
    },
    healthy: (pid) => Promise.resolve(reportsHealth(paths.health, name, pid)),
  };
}
