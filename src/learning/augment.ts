import { andThen, IDENTITY, MIRROR, projective, rotation, scaling, translation } from './affine.js';
import { standardisedFloats } from './pixels.js';
import { drawOperations, neutralTones, TONE_WIDTH, tones } from './randaugment.js';
import type { ImageShape } from '../contracts/dataset.js';
import type { DistortionLimits, Recipe } from '../contracts/learner.js';
import type { RandomStream } from '../contracts/random.js';
import type { Affine } from './affine.js';
import type { Backend, Tensor2D, Tensor4D } from './backend.js';

/** How images are changed: a small distortion, RandAugment on top, both, or nothing. */
export type Augmentation = Pick<Recipe, 'weak' | 'strong'>;

/** A rectangle in pixels; an empty one erases nothing. */
type Rectangle = [top: number, left: number, bottom: number, right: number];

/** Numbers of an image's view: a projective transform, the erased rectangle, the tones. */
const TRANSFORM_WIDTH = 8;
const RECTANGLE_WIDTH = 4;
export const VIEW_WIDTH = TRANSFORM_WIDTH + RECTANGLE_WIDTH + TONE_WIDTH;

/**
 * Share of an image's area that random erasing takes, at most; Zhong et al. 2017 (arXiv 1708.04896) go from 2 to 40 %,
 * which small objects don't survive. FixMatch's strong view loses up to a quarter: a square of half a side.
 */
const ERASED_LEAST = 0.02;
const ERASED_MOST = { weak: 0.15, strong: 0.25 };

/** How one image is changed, [VIEW_WIDTH]; what is drawn depends on `random` alone. */
export function drawView({ weak, strong }: Augmentation, image: ImageShape, random: RandomStream): number[] {
  const { height, width } = image;
  const { move, tones: strengths } = strong
    ? drawOperations(strong, image, random)
    : { move: IDENTITY, tones: neutralTones() };
  const distorted = weak ? drawDistortion(weak, image, random) : IDENTITY;
  let erased: Rectangle = [0, 0, 0, 0];
  if (strong) erased = drawRectangle(ERASED_MOST.strong * strong.magnitude, height, width, random);
  else if (weak && random.uniform() < weak.erase) erased = drawRectangle(ERASED_MOST.weak, height, width, random);
  return [...projective(andThen(distorted, move), height, width), ...erased, ...strengths];
}

/** Views of n images one after the other, [n, VIEW_WIDTH]. */
export function drawViews(
  augmentation: Augmentation,
  image: ImageShape,
  n: number,
  random: RandomStream,
): Float32Array {
  const views = new Float32Array(n * VIEW_WIDTH);
  for (let i = 0; i < n; i++) views.set(drawView(augmentation, image, random), i * VIEW_WIDTH);
  return views;
}

function drawDistortion(limits: DistortionLimits, { height, width }: ImageShape, random: RandomStream): Affine {
  const symmetric = (limit: number): number => (2 * random.uniform() - 1) * limit;
  // Shifts alone go by whole pixels: between them the picture would be blurred as no picture of the pool is.
  const whole = limits.rotation === 0 && limits.scale === 0;
  const shift = (side: number): number => {
    const pixels = symmetric(limits.shift * side);
    return whole ? Math.round(pixels) : pixels;
  };
  const moves = [
    rotation(symmetric((limits.rotation * Math.PI) / 180)),
    scaling(1 + symmetric(limits.scale)),
    translation(shift(width), shift(height)),
  ];
  return moves.reduce(andThen, random.uniform() < limits.flip ? MIRROR : IDENTITY);
}

function drawRectangle(most: number, height: number, width: number, random: RandomStream): Rectangle {
  const area = (ERASED_LEAST + random.uniform() * Math.max(0, most - ERASED_LEAST)) * height * width;
  const ratio = Math.exp((2 * random.uniform() - 1) * Math.log(2));
  const h = Math.max(1, Math.min(height, Math.round(Math.sqrt(area * ratio))));
  const w = Math.max(1, Math.min(width, Math.round(Math.sqrt(area / ratio))));
  const top = random.integer(height - h + 1);
  const left = random.integer(width - w + 1);
  return [top, left, top + h, left + w];
}

/** Whether images are changed at all: if not, `view` takes no views. */
export const changes = ({ weak, strong }: Augmentation): boolean => weak !== null || strong !== null;

/**
 * Images as a network takes them: changed in their tones, moved, standardised, erased. What moves into the picture
 * mirrors its border, since a constant would show the network where the edge was.
 *
 * @param pixels 0 to 255, [n, height, width, channels]
 * @param views [n, VIEW_WIDTH], or null: standardised alone
 */
export function view(
  backend: Backend,
  pixels: Tensor4D,
  views: Tensor2D | null,
  { weak, strong }: Augmentation,
): Tensor4D {
  if (views === null) return standardisedFloats(backend, pixels);
  const { tf, op } = backend;
  const [, height, width] = pixels.shape;
  const [transforms, rectangles, strengths] = tf.split(views, [TRANSFORM_WIDTH, RECTANGLE_WIDTH, TONE_WIDTH], 1) as [
    Tensor2D,
    Tensor2D,
    Tensor2D,
  ];
  const toned = strong ? tones(backend, pixels, strengths) : pixels;
  // tfjs's own image.transform has no kernel on this backend.
  const moved = op<Tensor4D>(
    'ImageProjectiveTransformV3',
    { dtype: { type: 'float32' }, interpolation: { text: 'BILINEAR' }, fill_mode: { text: 'REFLECT' } },
    [toned, transforms, tf.tensor1d([height, width], 'int32'), tf.scalar(0)],
  );
  const x = standardisedFloats(backend, moved);
  return strong || (weak?.erase ?? 0) > 0 ? erase(backend, x, rectangles) : x;
}

/** Sets a rectangle an image to 0, the mean of a standardised one: what is erased says nothing. */
function erase({ tf }: Backend, x: Tensor4D, rectangles: Tensor2D): Tensor4D {
  const [, height, width] = x.shape;
  const [top, left, bottom, right] = tf
    .split(rectangles, RECTANGLE_WIDTH, 1)
    .map((side) => side.reshape([-1, 1, 1, 1]));
  const inside = (from: typeof top, to: typeof top, places: Tensor4D) =>
    tf.cast(tf.logicalAnd(tf.greaterEqual(places, from!), tf.less(places, to!)), 'float32');
  const rows = inside(top, bottom, tf.range(0, height).reshape([1, height, 1, 1]));
  const columns = inside(left, right, tf.range(0, width).reshape([1, 1, width, 1]));
  return tf.mul(x, tf.sub(1, tf.mul(rows, columns)));
}
