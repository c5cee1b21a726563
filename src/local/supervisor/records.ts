import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from '../files.js';
import type { ProcessIdentity } from '../lock.js';
import type { Paths } from '../../contracts/paths.js';
import type { ProcessName } from './services.js';
import { processNames } from './services.js';

const record = z.strictObject({
  pid: z.int(),
  /** See infra/lock.mjs: tells the process from a later one with the same id. */
  start: z.string(),
  /** ISO 8601 */
  since: z.string(),
  /** How often it was started again after it had ended unasked. */
  restarts: z.int(),
});

/** A process of the stack, as `pids/<name>.json` has it. A new supervisor takes over what it finds there. */
export type ProcessRecord = z.infer<typeof record>;

const fileOf = (paths: Paths, name: ProcessName): string => path.join(paths.pids, `${name}.json`);

export const logOf = (paths: Paths, name: string): string => path.join(paths.logs, `${name}.log`);

export function readRecord(paths: Paths, name: ProcessName): ProcessRecord | null {
  const found = record.safeParse(readJson(fileOf(paths, name)));
  return found.success ? found.data : null;
}

export const writeRecord = (paths: Paths, name: ProcessName, value: ProcessRecord): void =>
  writeJson(fileOf(paths, name), value);

export const dropRecord = (paths: Paths, name: ProcessName): void => fs.rmSync(fileOf(paths, name), { force: true });

const state = z.strictObject({
  name: z.enum(processNames),
  pid: z.int().nullable(),
  healthy: z.boolean(),
  restarts: z.int(),
  since: z.string().nullable(),
  log: z.string(),
});

/** A process as `labelloop status` shows it. */
export type ProcessState = z.infer<typeof state>;

const status = z.strictObject({ supervisor: z.int(), processes: z.array(state) });

export const writeStatus = (paths: Paths, supervisor: ProcessIdentity, processes: readonly ProcessState[]): void =>
  writeJson(paths.statusFile, { supervisor: supervisor.pid, processes });

/** What the supervisor with this process id last wrote; null if it has written nothing yet. */
export function readStatus(paths: Paths, supervisor: ProcessIdentity): readonly ProcessState[] | null {
  const found = status.safeParse(readJson(paths.statusFile));
  return found.success && found.data.supervisor === supervisor.pid ? found.data.processes : null;
}
