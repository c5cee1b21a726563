import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/**
 * Makes this process's own folder for files in the making, and removes those of processes of this machine that were killed:
 * nobody else would, and each holds a training's checkpoints.
 *
 * @param root folder of all such folders; machines may share it
 */
export async function scratchFolder(root: string): Promise<string> {
  const own = `${hostname()}-`;
  await mkdir(root, { recursive: true });
  for (const name of await readdir(root)) {
    const pid = name.startsWith(own) ? Number.parseInt(name.slice(own.length), 10) : NaN;
    if (Number.isInteger(pid) && !isAlive(pid)) await rm(join(root, name), { recursive: true, force: true });
  }
  const folder = join(root, `${own}${process.pid}-${randomUUID().slice(0, 8)}`);
  await mkdir(folder);
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process may not be signalled, and lives.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
