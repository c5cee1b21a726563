import { open } from 'node:fs/promises';
import sharp from 'sharp';
import { shardAt } from '../contracts/dataset.js';
import type { DatasetManifest, SplitName } from '../contracts/dataset.js';
import type { Store } from '../store/index.js';

/** One image of a split as PNG; undefined beyond the last. */
export async function pngAt(
  store: Store,
  manifest: DatasetManifest,
  split: SplitName,
  position: number,
): Promise<Uint8Array | undefined> {
  const { height, width, channels } = manifest.image;
  const size = height * width * channels;
  const shard = shardAt(manifest.shards[split], position);
  if (!shard) return undefined;
  const file = await open(await store.fetch(shard.pixels));
  const pixels = Buffer.alloc(size);
  await file.read(pixels, 0, size, (position - shard.offset) * size).finally(() => file.close());
  return sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
}
