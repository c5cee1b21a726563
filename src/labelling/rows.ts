import { performance } from 'node:perf_hooks';
import { setImmediate as nextMacrotask } from 'node:timers/promises';
import { labellingErrors } from './errors.js';

/** Feature vectors: `data` is [n, width], row after row. */
export interface Rows {
  data: Float32Array;
  n: number;
  width: number;
}

/** Milliseconds of work between two macrotasks: heartbeats and cancellation run in them. */
const SLICE_MS = 40;

/**
 * Rows scaled to length 1; a row of zeros stays.
 *
 * @throws SHAPE_MISMATCH when n * width is not the length of the data
 */
export function normalise({ data, n, width }: Rows): Rows {
  if (data.length !== n * width) throw labellingErrors.rowsMismatch(n, width, data.length);
  const scaled = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += width) {
    let square = 0;
    for (let j = start; j < start + width; j++) square += data[j]! * data[j]!;
    const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let j = start; j < start + width; j++) scaled[j] = data[j]! * scale;
  }
  return { data: scaled, n, width };
}

export function squaredDistance(rows: Rows, row: number, others: Rows, other: number): number {
  const { data, width } = rows;
  const a = row * width;
  const b = other * width;
  let sum = 0;
  for (let j = 0; j < width; j++) {
    const difference = data[a + j]! - others.data[b + j]!;
    sum += difference * difference;
  }
  return sum;
}

export type Pause = () => Promise<void> | undefined;

/** Lets other macrotasks run whenever a slice of time is used up. */
export function pacer(): Pause {
  let last = performance.now();
  return () => {
    if (performance.now() - last < SLICE_MS) return undefined;
    return nextMacrotask().then(() => {
      last = performance.now();
    });
  };
}
