import { normalise } from '../src/labelling/rows.js';
import type { Rows } from '../src/labelling/kmeans.js';

/**
 * The k-centre choice: items such that every row has one near it. Greedy: the row farthest from all chosen ones is the next,
 * which comes within twice the least possible greatest distance. Distances are Euclidean, of rows scaled to length 1.
 *
 * @param size rows to take; fewer come out where the rest equal chosen ones
 * @param labelled positions of rows that are chosen already; without any, the row nearest to the mean is the first
 * @returns positions in the order taken
 * Source: Sener and Savarese 2018, "Active learning for convolutional neural networks: a core-set approach", algorithm 1.
 */
export function kCentre(features: Rows, size: number, labelled: readonly number[] = []): number[] {
  const rows = normalise(features);
  const { n, width } = rows;
  const nearest = new Float64Array(n).fill(Infinity);
  const choose = (row: number): void => {
    for (let i = 0; i < n; i++) nearest[i] = Math.min(nearest[i] as number, squaredDistance(rows, i, row));
  };
  labelled.forEach(choose);
  const taken: number[] = [];
  while (taken.length < Math.min(size, n)) {
    const next = labelled.length + taken.length === 0 ? nearestToMean(rows) : farthest(nearest);
    if (nearest[next] === 0) break;
    choose(next);
    taken.push(next);
  }
  return taken;

  function squaredDistance({ data }: Rows, a: number, b: number): number {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += ((data[a * width + j] as number) - (data[b * width + j] as number)) ** 2;
    return sum;
  }
}

const farthest = (distances: Float64Array): number =>
  distances.reduce((best, distance, i) => (distance > (distances[best] as number) ? i : best), 0);

function nearestToMean({ data, n, width }: Rows): number {
  const mean = new Float64Array(width);
  data.forEach((value, at) => (mean[at % width]! += value / n));
  const distances = Float64Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += ((data[i * width + j] as number) - (mean[j] as number)) ** 2;
    return -sum;
  });
  return farthest(distances);
}
