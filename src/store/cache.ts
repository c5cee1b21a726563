import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** A file that was handed out so recently may be about to be opened, so it stays. */
const GRACE_MS = 10 * 60_000;

/** Temporary files so old belong to no living process: no transfer takes a day. */
const ABANDONED_MS = 24 * 3_600_000;

/** A sweep leaves a tenth free, so that the next files do not each cause one. */
const SWEEP_TO = 0.9;

/** Of what the disk has for the cache, which other things want too. */
const SHARE_OF_DISK = 0.5;

/** Bytes that are free on the disk of a folder, as anybody but root may use them. */
const freeBytes = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/** SHA-256 in hex and size of a file, streamed. */
export async function digestFile(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(createReadStream(path), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  });
  return { sha256: hash.digest('hex'), bytes };
}

/**
 * Content-addressed files under one folder, least recently used out first. Several processes may share the folder: files
 * appear by renaming, carry their digest as their name, and are never changed.
 */
export class DiskCache {
  private addedSinceSweep = Number.POSITIVE_INFINITY;
  /** As of the last sweep: `maxBytes`, or less where the disk has less. */
  private bound: number;
  private sweeping: Promise<void> | null = null;

  private constructor(
    private readonly folder: string,
    private readonly maxBytes: number,
    private readonly free: (folder: string) => Promise<number>,
  ) {
    this.bound = maxBytes;
  }

  /** @param maxBytes bound; half of what the disk has for the cache is one, too */
  static async open(folder: string, maxBytes: number, free = freeBytes): Promise<DiskCache> {
    await mkdir(join(folder, 'tmp'), { recursive: true });
    return new DiskCache(folder, maxBytes, free);
  }

  /** The verified file of this digest, or null. A damaged one is removed. Looking makes it recently used. */
  async find(sha256: string): Promise<string | null> {
    const path = this.path(sha256);
    try {
      const now = new Date();
      await utimes(path, now, now);
      if ((await digestFile(path)).sha256 === sha256) return path;
      await rm(path, { force: true });
      return null;
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  /** Takes a finished temporary file over, of which the caller knows that it has this digest. */
  async adopt(temporary: string, sha256: string, bytes: number): Promise<string> {
    const path = this.path(sha256);
    await mkdir(join(path, '..'), { recursive: true });
    await chmod(temporary, 0o444);
    await rename(temporary, path);
    this.addedSinceSweep += bytes;
    if (this.addedSinceSweep > this.bound * (1 - SWEEP_TO)) await this.sweep();
    return path;
  }

  /** A path for a temporary file on the cache's disk. */
  temporaryFile(): string {
    return join(this.folder, 'tmp', randomUUID());
  }

  /** A new temporary folder on the cache's disk; its maker removes it. */
  temporaryFolder(): Promise<string> {
    return mkdtemp(join(this.folder, 'tmp', 'work-'));
  }

  /** Removes the least recently used files until nine tenths of the bound are left, and what dead processes left behind. */
  sweep(): Promise<void> {
    this.sweeping ??= this.evict().finally(() => (this.sweeping = null));
    return this.sweeping;
  }

  private path(sha256: string): string {
    return join(this.folder, 'sha256', sha256.slice(0, 2), sha256);
  }

  private async evict(): Promise<void> {
    this.addedSinceSweep = 0;
    const now = Date.now();
    for (const name of await readdir(join(this.folder, 'tmp'))) {
      const path = join(this.folder, 'tmp', name);
      const found = await statOrNull(path);
      if (found && now - found.mtimeMs > ABANDONED_MS) await rm(path, { recursive: true, force: true });
    }
    const files = await this.files();
    let total = files.reduce((sum, file) => sum + file.bytes, 0);
    this.bound = Math.min(this.maxBytes, SHARE_OF_DISK * (total + (await this.free(this.folder))));
    if (total <= this.bound) return;
    files.sort((a, b) => a.usedMs - b.usedMs);
    for (const file of files) {
      if (total <= this.bound * SWEEP_TO || now - file.usedMs < GRACE_MS) return;
      await rm(file.path, { force: true });
      total -= file.bytes;
    }
  }

  private async files(): Promise<{ path: string; bytes: number; usedMs: number }[]> {
    const root = join(this.folder, 'sha256');
    const found = [];
    for (const prefix of await readdirOrEmpty(root))
      for (const name of await readdirOrEmpty(join(root, prefix))) {
        const path = join(root, prefix, name);
        const stats = await statOrNull(path);
        if (stats) found.push({ path, bytes: stats.size, usedMs: stats.mtimeMs });
      }
    return found;
  }
}

const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

// Another process may sweep the same folder: what vanishes between listing and looking is simply gone.
const statOrNull = (path: string) =>
  stat(path).catch((error: unknown) => {
    if (isAbsent(error)) return null;
    throw error;
  });

const readdirOrEmpty = (path: string) =>
  readdir(path).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
