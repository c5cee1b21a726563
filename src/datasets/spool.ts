import { readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** Bytes that are gathered before they are written. */
const WRITE_BYTES = 2 ** 20;

/** A temporary file of equally long records: keeps the pixels out of memory until they are cut into shards. */
export class Spool {
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private count = 0;

  private constructor(
    private readonly file: FileHandle,
    private readonly recordBytes: number,
  ) {}

  static async create(path: string, recordBytes: number): Promise<Spool> {
    return new Spool(await open(path, 'wx+'), recordBytes);
  }

  /** Adds a record and returns its position. */
  async append(record: Uint8Array): Promise<number> {
    this.pending.push(record);
    this.pendingBytes += record.length;
    if (this.pendingBytes >= WRITE_BYTES) await this.flush();
    return this.count++;
  }

  async flush(): Promise<void> {
    if (this.pending.length > 0) await this.file.writev(this.pending);
    this.pending = [];
    this.pendingBytes = 0;
  }

  /** The records at these positions, one after the other. */
  read(positions: readonly number[]): Buffer {
    const size = this.recordBytes;
    const bytes = Buffer.allocUnsafe(positions.length * size);
    // Synchronous: a small read from the page cache takes a fraction of the time of an asynchronous call.
    positions.forEach((position, i) => readSync(this.file.fd, bytes, i * size, size, position * size));
    return bytes;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}
