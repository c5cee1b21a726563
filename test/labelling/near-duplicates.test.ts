import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RandomStream } from '../../src/contracts/random.js';
import { fitKMeans } from '../../src/labelling/kmeans.js';
import type { Centroids } from '../../src/labelling/kmeans.js';
import { nearDuplicates } from '../../src/labelling/near-duplicates.js';
import type { NearDuplicates } from '../../src/labelling/near-duplicates.js';
import { normalise } from '../../src/labelling/rows.js';
import type { Rows } from '../../src/labelling/rows.js';
import { classesWithLooks, cut } from './clusters.js';

/** Rows of some looks, of which some come again, moved by about `by` and scaled. */
function withCopies(n: number, width: number, by: number, seed: number): Rows {
  const rows = classesWithLooks({ n, width, classes: 5, looks: 2, apart: 0.4, spread: 0.4, seed });
  const random = new RandomStream([seed, 9]);
  for (let copies = 0; copies < n / 5; copies++) {
    const [from, to] = [random.integer(n), random.integer(n)];
    const [moved, scale] = [by * random.uniform(), 0.5 + random.uniform()];
    for (let j = 0; j < width; j++)
      rows.data[to * width + j] = scale * (rows.data[from * width + j]! + moved * random.normal());
  }
  return rows;
}

/** All pairs, and the components of their graph. */
function bruteForce(rows: Rows, threshold: number): NearDuplicates {
  const { data, n, width } = normalise(rows);
  const distance = new Float32Array(n).fill(NaN);
  const neighbours = Array.from({ length: n }, (): number[] => []);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let square = 0;
      for (let at = 0; at < width; at++) square += (data[i * width + at]! - data[j * width + at]!) ** 2;
      if (i === j || Math.sqrt(square) > threshold) continue;
      neighbours[i]!.push(j);
      if (!(distance[i]! <= Math.sqrt(square))) distance[i] = Math.sqrt(square);
    }
  const group = new Int32Array(n).fill(-1);
  let groups = 0;
  for (let i = 0; i < n; i++) {
    if (group[i] !== -1 || neighbours[i]!.length === 0) continue;
    const open = [i];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (group[at] !== -1) continue;
      group[at] = groups;
      open.push(...neighbours[at]!);
    }
    groups++;
  }
  return { group, distance, groups, rows: group.filter((g) => g >= 0).length };
}

const find = (
  rows: Rows,
  centroids: Centroids,
  options: { threshold?: number; megabytes?: number },
  cuts: number[] = [],
) => nearDuplicates(() => cut(rows, cuts), rows.n, centroids, options);

describe('near-duplicates', () => {
  it('are all pairs within the threshold, whatever the clusters and wherever their borders run', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(99),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(0.01, 0.05, 0.2, 0.5),
        async (seed, k, threshold) => {
          const rows = withCopies(400, 6, 0.1, seed);
          const centroids = await fitKMeans(rows, k, [seed, 1], { maxIterations: 2 });
          assert.deepEqual(await find(rows, centroids, { threshold }), bruteForce(rows, threshold));
        },
      ),
      { numRuns: 15 },
    );
  });

  it('are the same wherever the shards are cut and however little is held at once', async () => {
    const rows = withCopies(1500, 16, 0.05, 1);
    const centroids = await fitKMeans(rows, 12, [1, 1]);
    const expected = await find(rows, centroids, {});
    assert.ok(expected.groups > 20);
    assert.deepEqual(expected, bruteForce(rows, 0.05));
    assert.deepEqual(await find(rows, centroids, { megabytes: 0.01 }, [1, 700, 701]), expected);
    const other = await fitKMeans(rows, 30, [2, 1]);
    assert.deepEqual(await find(rows, other, {}), expected);
  });

  it('are found through blocks and windows of many rows', async () => {
    const rows = withCopies(2500, 12, 0.05, 3);
    const one: Centroids = { data: new Float32Array(12), k: 1, width: 12 };
    assert.deepEqual(await find(rows, one, { threshold: 0.05 }), bruteForce(rows, 0.05));
  });

  it('chain, count copies at distance 0, and leave rows of zeros out', async () => {
    const at = (angle: number) => [Math.cos(angle), Math.sin(angle)];
    const points = [at(0), [0, 0], at(1), at(0.04), at(1), [0, 0], at(0.08), at(2), at(1).map((x) => 2 * x)];
    const rows: Rows = { data: Float32Array.from(points.flat()), n: points.length, width: 2 };
    const { group, distance, groups } = await find(rows, { data: Float32Array.of(1, 0, 0, 1), k: 2, width: 2 }, {});
    assert.deepEqual([...group], [0, -1, 1, 0, 1, -1, 0, -1, 1]);
    assert.equal(groups, 2);
    assert.deepEqual([distance[2], distance[4]], [0, 0]);
    // The chord of an angle of .04.
    assert.ok(Math.abs(distance[6]! - 2 * Math.sin(0.02)) < 1e-6);
  });

  it('cost little where thousands are equal', async () => {
    const rows: Rows = { data: new Float32Array(30_000 * 8).fill(1), n: 30_000, width: 8 };
    const { groups, rows: copies } = await find(rows, { data: new Float32Array(8).fill(1), k: 1, width: 8 }, {});
    assert.deepEqual([groups, copies], [1, 30_000]);
  });

  it('refuse features of another width and shards with other rows than there should be', async () => {
    const rows = withCopies(10, 4, 0.1, 1);
    const centroids = await fitKMeans(rows, 2, [1, 1]);
    await assert.rejects(find({ ...rows, n: 20, width: 2 }, centroids, {}), { code: 'SHAPE_MISMATCH' });
    await assert.rejects(
      nearDuplicates(() => cut(rows, []), 11, centroids),
      { code: 'SHAPE_MISMATCH' },
    );
  });
});
