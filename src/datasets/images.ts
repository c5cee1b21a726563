import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { extract } from 'tar-stream';
import type { DatasetManifest, ImageShape, Shard } from '../contracts/dataset.js';
import type { Store } from '../store/index.js';
import { datasetErrors } from './errors.js';

/** An image of the pool as a file. */
export interface ImageFile {
  /** Position in its shard. */
  index: number;
  /** With the dot: that of the file as it came, else `.png`. */
  extension: string;
  bytes: Buffer;
}

/**
 * Images of one pool shard as files, in the shard's order: as they came where the import kept them, else the model-sized
 * pixels as PNG. One image is in memory at a time.
 *
 * @param wanted positions in the shard
 */
export async function* imagesOf(
  store: Store,
  manifest: DatasetManifest,
  shard: Shard,
  wanted: ReadonlySet<number>,
): AsyncGenerator<ImageFile> {
  if (wanted.size === 0) return;
  yield* shard.originals
    ? fromArchive(await store.fetch(shard.originals), wanted)
    : fromPixels(await store.fetch(shard.pixels), manifest.image, wanted);
}

/** The archive's entries are the shard's images, in its order. */
async function* fromArchive(path: string, wanted: ReadonlySet<number>): AsyncGenerator<ImageFile> {
  const entries = extract();
  const source = createReadStream(path);
  source.on('error', (error) => entries.destroy(error));
  source.pipe(entries);
  try {
    let index = 0;
    let found = 0;
    for await (const entry of entries) {
      if (wanted.has(index)) {
        yield { index, extension: extname(entry.header.name), bytes: await buffer(entry) };
        if (++found === wanted.size) return;
      } else entry.resume();
      index++;
    }
  } finally {
    source.destroy();
    entries.destroy();
  }
}

async function* fromPixels(path: string, shape: ImageShape, wanted: ReadonlySet<number>): AsyncGenerator<ImageFile> {
  const size = shape.height * shape.width * shape.channels;
  const file = await open(path);
  try {
    for (const index of [...wanted].sort((a, b) => a - b)) {
      const pixels = Buffer.alloc(size);
      const { bytesRead } = await file.read(pixels, 0, size, index * size);
      if (bytesRead < size) throw datasetErrors.fileBroken(path, `has no image ${index}`);
      yield { index, extension: '.png', bytes: await pngOf(pixels, shape) };
    }
  } finally {
    await file.close();
  }
}

/** Model-sized pixels as PNG. */
const pngOf = (pixels: Uint8Array, { height, width, channels }: ImageShape): Promise<Buffer> =>
  sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
