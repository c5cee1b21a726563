import sharp, { type Sharp } from 'sharp';
import type { ImageShape } from '../contracts/dataset.js';
import type { Content } from './source.js';

// Every image is read once: libvips' cache of operations would only hold memory.
sharp.cache(false);

const BLACK = { r: 0, g: 0, b: 0 };
const WHITE = { r: 255, g: 255, b: 255 };

/** Colour shows at this size too, and JPEG files decode straight to it. */
const LOOK = 64;

/**
 * An image as the model sees it: turned as its EXIF says, on black where it is transparent, its aspect kept by black bars,
 * resampled (Lanczos 3) only where its size is another.
 *
 * @param input the file's bytes, or raw grey pixels
 * @param negative white becomes black, and what is added to the image is black all the same
 * @returns uint8, [height, width, channels]
 */
export async function decodeImage(input: Buffer | Content, shape: ImageShape, negative = false): Promise<Uint8Array> {
  const pixels = await decodePositive(input, shape, negative ? WHITE : BLACK);
  return negative ? pixels.map((value) => 255 - value) : pixels;
}

async function decodePositive(input: Buffer | Content, shape: ImageShape, background: Colour): Promise<Uint8Array> {
  const { width, height, channels } = shape;
  const resized = open(input, background).resize({ width, height, fit: 'contain', background });
  const coloured = channels === 1 ? resized.greyscale().toColourspace('b-w') : resized.toColourspace('srgb');
  const { data, info } = await coloured.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  if (info.channels === channels) return data;
  if (info.channels !== 1) throw new Error(`${info.channels} channels`);
  // A grey image stays grey in libvips, whatever colour space is asked for.
  const spread = new Uint8Array(data.length * channels);
  for (let i = 0; i < spread.length; i++) spread[i] = data[Math.floor(i / channels)] as number;
  return spread;
}

/** Size in pixels, as it is seen, and whether every pixel is grey. */
export async function lookAt(input: Buffer | Content): Promise<{ width: number; height: number; grey: boolean }> {
  const { autoOrient } = await open(input).metadata();
  const small = open(input).resize({ width: LOOK, height: LOOK, fit: 'inside', withoutEnlargement: true });
  const { data, info } = await small
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { ...autoOrient, grey: info.channels < 3 || isGrey(data) };
}

type Colour = typeof BLACK;

function open(input: Buffer | Content, background: Colour = BLACK): Sharp {
  if ('pixels' in input) {
    const { pixels, width, height } = input;
    return sharp(pixels, { raw: { width, height, channels: 1 } });
  }
  // 'error' refuses truncated files too, and accepts those whose metadata alone is odd.
  const options = { failOn: 'error' } as const;
  return sharp(Buffer.isBuffer(input) ? input : input.path, options)
    .autoOrient()
    .flatten({ background });
}

function isGrey(rgb: Uint8Array): boolean {
  for (let i = 0; i < rgb.length; i += 3) if (rgb[i] !== rgb[i + 1] || rgb[i] !== rgb[i + 2]) return false;
  return true;
}
