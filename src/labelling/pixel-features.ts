import { RandomStream } from '../contracts/random.js';
import type { ImageShape } from '../contracts/dataset.js';
import type { SeedPair } from '../contracts/learner.js';

/** Cells a side that an image is averaged over: coarse enough to see the scene and not the grain. */
const CELLS = 14;
/** Random directions that the averages are seen from. */
const DIRECTIONS = 32;
/** Per image: brightness, contrast, and mean steps between neighbours along both axes, which blur, noise and coding change. */
const SUMMARIES = 4;

/**
 * What an image looks like, without a model: random projections of the averages over a grid, brightness, contrast and
 * sharpness. No training has a hand in them, so images of one law have features of one law, whatever was trained on.
 *
 * Source of the projections: Johnson and Lindenstrauss 1984; distances survive them.
 */
export class PixelFeatures {
  /** Numbers an image. */
  readonly width = DIRECTIONS + SUMMARIES;
  private readonly rows: number;
  private readonly columns: number;
  /** [DIRECTIONS, rows * columns * channels] */
  private readonly directions: Float64Array;

  constructor(
    private readonly image: ImageShape,
    seed: Readonly<SeedPair>,
  ) {
    this.rows = Math.min(CELLS, image.height);
    this.columns = Math.min(CELLS, image.width);
    const random = new RandomStream(seed);
    const cells = this.rows * this.columns * image.channels;
    this.directions = Float64Array.from({ length: DIRECTIONS * cells }, () => random.normal() / Math.sqrt(cells));
  }

  /** @param pixels [height, width, channels] of one image, 0 to 255 */
  of(pixels: Uint8Array): Float32Array {
    const cells = this.averages(pixels, this.image.channels);
    const features = new Float32Array(this.width);
    for (let d = 0; d < DIRECTIONS; d++) {
      let dot = 0;
      for (let c = 0; c < cells.length; c++)
        dot += (cells[c] as number) * (this.directions[d * cells.length + c] as number);
      features[d] = dot;
    }
    features.set(this.summaries(pixels), DIRECTIONS);
    return features;
  }

  /** Grey averages over the grid. */
  grey(pixels: Uint8Array): Float32Array {
    return Float32Array.from(this.averages(pixels, 1));
  }

  /** @param layers the image's channels, or 1 to average over them too */
  private averages(pixels: Uint8Array, layers: number): Float64Array {
    const { height, width, channels } = this.image;
    const sums = new Float64Array(this.rows * this.columns * layers);
    const counts = new Float64Array(sums.length);
    for (let y = 0, i = 0; y < height; y++) {
      const row = Math.floor((y * this.rows) / height);
      for (let x = 0; x < width; x++) {
        const cell = (row * this.columns + Math.floor((x * this.columns) / width)) * layers;
        for (let c = 0; c < channels; c++, i++) {
          const at = cell + (c % layers);
          sums[at]! += pixels[i] as number;
          counts[at]! += 1;
        }
      }
    }
    return sums.map((sum, cell) => sum / (counts[cell] as number));
  }

  private summaries(pixels: Uint8Array): [number, number, number, number] {
    const { height, width, channels } = this.image;
    const stride = width * channels;
    let [sum, squares, across, down] = [0, 0, 0, 0];
    for (let i = 0; i < pixels.length; i++) {
      const value = pixels[i] as number;
      sum += value;
      squares += value * value;
      if (i % stride >= channels) across += Math.abs(value - (pixels[i - channels] as number));
      if (i >= stride) down += Math.abs(value - (pixels[i - stride] as number));
    }
    const mean = sum / pixels.length;
    const contrast = Math.sqrt(Math.max(0, squares / pixels.length - mean * mean));
    return [mean, contrast, across / (height * (width - 1) * channels), down / ((height - 1) * width * channels)];
  }
}
