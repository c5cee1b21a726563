import { setTimeout as delay } from 'node:timers/promises';
import { localErrors } from '../errors.js';
import type { ProcessIdentity } from '../lock.js';
import { isRunning, startOf } from '../lock.js';
import type { Paths } from '../../contracts/paths.js';
import { dropRecord, readRecord } from './records.js';
import type { ProcessName } from './services.js';

/** Nothing outlives SIGKILL for longer, but for a process in the kernel's hands (a dead disk). */
const KILL_MS = 10_000;

/** Sends a signal; no error if the process has ended meanwhile. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits for a process's end. @returns whether it came within the time */
export async function ended(identity: ProcessIdentity, ms: number): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (isRunning(identity)) {
    if (Date.now() > deadline) return false;
    await delay(30);
  }
  return true;
}

/**
 * Ends what a process that is gone left behind, a learner for instance: each of the stack's processes leads a process
 * group of its own.
 */
export function endGroup(identity: ProcessIdentity): void {
  // A later process with this id could lead another group of that number. Without one the number is still ours.
  if (startOf(identity.pid) !== null) return;
  try {
    process.kill(-identity.pid, 'SIGKILL');
  } catch {
    // The usual case: nobody is left.
  }
}

/** Ends a recorded process, by force if it doesn't end in time, and what it left behind. */
export async function stopProcess(paths: Paths, name: ProcessName, ms: number): Promise<void> {
  const record = readRecord(paths, name);
  if (record === null) return;
  signal(record, 'SIGTERM');
  if (!(await ended(record, ms))) {
    signal(record, 'SIGKILL');
    if (!(await ended(record, KILL_MS))) throw localErrors.notStopped(name, record.pid);
  }
  endGroup(record);
  dropRecord(paths, name);
}

/** Ends all processes of the stack: those that compute first, since they save to the servers what they have. */
export async function stopAll(paths: Paths): Promise<void> {
  await Promise.all([stopProcess(paths, 'host', 30_000), stopProcess(paths, 'worker', 30_000)]);
  await Promise.all([stopProcess(paths, 'temporal', 15_000), stopProcess(paths, 'minio', 15_000)]);
}
