/**
 * Locks between processes of one machine, without dependencies: bootstrap needs them before anything is installed,
 * and src/local uses the same ones afterwards.
 *
 * A lock is a folder of numbered files. The highest number is the present one; it names its holder by process id and
 * start time, so a process that later got the same id is not mistaken for it. Files are created whole (link), never
 * changed back to "held": whoever finds the highest one dead or released creates the next number, which one alone can.
 * So no two processes can take a stale lock over, the trap of every "delete and create again".
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/**
 * When a process started, as a string that no later process with the same id has; null if there is none (or a zombie,
 * which nobody may reap in a container).
 *
 * @param {number} pid
 * @returns {string | null}
 */
export function startOf(pid) {
  if (process.platform === 'linux') {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
      // The command's name is in brackets and may hold blanks and brackets: count from the last one.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? null : `${bootId()}:${fields[19]}`;
    } catch {
      return null;
    }
  }
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line === '' || line.startsWith('Z') ? null : line.replace(/^\S+\s+/, '');
  } catch {
    return null;
  }
}

/** @type {string | undefined} */
let boot;
/** Ticks count from boot, so a start time alone could recur after one. */
function bootId() {
  boot ??= fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return boot;
}

/**
 * Whether this very process still runs.
 *
 * @param {{pid: number, start: string}} identity
 */
export const isRunning = ({ pid, start }) => startOf(pid) === start;

/** @returns {{pid: number, start: string}} */
export function self() {
  const start = startOf(process.pid);
  if (start === null) throw new Error(`can't read when process ${process.pid} started: is /proc mounted?`);
  return { pid: process.pid, start };
}

/**
 * @param {string} folder
 * @returns {number[]} ascending
 */
function numbers(folder) {
  try {
    return fs
      .readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch {
    return [];
  }
}

/**
 * Who holds the lock by which number. Both in one, since taking over is right only for the very number that was judged.
 *
 * @param {string} folder
 * @returns {{last: number, present: {pid: number, start: string, role: string} | null}}
 */
function look(folder) {
  const last = numbers(folder).at(-1) ?? 0;
  if (last === 0) return { last, present: null };
  try {
    const identity = JSON.parse(fs.readFileSync(path.join(folder, String(last)), 'utf8'));
    return { last, present: identity.released !== true && isRunning(identity) ? identity : null };
  } catch {
    // Cleaned away by a later holder between the two reads, or cut off by a full disk: look again.
    return numbers(folder).at(-1) === last ? { last, present: null } : look(folder);
  }
}

/**
 * Who holds the lock, or null.
 *
 * @param {string} folder
 * @returns {{pid: number, start: string, role: string} | null}
 */
export const holder = (folder) => look(folder).present;

/**
 * Takes the lock if it is free. The lock ends with the process, however that ends.
 *
 * @param {string} folder
 * @param {string} [role] what the holder is, for those who ask
 * @returns {(() => void) | null} how to give it back; null if another process (or another part of this one) holds it
 */
export function tryLock(folder, role = '') {
  fs.mkdirSync(folder, { recursive: true });
  const draft = path.join(folder, `draft-${process.pid}-${randomBytes(4).toString('hex')}`);
  fs.writeFileSync(draft, JSON.stringify({ ...self(), role }));
  try {
    for (;;) {
      const { last, present } = look(folder);
      if (present !== null) return null;
      const mine = last + 1;
      const file = path.join(folder, String(mine));
      try {
        fs.linkSync(draft, file);
      } catch (error) {
        if (error.code === 'EEXIST') continue;
        throw error;
      }
      // Between looking and linking, others may have gone on and cleaned up so far that `mine` was free again.
      if (numbers(folder).at(-1) !== mine) {
        fs.rmSync(file, { force: true });
        continue;
      }
      for (const old of numbers(folder)) if (old < mine) fs.rmSync(path.join(folder, String(old)), { force: true });
      return () => {
        const released = `${draft}-released`;
        fs.writeFileSync(released, JSON.stringify({ released: true }));
        fs.renameSync(released, file);
      };
    }
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

/**
 * Takes the lock, waiting for whoever has it.
 *
 * @param {string} folder
 * @param {(holder: {pid: number, start: string} | null) => void} [onWait] called once, if there is a wait
 * @returns {Promise<() => void>} how to give it back
 */
export async function lock(folder, onWait) {
  for (let told = false; ;) {
    const release = tryLock(folder);
    if (release !== null) return release;
    if (!told) onWait?.(holder(folder));
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
