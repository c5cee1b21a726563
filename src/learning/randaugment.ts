import { andThen, IDENTITY, rotation, shear, translation } from './affine.js';
import type { ImageShape } from '../contracts/dataset.js';
import type { Recipe } from '../contracts/learner.js';
import type { RandomStream } from '../contracts/random.js';
import type { Affine } from './affine.js';
import type { Backend, Tensor2D, Tensor4D } from './backend.js';

/**
 * RandAugment: a few operations an image, drawn from a list, each up to a magnitude.
 *
 * Deviations: an image gets each operation once at most, the tones in a fixed order before the picture is moved, so that
 * a batch goes through one graph with a strength an image. Autocontrast is left out since standardisation undoes it, and
 * equalisation since it takes a histogram an image.
 *
 * Source: Cubuk et al. 2019, arXiv 1909.13719; ranges as in FixMatch, Sohn et al. 2020, arXiv 2001.07685, table 12.
 */

/** What changes an image's values, in the order in which it does; the number leaves an image as it is. */
const NEUTRAL = { posterise: 1, solarise: 256, contrast: 1, brightness: 1, saturation: 1, sharpness: 1 };
type Tone = keyof typeof NEUTRAL;
const TONES = Object.keys(NEUTRAL) as Tone[];
/** Numbers that `tones` takes an image. */
export const TONE_WIDTH = TONES.length;
export const neutralTones = (): number[] => Object.values(NEUTRAL);

const blend = (level: number): number => 1 + 0.9 * level;
/** Strength of a tone at a level in -1 to 1. */
const STRENGTH: Record<Tone, (level: number) => number> = {
  /** Width of a step of grey: 8 down to 4 bits. */
  posterise: (level) => 2 ** Math.round(4 * Math.abs(level)),
  /** Values from there on are inverted. */
  solarise: (level) => 256 * (1 - Math.abs(level)),
  contrast: blend,
  brightness: blend,
  saturation: blend,
  sharpness: blend,
};

const MOVES: Record<string, (level: number, image: ImageShape) => Affine> = {
  rotate: (level) => rotation((level * 30 * Math.PI) / 180),
  shearX: (level) => shear(0.3 * level, 0),
  shearY: (level) => shear(0, 0.3 * level),
  translateX: (level, { width }) => translation(0.3 * level * width, 0),
  translateY: (level, { height }) => translation(0, 0.3 * level * height),
};

const operationsFor = ({ channels }: ImageShape): string[] => [
  'identity',
  ...Object.keys(MOVES),
  ...TONES.filter((tone) => tone !== 'saturation' || channels === 3),
];

/** What one image's operations do: how it moves, and its tones, [TONE_WIDTH]. */
export function drawOperations(
  { operations, magnitude }: NonNullable<Recipe['strong']>,
  image: ImageShape,
  random: RandomStream,
): { move: Affine; tones: number[] } {
  let move = IDENTITY;
  const tones = neutralTones();
  const left = operationsFor(image);
  for (let i = 0; i < operations && left.length > 0; i++) {
    const [name] = left.splice(random.integer(left.length), 1) as [string];
    const level = magnitude * (2 * random.uniform() - 1);
    const tone = TONES.indexOf(name as Tone);
    if (tone >= 0) tones[tone] = STRENGTH[name as Tone](level);
    else if (name !== 'identity') move = andThen(move, (MOVES[name] as (typeof MOVES)[string])(level, image));
  }
  return { move, tones };
}

/**
 * @param pixels 0 to 255, [n, height, width, channels]
 * @param strengths [n, TONE_WIDTH]
 * @returns 0 to 255, [n, height, width, channels]
 */
export function tones({ tf }: Backend, pixels: Tensor4D, strengths: Tensor2D): Tensor4D {
  const columns = tf.split(strengths, TONE_WIDTH, 1).map((column) => column.reshape<Tensor4D>([-1, 1, 1, 1]));
  const of = (tone: Tone): Tensor4D => columns[TONES.indexOf(tone)] as Tensor4D;
  let x: Tensor4D = tf.mul(tf.floor(tf.div(pixels, of('posterise'))), of('posterise'));
  x = tf.where(tf.greaterEqual(x, of('solarise')), tf.sub(255, x), x);
  // Contrast keeps the mean, brightness scales from black: one product and one sum of both.
  const mean = tf.mean(x, [1, 2, 3], true);
  x = tf.add(
    tf.mul(x, tf.mul(of('contrast'), of('brightness'))),
    tf.mul(tf.mul(mean, tf.sub(1, of('contrast'))), of('brightness')),
  );
  if (pixels.shape[3] === 3) {
    const grey = tf.mean(x, 3, true);
    x = tf.add(grey, tf.mul(tf.sub(x, grey), of('saturation')));
  }
  const blurred = tf.avgPool(x, 3, 1, 'same');
  x = tf.add(blurred, tf.mul(tf.sub(x, blurred), of('sharpness')));
  return tf.clipByValue(x, 0, 255);
}
