import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RandomStream } from '../../src/contracts/random.js';
import { LEFT, products, RIGHT } from '../../src/labelling/products.js';
import type { Rows } from '../../src/labelling/rows.js';

const noise = (n: number, width: number, seed: number): Rows => {
  const random = new RandomStream([seed, 0]);
  return { data: Float32Array.from({ length: n * width }, () => random.normal()), n, width };
};
const dot = (a: Rows, i: number, b: Rows, j: number): number => {
  let sum = 0;
  for (let at = 0; at < a.width; at++) sum += a.data[i * a.width + at]! * b.data[j * a.width + at]!;
  return sum;
};

describe('products of rows', () => {
  it('are the scalar products, for any width and any number of rows', () => {
    const count = (most: number) => fc.integer({ min: 0, max: most });
    fc.assert(
      fc.property(
        count(9),
        count(9),
        fc.integer({ min: 1, max: 70 }),
        count(3),
        fc.nat(99),
        (n, m, width, from, seed) => {
          const [a, b] = [noise(n + from, width, seed), noise(m + from, width, seed + 1)];
          const product = products(a, from, n, b, from, m);
          for (let i = 0; i < n; i++)
            for (let j = 0; j < m; j++) {
              // Sums of `width` float32 terms of about 1.
              const error = Math.abs(product[i * RIGHT + j]! - dot(a, from + i, b, from + j));
              assert.ok(error < 1e-6 * (width + 10), `${i}, ${j}: ${error}`);
            }
        },
      ),
    );
  });

  it('fill a whole block', () => {
    const [a, b] = [noise(LEFT, 128, 1), noise(RIGHT, 128, 2)];
    const product = products(a, 0, LEFT, b, 0, RIGHT);
    for (const [i, j] of [
      [0, 0],
      [LEFT - 1, RIGHT - 1],
      [17, 401],
    ] as const)
      assert.ok(Math.abs(product[i * RIGHT + j]! - dot(a, i, b, j)) < 1e-4);
  });

  it('have the same bits wherever their rows stand in a block', () => {
    const [a, b] = [noise(11, 30, 3), noise(9, 30, 4)];
    const whole = products(a, 0, a.n, b, 0, b.n).slice();
    for (let i = 0; i < a.n; i++)
      for (let j = 0; j < b.n; j++) assert.equal(products(a, i, 1, b, j, 1)[0], whole[i * RIGHT + j]);
  });

  it('are not touched by wider rows of an earlier call', () => {
    products(noise(LEFT, 7, 1), 0, LEFT, noise(RIGHT, 7, 2), 0, RIGHT);
    const [a, b] = [noise(3, 7, 5), noise(3, 7, 6)];
    const product = products(a, 0, 3, b, 0, 3);
    assert.ok(Math.abs(product[2 * RIGHT + 2]! - dot(a, 2, b, 2)) < 1e-5);
  });
});
