import { LEFT, products, RIGHT } from './products.js';
import { squaredDistance } from './rows.js';
import type { Pause, Rows } from './rows.js';

/** Scalar products in single precision are off by less; what passes is measured again in double precision. */
const SLACK = 1e-5;

/**
 * All pairs of rows that are at most `threshold` apart. Rows that equal another one are compared as one with it.
 *
 * The triangle inequality leaves those whose distances to one point differ by no more, a window in the order of these
 * distances: far fewer than all pairs where the threshold is small against the spread of the distances.
 *
 * @param rows of length 1, ascending in their distance to the point
 * @param distances to it, [n]
 * @param onPair called with two positions and their distance; for k equal rows k - 1 times with 0
 */
export async function closePairs(
  rows: Rows,
  distances: Float32Array,
  threshold: number,
  onPair: (i: number, j: number, distance: number) => void,
  pause: Pause,
): Promise<void> {
  const kept = withoutCopies(rows, distances, onPair);
  const distinct: Rows = { data: new Float32Array(kept.length * rows.width), n: kept.length, width: rows.width };
  kept.forEach((row, i) =>
    distinct.data.set(rows.data.subarray(row * rows.width, (row + 1) * rows.width), i * rows.width),
  );
  const least = 1 - threshold ** 2 / 2 - SLACK;
  let end = 0;
  for (let from = 0; from < kept.length; from += LEFT) {
    const count = Math.min(LEFT, kept.length - from);
    const farthest = distances[kept[from + count - 1]!]! + threshold + SLACK;
    while (end < kept.length && distances[kept[end]!]! <= farthest) end++;
    for (let first = from; first < end; first += RIGHT) {
      await pause();
      const others = Math.min(RIGHT, end - first);
      const product = products(distinct, from, count, distinct, first, others);
      for (let i = 0; i < count; i++)
        for (let j = Math.max(0, from + i + 1 - first); j < others; j++) {
          if (product[i * RIGHT + j]! < least) continue;
          const distance = Math.sqrt(squaredDistance(distinct, from + i, distinct, first + j));
          if (distance <= threshold) onPair(kept[from + i]!, kept[first + j]!, distance);
        }
    }
  }
}

/** Positions of rows that no earlier row equals. Equal rows have equal distances, so that only neighbours are compared. */
function withoutCopies(
  rows: Rows,
  distances: Float32Array,
  onPair: (i: number, j: number, distance: 0) => void,
): number[] {
  const kept: number[] = [];
  for (let i = 0; i < rows.n; i++) {
    let copy = false;
    for (let at = kept.length - 1; at >= 0 && distances[kept[at]!] === distances[i]; at--) {
      if (!equal(rows, kept[at]!, i)) continue;
      onPair(kept[at]!, i, 0);
      copy = true;
      break;
    }
    if (!copy) kept.push(i);
  }
  return kept;
}

function equal({ data, width }: Rows, i: number, j: number): boolean {
  for (let at = 0; at < width; at++) if (data[i * width + at] !== data[j * width + at]) return false;
  return true;
}
