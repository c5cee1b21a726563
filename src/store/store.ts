import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { z } from 'zod';
import type { StoreConnection } from '../contracts/connection.js';
import type { BlobKind, Ref } from '../contracts/references.js';
import { Bucket, isUnavailable } from './bucket.js';
import { DiskCache, digestFile } from './cache.js';
import { canonicalJson } from '../contracts/canonical.js';
import { storeErrors } from './errors.js';
import { refsIn, stageRecord, type StageRecord } from './stage-record.js';

/** Room for the shards and posteriors of a pool of some millions of small images. */
const CACHE_BYTES = 20e9;

/** References of one record that are looked up at a time. */
const LOOKUPS = 16;

/**
 * What an import brought or people said: no stage makes it again. Such a blob is never removed, however damaged it looks
 * from here (a proxy or this machine's memory may be to blame), and each import writes it anew.
 */
const IRREPLACEABLE: ReadonlySet<BlobKind> = new Set([
  'dataset/1',
  'pixels/1',
  'items/1',
  'originals/1',
  'answers/1',
  // What an audit committed to, and what people said in it.
  'frozen/1',
  'protocol/1',
  'seed/1',
  'draw-order/1',
  'audit-log/1',
  'ledger/1',
  'certificate/1',
]);

const blobPath = (sha256: string): string => `sha256/${sha256.slice(0, 2)}/${sha256}`;
const stagePath = (key: string): string => `stages/${key}.json`;

/**
 * Artefacts in object storage. Blobs are content-addressed, verified on read and never change; stage records are created
 * once, the first writer wins; pointers are the few small objects that change.
 *
 * Every method throws STORE_UNAVAILABLE, after some seconds of tries, where the server is not to be reached, and
 * STORE_DENIED where it refuses.
 */
export class Store {
  private readonly downloads = new Map<string, Promise<string>>();

  private constructor(
    private readonly bucket: Bucket,
    private readonly cache: DiskCache,
  ) {}

  /**
   * Opens the bucket and makes it where it is missing.
   *
   * @param options.cacheDir folder of the disk cache; processes of one machine may share it
   * @param options.cacheBytes bound of the cache, 20 GB by default; half of what the disk has for it where that is less
   */
  static async open(
    connection: StoreConnection,
    options: { cacheDir: string; cacheBytes?: number | undefined },
  ): Promise<Store> {
    const bucket = new Bucket(connection);
    await bucket.ensure();
    return new Store(bucket, await DiskCache.open(options.cacheDir, options.cacheBytes ?? CACHE_BYTES));
  }

  /** Answers what the server calls itself. */
  async ping(): Promise<{ server: string }> {
    return { server: await this.bucket.ping() };
  }

  /**
   * Stores bytes under their digest; nothing is sent where they are stored already, unless they could not be made again:
   * then what is there may be damaged, and this is how it is mended.
   */
  async putBytes(kind: BlobKind, bytes: Uint8Array): Promise<Ref> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const reference = { kind, sha256, bytes: bytes.length };
    if (!(await this.isStored(reference))) await this.bucket.put(blobPath(sha256), bytes);
    return reference;
  }

  /** Stores a file's content as `putBytes` does, streamed. */
  async putFile(kind: BlobKind, path: string): Promise<Ref> {
    const { sha256, bytes } = await digestFile(path);
    const reference = { kind, sha256, bytes };
    if (!(await this.isStored(reference))) await this.bucket.putFile(blobPath(sha256), path, bytes);
    return reference;
  }

  /**
   * Removes a blob, if it is there. For what nobody refers to any more, such as a checkpoint that a newer one replaces.
   */
  removeBlob(reference: Ref): Promise<void> {
    return this.bucket.remove(blobPath(reference.sha256));
  }

  /** Stores a value as canonical JSON (RFC 8785). */
  putJson(kind: BlobKind, value: unknown): Promise<Ref> {
    return this.putBytes(kind, Buffer.from(canonicalJson(value)));
  }

  /**
   * A blob's bytes, verified.
   *
   * @throws STORE_MISSING, STORE_DAMAGED as `fetch` does
   */
  async readBytes(reference: Ref): Promise<Buffer> {
    return readFile(await this.fetch(reference));
  }

  /**
   * A stored JSON value, checked.
   *
   * @throws FORMAT_UNKNOWN where the value does not fit the schema
   */
  async readJson<T>(reference: Ref, schema: z.ZodType<T>): Promise<T> {
    return parse(await this.readBytes(reference), schema, `${reference.kind} ${reference.sha256}`, reference.kind);
  }

  /**
   * The values behind a blob of JSON lines, in their order; as `readJson` for each line.
   *
   * @param about lines without this text are left unparsed
   */
  async readJsonLines<T>(reference: Ref, schema: z.ZodType<T>, about = ''): Promise<T[]> {
    const text = (await this.readBytes(reference)).toString('utf8');
    const lines = text.split('\n').filter((line) => line !== '' && line.includes(about));
    return lines.map((line) =>
      parse(Buffer.from(line), schema, `${reference.kind} ${reference.sha256}`, reference.kind),
    );
  }

  /**
   * A verified file with the blob's bytes in the disk cache, for reading only. It stays for ten minutes at least: open it
   * by then.
   *
   * @throws STORE_MISSING without such a blob
   * @throws STORE_DAMAGED where the stored bytes are not those of the digest; they are in `quarantine/` now, so that a
   *   stage that looks its result up computes it again. What no stage makes stays where it is
   */
  async fetch(reference: Ref): Promise<string> {
    const cached = await this.cache.find(reference.sha256);
    if (cached !== null) return cached;
    const running = this.downloads.get(reference.sha256);
    if (running) return running;
    const download = this.download(reference).finally(() => this.downloads.delete(reference.sha256));
    this.downloads.set(reference.sha256, download);
    return download;
  }

  /** A new temporary folder on the cache's disk, for files too big for memory. The caller removes it. */
  temporaryFolder(): Promise<string> {
    return this.cache.temporaryFolder();
  }

  /**
   * The record of a stage that was computed before, null where there is none. A record whose blobs are lost counts as
   * none: it is set aside, so that the stage is computed again.
   *
   * @param key of `stageKey`
   */
  async lookup(key: string): Promise<StageRecord | null> {
    const bytes = await this.readOrDiscard(stagePath(key), (path) => this.bucket.get(path));
    if (bytes === null || bytes === 'unreadable') return null;
    const record = parse(bytes, stageRecord, stagePath(key), 'labelloop.stage/1');
    if (await this.holds(refsIn(record.output))) return record;
    await this.invalidate(key);
    return null;
  }

  /** Commits a stage's result. The first writer wins: its record is returned, be it this one or an earlier one. */
  async commit(record: StageRecord): Promise<StageRecord> {
    const bytes = Buffer.from(canonicalJson(stageRecord.parse(record)));
    for (;;) {
      if (await this.bucket.create(stagePath(record.key), bytes)) return record;
      const winner = await this.lookup(record.key);
      // Without one, the record in the way had lost its blobs and was set aside just now.
      if (winner) return winner;
    }
  }

  /** Sets a stage's record aside in `quarantine/`, so that the stage is computed again. */
  async invalidate(key: string): Promise<void> {
    const path = stagePath(key);
    const bytes = await this.bucket.get(path);
    if (bytes === null) return;
    await this.bucket.put(`quarantine/${path}`, bytes);
    await this.bucket.remove(path);
  }

  /** Writes a small JSON object that may change, such as `datasets/<name>.json`; the last writer wins. */
  async putPointer(path: string, value: unknown): Promise<void> {
    await this.bucket.put(path, Buffer.from(canonicalJson(value)));
  }

  /**
   * Reads a pointer, null where there is none.
   *
   * @throws FORMAT_UNKNOWN where the value does not fit the schema
   */
  async getPointer<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
    const bytes = await this.bucket.get(path);
    return bytes === null ? null : parse(bytes, schema, path, 'what is expected there');
  }

  /** Creates a pointer; false where there is one already, which stays as it is. */
  createPointer(path: string, value: unknown): Promise<boolean> {
    return this.bucket.create(path, Buffer.from(canonicalJson(value)));
  }

  /** Removes a pointer, if there is one. */
  removePointer(path: string): Promise<void> {
    return this.bucket.remove(path);
  }

  /** Paths of the pointers that start with `prefix`, ascending. */
  listPointers(prefix: string): Promise<string[]> {
    return this.bucket.list(prefix);
  }

  private async isStored({ kind, sha256, bytes }: Ref): Promise<boolean> {
    return !IRREPLACEABLE.has(kind) && (await this.bucket.size(blobPath(sha256))) === bytes;
  }

  /**
   * Reads an object, and removes it where it alone can't be read and can be made again. MinIO checks its disk itself and
   * answers for a damaged object with 503 or a broken connection, for ever: as long as it is listed, nothing would make it
   * again.
   */
  private async readOrDiscard<T>(
    path: string,
    read: (path: string) => Promise<T | null>,
    kind?: BlobKind,
  ): Promise<T | null | 'unreadable'> {
    for (let tries = 1; ; tries++) {
      try {
        return await read(path);
      } catch (error) {
        if (!isUnavailable(error) || !(await this.bucket.works())) throw error;
        // Only the second time in a row: an outage may have ended between the failure and the canary.
        if (tries === 1) continue;
        if (kind === undefined || !IRREPLACEABLE.has(kind)) await this.bucket.remove(path);
        return 'unreadable';
      }
    }
  }

  private async holds(refs: Ref[]): Promise<boolean> {
    for (let start = 0; start < refs.length; start += LOOKUPS) {
      const some = refs.slice(start, start + LOOKUPS);
      const sizes = await Promise.all(
        some.map(({ sha256, kind }) => this.readOrDiscard(blobPath(sha256), (path) => this.bucket.size(path), kind)),
      );
      if (some.some((each, i) => each.bytes !== sizes[i])) return false;
    }
    return true;
  }

  private async download(reference: Ref): Promise<string> {
    const path = blobPath(reference.sha256);
    const temporary = this.cache.temporaryFile();
    try {
      const found = await this.readOrDiscard(
        path,
        () => this.bucket.read(path, (stream) => writeDigesting(stream, temporary)),
        reference.kind,
      );
      if (
        IRREPLACEABLE.has(reference.kind) &&
        found !== null &&
        (found === 'unreadable' || found.sha256 !== reference.sha256)
      )
        throw storeErrors.irreplaceable(this.bucket.server, reference);
      if (found === 'unreadable') throw storeErrors.unreadable(this.bucket.server, reference);
      if (found === null) throw storeErrors.missing(this.bucket.server, reference);
      if (found.sha256 === reference.sha256) return await this.cache.adopt(temporary, found.sha256, found.bytes);
      const quarantine = `quarantine/${path}`;
      await this.bucket.putFile(quarantine, temporary, found.bytes);
      await this.bucket.remove(path);
      throw storeErrors.damaged(this.bucket.server, reference, found.sha256, quarantine);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

async function writeDigesting(stream: Readable, path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(
    stream,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(path),
  );
  return { sha256: hash.digest('hex'), bytes };
}

function parse<T>(bytes: Buffer, schema: z.ZodType<T>, place: string, expected: string): T {
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    throw storeErrors.format(place, expected, error);
  }
}
