import { createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Shard } from '../contracts/dataset.js';
import { encodeTable, tables, type Store } from '../store/index.js';
import { idOf, type Item } from './collect.js';
import { datasetErrors } from './errors.js';
import type { Spool } from './spool.js';

/** Tar entries carry no time, owner or right of this machine: equal files give an equal archive. */
const TAR_HEADER = { mtime: new Date(0), mode: 0o644, uid: 0, gid: 0 };

/** Cuts a split into shards and stores them; one shard's pixels are in memory at a time. */
export async function storeShards(
  store: Store,
  items: readonly Item[],
  spool: Spool,
  folder: string,
  shardSize: number,
  onShard: (images: number) => void,
): Promise<Shard[]> {
  const shards: Shard[] = [];
  for (let offset = 0; offset < items.length; offset += shardSize) {
    const some = items.slice(offset, offset + shardSize);
    const pixels = spool.read(some.map((item) => item.position));
    shards.push({
      index: shards.length,
      offset,
      count: some.length,
      pixels: await store.putBytes('pixels/1', pixels),
      items: await store.putBytes('items/1', encodeTable(tables.items, some)),
      originals: await storeOriginals(store, some, folder),
    });
    onShard(some.length);
  }
  return shards;
}

/** The files as they came, as a WebDataset tar: `<id>.<extension>`. */
async function storeOriginals(store: Store, items: readonly Item[], folder: string): Promise<Shard['originals']> {
  if (items.some((item) => item.path === null)) return null;
  const path = join(folder, 'originals.tar');
  const archive = pack();
  const written = pipeline(archive as unknown as AsyncIterable<Uint8Array>, createWriteStream(path));
  const fill = async () => {
    for (const item of items) {
      const file = item.path as string;
      const bytes = await readFile(file);
      if (idOf(bytes) !== item.id) throw datasetErrors.imageChanged(file);
      const name = `${item.id}${extname(file).toLowerCase()}`;
      await new Promise<void>((done, fail) =>
        archive.entry({ ...TAR_HEADER, name }, bytes, (error) => (error ? fail(error) : done())),
      );
    }
    archive.finalize();
  };
  try {
    await Promise.all([written, fill().catch((error: unknown) => archive.destroy(error as Error))]);
    return await store.putFile('originals/1', path);
  } finally {
    await rm(path, { force: true });
  }
}
