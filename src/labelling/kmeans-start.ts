import type { RandomStream } from '../contracts/random.js';
import { LEFT, products, RIGHT } from './products.js';
import { squaredDistance } from './rows.js';
import type { Pause, Rows } from './rows.js';

/** Squared distances below this are computed anew in double precision: 2 - 2 x.y has lost their digits. */
const CLOSE = 1e-3;

/**
 * Greedy k-means++: of 2 + ln k rows drawn by squared distance, the one that lowers the inertia most, k times.
 *
 * @param rows normalised
 * @returns rows to start from; fewer than k where there are fewer distinct ones
 * Source: Arthur and Vassilvitskii 2007, "k-means++", sections 2 and 6.
 */
export async function initialise(rows: Rows, k: number, random: RandomStream, pause: Pause): Promise<Rows> {
  const { data, n, width } = rows;
  const chosen = [random.integer(n)];
  const trials = Math.min(RIGHT, 2 + Math.floor(Math.log(k)));
  const squares = squaresOf(rows);
  let closest = new Float64Array(n).fill(Infinity);
  let best = await tryRows(rows, squares, chosen, closest, pause);
  for (;;) {
    closest = best.closest;
    if (chosen.length >= k || best.inertia === 0) break;
    const candidates: number[] = [];
    for (let trial = 0; trial < trials; trial++) candidates.push(draw(closest, best.inertia * random.uniform()));
    best = await tryRows(rows, squares, candidates, closest, pause);
    chosen.push(best.row);
  }
  const start = new Float32Array(chosen.length * width);
  chosen.forEach((row, c) => start.set(data.subarray(row * width, (row + 1) * width), c * width));
  return { data: start, n: chosen.length, width };
}

interface Trial {
  row: number;
  /** Squared distance of each row to the nearest chosen one, were `row` chosen too; [n]. */
  closest: Float64Array<ArrayBuffer>;
  inertia: number;
}

/** The candidate that leaves the least inertia, the first of equals. */
async function tryRows(
  rows: Rows,
  squares: Float64Array,
  candidates: readonly number[],
  closest: Float64Array,
  pause: Pause,
): Promise<Trial> {
  const { data, n, width } = rows;
  const others: Rows = { data: new Float32Array(candidates.length * width), n: candidates.length, width };
  candidates.forEach((row, c) => others.data.set(data.subarray(row * width, (row + 1) * width), c * width));
  const trials = candidates.map((row): Trial => ({ row, closest: new Float64Array(n), inertia: 0 }));
  for (let from = 0; from < n; from += LEFT) {
    await pause();
    const count = Math.min(LEFT, n - from);
    const product = products(rows, from, count, others, 0, others.n);
    trials.forEach((trial, c) => {
      for (let i = 0; i < count; i++) {
        const row = from + i;
        let squared = squares[row]! + squares[trial.row]! - 2 * product[i * RIGHT + c]!;
        if (squared < CLOSE) squared = squaredDistance(rows, row, others, c);
        trial.inertia += trial.closest[row] = Math.min(closest[row]!, squared);
      }
    });
  }
  return trials.reduce((a, b) => (b.inertia < a.inertia ? b : a));
}

function squaresOf({ data, n, width }: Rows): Float64Array {
  const squares = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = i * width; j < (i + 1) * width; j++) squares[i]! += data[j]! * data[j]!;
  return squares;
}

/** The row at which the running sum of the weights passes `target`, which is below their sum in this order. */
function draw(weights: Float64Array, target: number): number {
  let sum = 0;
  return weights.findIndex((weight) => (sum += weight) > target);
}
