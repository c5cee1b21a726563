import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../contracts/errors.js';
import { self, tryLock } from '../lock.js';
import { paths as pathsOf } from '../../contracts/paths.js';
import { ManagedProcess } from './managed-process.js';
import { writeStatus } from './records.js';
import type { Plan, ProcessName } from './services.js';
import { servicesOf } from './services.js';
import { stopAll } from './stop.js';

/** Its role in the home's lock: `down` ends such a holder, and no other. */
export const SUPERVISOR = 'supervisor';

const TICK_MS = 1_000;
/** While something is not well yet, people wait for it. */
const EAGER_MS = 200;

/**
 * Keeps the stack of one home alive until SIGTERM or SIGINT, then ends it in order. Returns at once if another
 * supervisor has this home already. Killed with -9 it leaves its processes running; the next one takes them over.
 */
export async function supervise(plan: Plan, env: NodeJS.ProcessEnv): Promise<void> {
  const paths = pathsOf(env);
  const release = tryLock(paths.supervisorLock, SUPERVISOR);
  if (release === null) return;
  const say = (line: string): void => void process.stdout.write(`${new Date().toISOString()} ${line}\n`);
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());

  for (const folder of [paths.logs, paths.pids, paths.health]) fs.mkdirSync(folder, { recursive: true });
  const processes = servicesOf(plan, paths).map((service) => new ManagedProcess(service, paths, env, say));
  const identity = self();
  say(`supervising ${paths.home}, process ${identity.pid}`);
  while (!stop.signal.aborted) {
    try {
      await tendAll(processes);
      writeStatus(
        paths,
        identity,
        processes.map(({ state }) => state),
      );
    } catch (error) {
      // A full disk, most likely: it must not end the one who would go on once there is room again.
      say(`problem: ${messageOf(error)}`);
    }
    const ms = processes.every(({ healthy }) => healthy) ? TICK_MS : EAGER_MS;
    await delay(ms, undefined, { signal: stop.signal }).catch(() => undefined);
  }
  say('stopping');
  await stopAll(paths);
  fs.rmSync(paths.statusFile, { force: true });
  say('stopped');
  release();
}

async function tendAll(processes: readonly ManagedProcess[]): Promise<void> {
  const well = (name: ProcessName): boolean => processes.some((each) => each.service.name === name && each.healthy);
  const moved = await Promise.all(processes.map((each) => each.tend(each.service.needs.every(well))));
  if (!moved.includes(true)) return;
  // They were told the former address when they started.
  await Promise.all(processes.filter(({ service }) => service.needs.length > 0).map((each) => each.restart()));
}
