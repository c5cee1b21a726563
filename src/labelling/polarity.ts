import type { Features } from './two-sample.js';

/** Share of the images that go with the known images' mean on the known side, and against it on the other. */
const PLAIN = 0.75;

/** Shares of the images that are bright where the known images' mean is bright. */
export interface Polarity {
  known: number;
  seen: number;
}

/**
 * Whether new images look like negatives of the known ones: objects that are bright on a dark ground there, dark on a bright
 * one here. Null where they don't.
 *
 * Each image's averages over a grid are correlated with the known images' mean; neither brightness nor contrast has a part in
 * the sign. Where at least three quarters of the known images go with their mean and of the new ones against it, these are called
 * negatives. Images that have no ground in common, as photos of many scenes, go with no mean, and nothing is said.
 *
 * @param known averages over a grid, an image a row; its mean is the pattern
 * @param seen of the same grid
 */
export function negatives(known: Features, seen: Features): Polarity | null {
  if (known.n === 0 || seen.n === 0) return null;
  const pattern = centred(meanOf(known));
  const [withKnown, withSeen] = [shareAlong(known, pattern), shareAlong(seen, pattern)];
  return withKnown >= PLAIN && withSeen <= 1 - PLAIN ? { known: withKnown, seen: withSeen } : null;
}

function meanOf({ data, n, width }: Features): Float64Array {
  const mean = new Float64Array(width);
  for (let i = 0; i < n * width; i++) mean[i % width]! += (data[i] as number) / n;
  return mean;
}

function centred(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

/** Of a centred pattern: an image's own mean falls out of the product. */
function shareAlong({ data, n, width }: Features, pattern: Float64Array): number {
  let along = 0;
  for (let row = 0; row < n; row++) {
    let dot = 0;
    for (let j = 0; j < width; j++) dot += (data[row * width + j] as number) * (pattern[j] as number);
    if (dot > 0) along++;
  }
  return along / n;
}
