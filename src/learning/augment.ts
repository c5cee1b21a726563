import { deriveSeed, RandomStream } from '../contracts/random.js';
import type { ImageShape } from '../contracts/dataset.js';
import type { Recipe, SeedPair } from '../contracts/learner.js';
import type { Backend, Tensor4D } from './backend.js';

/** How one image is moved, and the rectangle that is erased from it, all in pixels and radians. */
export interface Distortion {
  shiftX: number;
  shiftY: number;
  angle: number;
  scale: number;
  /** [top, left, height, width], or null: nothing is erased. */
  erased: [number, number, number, number] | null;
}

/** Share of an image's area that random erasing takes (Zhong et al. 2017 take 2 to 40 %; small objects don't survive 40). */
const ERASED_AREA: [number, number] = [0.02, 0.15];

/** The distortions of one training step, a function of (seed, step); one an image. */
export function drawDistortions(
  { augment }: Pick<Recipe, 'augment'>,
  { height, width }: ImageShape,
  n: number,
  seed: Readonly<SeedPair>,
  step: number,
): Distortion[] {
  const random = new RandomStream(deriveSeed(seed, 'augment', step));
  const symmetric = (limit: number): number => (2 * random.uniform() - 1) * limit;
  return Array.from({ length: n }, () => ({
    shiftX: symmetric(augment.shift * width),
    shiftY: symmetric(augment.shift * height),
    angle: symmetric((augment.rotation * Math.PI) / 180),
    scale: 1 + symmetric(augment.scale),
    erased: random.uniform() < augment.erase ? drawRectangle(random, height, width) : null,
  }));
}

function drawRectangle(random: RandomStream, height: number, width: number): [number, number, number, number] {
  const area = (ERASED_AREA[0] + random.uniform() * (ERASED_AREA[1] - ERASED_AREA[0])) * height * width;
  const ratio = Math.exp((2 * random.uniform() - 1) * Math.log(2));
  const h = Math.max(1, Math.min(height, Math.round(Math.sqrt(area * ratio))));
  const w = Math.max(1, Math.min(width, Math.round(Math.sqrt(area / ratio))));
  return [random.integer(height - h + 1), random.integer(width - w + 1), h, w];
}

/**
 * Erases, then moves all images of a batch by one native op: bilinear, the border continued by reflection, since a
 * constant would show the network where the edge was. tfjs's own `image.transform` has no kernel on this backend.
 *
 * @param images standardised pixels, [n, height, width, channels]; erased in place
 * @returns [n, height, width, channels]
 */
export function distort(
  { tf, op }: Backend,
  images: Float32Array,
  { height, width, channels }: ImageShape,
  distortions: readonly Distortion[],
): Tensor4D {
  const n = distortions.length;
  const transforms = new Float32Array(n * 8);
  distortions.forEach((distortion, i) => {
    erase(images, i, height, width, channels, distortion.erased);
    transforms.set(inverseTransform(distortion, height, width), i * 8);
  });
  return tf.tidy(() =>
    op<Tensor4D>(
      'ImageProjectiveTransformV3',
      { dtype: { type: 'float32' }, interpolation: { text: 'BILINEAR' }, fill_mode: { text: 'REFLECT' } },
      [
        tf.tensor4d(images, [n, height, width, channels]),
        tf.tensor2d(transforms, [n, 8]),
        tf.tensor1d([height, width], 'int32'),
        tf.scalar(0),
      ],
    ),
  );
}

/** 0 is the mean of a standardised image: what is erased says nothing. */
function erase(
  images: Float32Array,
  index: number,
  height: number,
  width: number,
  channels: number,
  rectangle: Distortion['erased'],
): void {
  if (rectangle === null) return;
  const [top, left, h, w] = rectangle;
  for (let y = top; y < top + h; y++) {
    const start = ((index * height + y) * width + left) * channels;
    images.fill(0, start, start + w * channels);
  }
}

/** Where a pixel of the result comes from: scale and rotation about the middle, then the shift; 8 numbers as the op wants. */
function inverseTransform({ shiftX, shiftY, angle, scale }: Distortion, height: number, width: number): number[] {
  const cos = Math.cos(angle) / scale;
  const sin = Math.sin(angle) / scale;
  const middleX = (width - 1) / 2;
  const middleY = (height - 1) / 2;
  return [
    cos,
    -sin,
    middleX - cos * (middleX + shiftX) + sin * (middleY + shiftY),
    sin,
    cos,
    middleY - sin * (middleX + shiftX) - cos * (middleY + shiftY),
    0,
    0,
  ];
}
