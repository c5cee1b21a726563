import { UMAP } from 'umap-js';
import type { RandomStream } from '../contracts/random.js';
import type { Rows } from './kmeans.js';

/** Neighbours that a point is laid out by; 15 as the authors have it. */
const NEIGHBOURS = 15;
/** Wider rows are first reduced: nearest neighbours survive, and time goes with the width. */
const WIDEST = 32;
/** Steps of the subspace iteration: enough for a picture, in which the leading directions differ much. */
const ITERATIONS = 12;

/**
 * Lays rows out in the plane so that near ones stay near: principal components down to 32, then UMAP. For the eye alone:
 * distances between groups and their sizes mean nothing. Takes seconds for 2,000 rows.
 *
 * @returns [n, 2], the same for the same rows and stream
 * Source: McInnes, Healy and Melville 2018, "UMAP", by the library umap-js.
 */
export function embed(rows: Rows, random: RandomStream): Float64Array {
  const { n } = rows;
  const reduced = rows.width > WIDEST ? principal(rows, WIDEST, random) : rows;
  const points = Array.from({ length: n }, (_, i) =>
    Array.from(reduced.data.subarray(i * reduced.width, (i + 1) * reduced.width)),
  );
  // UMAP needs more points than neighbours, and two neighbours to speak of.
  if (n < 4) return Float64Array.from({ length: 2 * n }, (_, i) => points[i >> 1]?.[i % 2] ?? 0);
  const umap = new UMAP({ nNeighbors: Math.min(NEIGHBOURS, n - 1), random: () => random.uniform() });
  return Float64Array.from(umap.fit(points).flat());
}

/**
 * Coordinates along the leading principal components, by subspace iteration.
 *
 * @returns [n, width] of rows that are centred
 */
export function principal({ data, n, width: d }: Rows, width: number, random: RandomStream): Rows {
  const mean = new Float64Array(d);
  for (let i = 0; i < data.length; i++) mean[i % d]! += (data[i] as number) / n;
  const x = Float64Array.from(data, (value, i) => value - (mean[i % d] as number));
  const basis = Array.from({ length: Math.min(width, d) }, () =>
    Float64Array.from({ length: d }, () => random.normal()),
  );
  orthonormalise(basis);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    for (const direction of basis) {
      const next = new Float64Array(d);
      for (let start = 0; start < x.length; start += d) {
        const dot = product(x, start, direction);
        for (let j = 0; j < d; j++) next[j]! += dot * (x[start + j] as number);
      }
      direction.set(next);
    }
    orthonormalise(basis);
  }
  const reduced = new Float32Array(n * basis.length);
  basis.forEach((direction, j) => {
    for (let i = 0; i < n; i++) reduced[i * basis.length + j] = product(x, i * d, direction);
  });
  return { data: reduced, n, width: basis.length };
}

function product(x: Float64Array, start: number, direction: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < direction.length; j++) sum += (x[start + j] as number) * (direction[j] as number);
  return sum;
}

/** Gram and Schmidt, twice, as once loses digits; a direction that nothing is left of becomes zero. */
function orthonormalise(basis: Float64Array[]): void {
  basis.forEach((direction, i) => {
    for (const again of [0, 1]) {
      for (const before of basis.slice(0, i)) {
        const dot = product(direction, 0, before);
        for (let j = 0; j < direction.length; j++) direction[j]! -= dot * (before[j] as number);
      }
      const length = Math.sqrt(product(direction, 0, direction));
      const scale = length > (again ? 0 : 1e-12) ? 1 / length : 0;
      for (let j = 0; j < direction.length; j++) direction[j]! *= scale;
    }
  });
}
