import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { shardAt } from '../contracts/dataset.js';
import type { DatasetManifest, ImageShape, Shard } from '../contracts/dataset.js';
import { problem } from '../contracts/errors.js';
import type { ItemRow } from '../contracts/tables.js';
import { decodeTable, tables } from '../store/index.js';
import type { Store } from '../store/index.js';

/** An image as a page shows it. */
export interface QuestionImage {
  id: string;
  /** The file as it was imported; null where the pixels are the original. */
  original: { bytes: Uint8Array; extension: string } | null;
  /** What the model sees: uint8, [height, width, channels]. */
  pixels: Uint8Array;
  shape: ImageShape;
}

/** Where an original's bytes lie in its archive. */
interface Place {
  offset: number;
  size: number;
  extension: string;
}

const BLOCK = 512;

/** Images of a dataset's pool, one at a time: what is next to one that was shown is at hand. */
export class PoolImages {
  private readonly items = new Map<string, Promise<ItemRow[]>>();
  private readonly archives = new Map<string, Promise<Map<string, Place>>>();

  constructor(
    private readonly store: Store,
    readonly manifest: DatasetManifest,
  ) {}

  /** Where an image of the pool is, and how it is called. */
  async find(position: number): Promise<{ shard: number; index: number; name: string }> {
    const shard = shardAt(this.manifest.shards.pool, position);
    if (!shard) throw problem('SHAPE_MISMATCH', `the pool of '${this.manifest.name}' has no image ${position}.`);
    const index = position - shard.offset;
    return { shard: shard.index, index, name: (await this.itemsOf(shard))[index]?.name ?? '' };
  }

  async read({ id, shard: number, index }: { id: string; shard: number; index: number }): Promise<QuestionImage> {
    const shard = this.manifest.shards.pool[number];
    if (!shard || (await this.itemsOf(shard))[index]?.id !== id)
      throw problem('AUDIT_INVALID', `There is no image '${id}' at that place. Ask for the next images again.`);
    const shape = this.manifest.image;
    const size = shape.height * shape.width * shape.channels;
    return {
      id,
      original: await this.original(shard, id),
      pixels: await slice(await this.store.fetch(shard.pixels), index * size, size),
      shape,
    };
  }

  private itemsOf(shard: Shard): Promise<ItemRow[]> {
    return remembered(this.items, shard.items.sha256, async () =>
      decodeTable(tables.items, await this.store.readBytes(shard.items)),
    );
  }

  private async original(shard: Shard, id: string): Promise<QuestionImage['original']> {
    const { originals } = shard;
    if (originals === null) return null;
    const path = await this.store.fetch(originals);
    const place = (await remembered(this.archives, originals.sha256, () => indexOf(path))).get(id);
    if (!place) return null;
    return { bytes: await slice(path, place.offset, place.size), extension: place.extension };
  }
}

/** Shards whose tables are kept: a queue of questions comes from all over the pool. */
const KEPT = 64;

function remembered<T>(kept: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> {
  const known = kept.get(key);
  if (known) return known;
  const reading = read();
  kept.set(key, reading);
  reading.catch(() => kept.delete(key));
  if (kept.size > KEPT) kept.delete(kept.keys().next().value as string);
  return reading;
}

async function slice(path: string, offset: number, size: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    return await bytesAt(file, offset, size);
  } finally {
    await file.close();
  }
}

async function bytesAt(file: FileHandle, offset: number, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await file.read(bytes, 0, size, offset);
  return bytes.subarray(0, bytesRead);
}

/** The members of a tar by id (`<id>.<extension>`), by its headers alone; names as short as these need no further header. */
async function indexOf(path: string): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  const file = await open(path, 'r');
  try {
    for (let offset = 0; ;) {
      const header = await bytesAt(file, offset, BLOCK);
      const name = header.toString('utf8', 0, 100).replace(/\0.*$/s, '');
      if (header.length < BLOCK || name === '') return places;
      const size = Number.parseInt(header.toString('ascii', 124, 136), 8);
      const [id = '', extension = ''] = name.split('.');
      places.set(id, { offset: offset + BLOCK, size, extension });
      offset += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    }
  } finally {
    await file.close();
  }
}
