import type { FileHandle } from 'node:fs/promises';
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { localErrors } from '../errors.js';

/** Signatures and sizes of PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16. */
const END = { signature: 0x06054b50, size: 22 };
const ENTRY = { signature: 0x02014b50, size: 46 };
const LOCAL_SIZE = 30;

interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
  readonly mode: number;
}

/**
 * Unpacks some files of a wheel (a zip below 4 GiB), as a stream: a wheel of a GPU library has files of a gigabyte,
 * and headers by the ten thousand of which a dozen are needed.
 *
 * @param place where a file goes, relative to `folder`; null leaves it out
 * @returns how many files were unpacked
 * @throws SETUP_FAILED if the file is no such zip
 */
export async function unzip(file: string, folder: string, place: (name: string) => string | null): Promise<number> {
  const handle = await open(file, 'r');
  let count = 0;
  try {
    for (const entry of await entries(file, handle)) {
      const to = entry.name.endsWith('/') ? null : place(entry.name);
      if (to === null) continue;
      const target = path.resolve(folder, to);
      if (!target.startsWith(path.resolve(folder) + path.sep)) {
        throw localErrors.archiveBroken(file, `entry '${entry.name}' points outside`);
      }
      fs.mkdirSync(path.dirname(target), { recursive: true });
      await extract(file, handle, entry, target);
      count += 1;
    }
  } finally {
    await handle.close();
  }
  return count;
}

async function extract(file: string, handle: FileHandle, entry: ZipEntry, target: string): Promise<void> {
  const local = await read(handle, entry.offset, LOCAL_SIZE);
  // Name and extra field of the local header may be longer than the central directory's.
  const start = entry.offset + LOCAL_SIZE + local.readUInt16LE(26) + local.readUInt16LE(28);
  const mode = entry.mode & 0o111 ? 0o755 : 0o644;
  if (entry.packed === 0) {
    fs.writeFileSync(target, '', { mode });
  } else {
    const from = fs.createReadStream(file, { start, end: start + entry.packed - 1 });
    const to = fs.createWriteStream(target, { mode });
    if (entry.method === 0) await pipeline(from, to);
    else if (entry.method === 8) await pipeline(from, createInflateRaw(), to);
    else throw localErrors.archiveBroken(file, `'${entry.name}' is packed by method ${entry.method}, expected 0 or 8`);
  }
  const { size } = fs.statSync(target);
  if (size !== entry.size) {
    throw localErrors.archiveBroken(file, `'${entry.name}' has ${size} bytes, expected ${entry.size}`);
  }
}

async function entries(file: string, handle: FileHandle): Promise<ZipEntry[]> {
  const { size } = await handle.stat();
  // The end record stands last but for a comment of up to 64 KiB.
  const tail = await read(handle, Math.max(0, size - END.size - 0xffff), Math.min(size, END.size + 0xffff));
  let end = tail.length - END.size;
  while (end >= 0 && tail.readUInt32LE(end) !== END.signature) end -= 1;
  if (end < 0) throw localErrors.archiveBroken(file, 'is not a zip archive, or is cut off');
  const directory = await read(handle, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  const found: ZipEntry[] = [];
  for (let at = 0; at + ENTRY.size <= directory.length;) {
    if (directory.readUInt32LE(at) !== ENTRY.signature) throw localErrors.archiveBroken(file, 'has a broken directory');
    const nameLength = directory.readUInt16LE(at + 28);
    found.push({
      name: directory.toString('utf8', at + ENTRY.size, at + ENTRY.size + nameLength),
      method: directory.readUInt16LE(at + 10),
      packed: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
      // The upper half of the external attributes is the Unix mode.
      mode: directory.readUInt32LE(at + 38) >>> 16,
    });
    at += ENTRY.size + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return found;
}

async function read(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
