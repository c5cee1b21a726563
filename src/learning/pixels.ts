import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { learningErrors } from './errors.js';
import type { ImageShape } from '../contracts/dataset.js';
import type { Backend, Tensor, Tensor4D } from './backend.js';

/** Bytes of one image. */
export const imageSize = ({ height, width, channels }: ImageShape): number => height * width * channels;

/** Pixel files (uint8, [count, height, width, channels]) of which single images are read by position. */
export class PixelFiles {
  private readonly files: { path: string; descriptor: number; count: number }[] = [];
  private readonly size: number;

  /** @throws SHAPE_MISMATCH where a file is not a whole number of images */
  constructor(paths: readonly string[], image: ImageShape) {
    this.size = imageSize(image);
    try {
      for (const path of paths) {
        const descriptor = openSync(path, 'r');
        const bytes = fstatSync(descriptor).size;
        this.files.push({ path, descriptor, count: bytes / this.size });
        if (bytes % this.size !== 0) throw learningErrors.pixelFile(path, bytes, image);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Number of images in file `shard`. */
  count(shard: number): number {
    return this.files[shard]?.count ?? 0;
  }

  /** Reads `count` consecutive images from `row` of file `shard` into `target`, which has room for them. */
  read(shard: number, row: number, target: Uint8Array, count = 1): void {
    const file = this.files[shard];
    const wanted = count * this.size;
    if (file === undefined || readSync(file.descriptor, target, 0, wanted, row * this.size) !== wanted)
      throw new RangeError(`rows ${row} to ${row + count} of pixel file ${shard} (${file?.path}) are not there`);
  }

  close(): void {
    for (const file of this.files.splice(0)) closeSync(file.descriptor);
  }
}

/**
 * Standardises each image: (x - mean) / max(std, 1 / sqrt(size)), pixels in 0 to 1, over all of its pixels and channels.
 * Chosen over plain scaling since it needs no statistics of the dataset and takes brightness and contrast out, which
 * differ between the sources of a pool; the floor keeps the noise of a blank image small.
 *
 * @param pixels uint8, [n, size]
 * @returns float32, [n, size]
 */
export function standardise(pixels: Uint8Array, size: number): Float32Array {
  const result = new Float32Array(pixels.length);
  const floor = 255 / Math.sqrt(size);
  for (let start = 0; start < pixels.length; start += size) {
    let sum = 0;
    let square = 0;
    for (let i = start; i < start + size; i++) {
      const value = pixels[i] as number;
      sum += value;
      square += value * value;
    }
    const mean = sum / size;
    const scale = 1 / Math.max(Math.sqrt(Math.max(square / size - mean * mean, 0)), floor);
    for (let i = start; i < start + size; i++) result[i] = ((pixels[i] as number) - mean) * scale;
  }
  return result;
}

/** Bytes as numbers, 0 to 255; `pixels` is uint8, which tfjs calls int32. */
export const floatPixels = ({ op }: Backend, pixels: Tensor): Tensor4D =>
  op('Cast', { SrcT: { type: 'uint8' }, DstT: { type: 'float32' } }, [pixels]);

/**
 * The same as an op on the device.
 *
 * @param pixels uint8, [n, height, width, channels]; tfjs calls it int32
 * @returns float32, [n, height, width, channels]
 */
export const standardised = (backend: Backend, pixels: Tensor): Tensor4D =>
  standardisedFloats(backend, floatPixels(backend, pixels));

/** The same of pixels that are numbers already, 0 to 255. */
export function standardisedFloats({ tf }: Backend, pixels: Tensor4D): Tensor4D {
  const axes = [1, 2, 3];
  const floor = 255 ** 2 / (pixels.size / pixels.shape[0]);
  const centred = tf.sub(pixels, tf.mean(pixels, axes, true));
  const variance = tf.mean(tf.square(centred), axes, true);
  return tf.mul(centred, tf.rsqrt(tf.maximum(variance, floor)));
}
