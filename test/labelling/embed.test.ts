import assert from 'node:assert/strict';
import { RandomStream } from '../../src/contracts/random.js';
import { embed, principal } from '../../src/labelling/embed.js';
import type { Rows } from '../../src/labelling/kmeans.js';

/** `n` rows a group around corners of a cube in `width` dimensions. */
function groups(count: number, n: number, width: number): Rows {
  const random = new RandomStream([1, 2]);
  const data = new Float32Array(count * n * width);
  for (let i = 0; i < count * n; i++)
    for (let j = 0; j < width; j++) data[i * width + j] = 0.1 * random.normal() + (j === Math.floor(i / n) ? 1 : 0);
  return { data, n: count * n, width };
}

const distance = (places: Float64Array, i: number, j: number): number =>
  Math.hypot(places[2 * i]! - places[2 * j]!, places[2 * i + 1]! - places[2 * j + 1]!);

describe('a picture of latents', () => {
  it('keeps groups together: the nearest in the plane is of the same group', () => {
    const rows = groups(3, 60, 40);
    const places = embed(rows, new RandomStream([5, 6]));
    let same = 0;
    for (let i = 0; i < rows.n; i++) {
      const others = Array.from({ length: rows.n }, (_, j) => j).filter((j) => j !== i);
      const nearest = others.reduce((a, b) => (distance(places, i, b) < distance(places, i, a) ? b : a));
      if (Math.floor(nearest / 60) === Math.floor(i / 60)) same++;
    }
    assert.ok(same >= 0.98 * rows.n, `${same} of ${rows.n}`);
  });

  it('is the same for the same stream', () => {
    const rows = groups(2, 20, 5);
    assert.deepEqual(embed(rows, new RandomStream([5, 6])), embed(rows, new RandomStream([5, 6])));
  });

  for (const n of [0, 1, 3, 4, 10])
    it(`of ${n} points is a picture too`, () => {
      const rows = groups(1, n, 3);
      const places = embed(rows, new RandomStream([5, 6]));
      assert.equal(places.length, 2 * n);
      assert.ok(places.every(Number.isFinite));
    });
});

describe('principal components', () => {
  it('keep the variance along the axes that have it, in their order', () => {
    const random = new RandomStream([7, 8]);
    const scales = [5, 0.01, 2, 0.01, 1];
    const rows = {
      data: Float32Array.from({ length: 500 * 5 }, (_, i) => scales[i % 5]! * random.normal() + 3),
      n: 500,
      width: 5,
    };
    const { data, width } = principal(rows, 3, new RandomStream([1, 1]));
    assert.equal(width, 3);
    const deviations = [0, 1, 2].map((j) =>
      Math.sqrt(Array.from({ length: 500 }, (_, i) => data[i * 3 + j]! ** 2).reduce((a, b) => a + b, 0) / 500),
    );
    // The sample's own deviations differ from the law's by some 1/sqrt(2 n) = 3 %; three of these.
    [5, 2, 1].forEach((scale, j) => assert.ok(Math.abs(deviations[j]! / scale - 1) < 0.1, String(deviations)));
  });

  it('of fewer axes than asked for are all there are, distances unchanged', () => {
    const rows = groups(2, 5, 3);
    const { data, width } = principal(rows, 10, new RandomStream([1, 1]));
    assert.equal(width, 3);
    const between = (x: Float32Array, i: number, j: number) =>
      Math.hypot(...[0, 1, 2].map((k) => x[3 * i + k]! - x[3 * j + k]!));
    assert.ok(Math.abs(between(data, 0, 7) - between(rows.data, 0, 7)) < 1e-5);
  });
});
