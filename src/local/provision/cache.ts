import fs from 'node:fs';
import path from 'node:path';
import { lock } from '../lock.js';
import type { OnLine } from '../messages.js';
import { messages } from '../messages.js';

/** How often a long step says that it still runs. */
const TICK_MS = 10_000;

export interface Entry {
  /** For the progress lines. */
  readonly name: string;
  /** Name, version and checksum: another pin is another entry. */
  readonly key: string;
}

/** Where an entry lies in the cache, if it is there. An entry that is there is whole: it came by a rename. */
export function cached(cache: string, key: string): string | null {
  const folder = path.join(cache, key);
  return fs.existsSync(folder) ? folder : null;
}

/**
 * Puts an entry into the cache, unless another process does so meanwhile.
 *
 * @param fill makes the entry in the empty folder it is given; if it fails or is cut off, nothing stays in the cache
 * @returns the entry's folder
 */
export async function install(
  cache: string,
  { name, key }: Entry,
  onLine: OnLine,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const target = path.join(cache, key);
  const release = await lock(path.join(cache, 'locks', key), (holder) => onLine(messages.waiting(name, holder?.pid)));
  // Unfinished work of a process that was cut off has this same name, and the lock says that nobody is at it.
  const draft = path.join(cache, `${key}.partial`);
  try {
    if (fs.existsSync(target)) return target;
    fs.rmSync(draft, { recursive: true, force: true });
    fs.mkdirSync(draft, { recursive: true });
    await ticking(name, onLine, () => fill(draft));
    fs.renameSync(draft, target);
    return target;
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true });
    throw error;
  } finally {
    release();
  }
}

/** Runs a step with a line every ten seconds, so that nobody takes it for stuck. */
async function ticking(name: string, onLine: OnLine, step: () => Promise<void>): Promise<void> {
  const begun = Date.now();
  const timer = setInterval(() => onLine(messages.still(name, Date.now() - begun)), TICK_MS);
  try {
    await step();
  } finally {
    clearInterval(timer);
  }
}
