/**
 * Where a pixel of the result comes from, (x, y) -> (a x + b y + c, d x + e y + f), in pixels from the picture's middle:
 * the inverse of how the picture moves.
 */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

export const IDENTITY: Affine = [1, 0, 0, 0, 1, 0];

/** First `before`, then `after` moves the picture. */
export function andThen(before: Affine, after: Affine): Affine {
  const [a, b, c, d, e, f] = before;
  const [p, q, r, s, t, u] = after;
  return [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f];
}

/** Moves the picture right and down. */
export const translation = (x: number, y: number): Affine => [1, 0, -x, 0, 1, -y];

/** Turns the picture by `angle` radians about its middle, x towards y. */
export const rotation = (angle: number): Affine => {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [cos, sin, 0, -sin, cos, 0];
};

/** Enlarges the picture about its middle. */
export const scaling = (factor: number): Affine => [1 / factor, 0, 0, 0, 1 / factor, 0];

/** Slants the picture: what is one pixel below the middle moves x right, what is one right of it moves y down. */
export const shear = (x: number, y: number): Affine => [1, -x, 0, -y, 1, 0];

/** Swaps left and right. */
export const MIRROR: Affine = [-1, 0, 0, 0, 1, 0];

/** The eight numbers that TensorFlow's projective transform takes: about the corner pixel instead of the middle. */
export function projective([a, b, c, d, e, f]: Affine, height: number, width: number): number[] {
  const x = (width - 1) / 2;
  const y = (height - 1) / 2;
  return [a, b, c + x - a * x - b * y, d, e, f + y - d * x - e * y, 0, 0];
}
