import { open } from 'node:fs/promises';
import sharp from 'sharp';
import { shardAt } from '../contracts/dataset.js';
import type { DatasetManifest, SplitName } from '../contracts/dataset.js';
import { readColumns, tables } from '../store/index.js';
import type { Store } from '../store/index.js';

/** The model-sized picture at a position of a split; null past its end. */
export async function pngAt(
  store: Store,
  { image: { height, width, channels }, shards }: DatasetManifest,
  split: SplitName,
  position: number,
): Promise<Uint8Array | null> {
  const shard = shardAt(shards[split], position);
  if (!shard) return null;
  const size = height * width * channels;
  const file = await open(await store.fetch(shard.pixels));
  const pixels = Buffer.alloc(size);
  await file.read(pixels, 0, size, (position - shard.offset) * size).finally(() => file.close());
  return sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
}

/** Where images are, by id. What was found in an earlier split is not looked for in a later one. */
export async function placesOf(
  store: Store,
  { shards }: DatasetManifest,
  ids: Iterable<string>,
): Promise<Map<string, { split: SplitName; position: number }>> {
  const wanted = new Set(ids);
  const found = new Map<string, { split: SplitName; position: number }>();
  for (const split of ['labelled', 'pool'] as const)
    for (const shard of shards[split]) {
      if (found.size === wanted.size) return found;
      let position = shard.offset;
      for await (const rows of readColumns(tables.items, await store.fetch(shard.items), ['id']))
        for (const { id } of rows) {
          if (wanted.has(id) && !found.has(id)) found.set(id, { split, position });
          position++;
        }
    }
  return found;
}
