import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { RandomStream } from '../../src/contracts/random.js';

export interface TestImage {
  width?: number;
  height?: number;
  channels?: 1 | 3;
  format?: 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff';
}

/** Raw noise, another one for every seed: no two images have the same content. */
export function noise(seed: number, width = 16, height = 16, channels = 1): Uint8Array {
  const stream = new RandomStream([seed, 77]);
  return Uint8Array.from({ length: width * height * channels }, () => stream.integer(256));
}

/** An image file's bytes. */
export function image(seed: number, { width = 16, height = 16, channels = 1, format = 'png' }: TestImage = {}) {
  const pixels = sharp(noise(seed, width, height, channels), { raw: { width, height, channels } });
  return (channels === 1 ? pixels.toColourspace('b-w') : pixels).toFormat(format).toBuffer();
}

/** Writes files below `root`: content by relative path. */
export async function writeTree(root: string, files: Record<string, Uint8Array | string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

/** An IDX file of unsigned bytes. */
export function idx(dimensions: readonly number[], bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.writeUInt32BE(0x800 + dimensions.length, 0);
  dimensions.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
  return Buffer.concat([header, bytes]);
}
