import assert from 'node:assert/strict';
import fc from 'fast-check';
import { labelPosterior } from '../../src/labelling/cluster-labels.js';
import { representatives, standsFor } from '../../src/labelling/representatives.js';
import type { Askable, ClusterToAsk } from '../../src/labelling/representatives.js';

const seed = [7, 8] as const;

/** A pool of images given as [cluster, distance]; all open, none alike. */
const poolOf = (images: readonly (readonly [number, number])[], other: Partial<Askable> = {}): Askable => ({
  cluster: Int32Array.from(images, ([cluster]) => cluster),
  distance: Float32Array.from(images, ([, distance]) => distance),
  open: new Uint8Array(images.length).fill(1),
  askable: new Uint8Array(images.length).fill(1),
  group: new Int32Array(images.length).fill(-1),
  ...other,
});

/** A cluster of ten classes in which people gave these labels. */
const cluster = (...labels: number[]): ClusterToAsk => {
  const people = new Array<number>(10).fill(0);
  for (const label of labels) people[label]!++;
  const { label, probability } = labelPosterior(people, new Array<number>(10).fill(0));
  return { label, probability, labelled: labels.length, spread: 0.2 };
};

const many = (c: number, count: number, nearest = 0.1): [number, number][] =>
  Array.from({ length: count }, (_, i) => [c, nearest + i / 1000]);

describe('representatives', () => {
  it('asks about the image nearest to the centroid of the largest unknown cluster first', () => {
    const pool = poolOf([...many(0, 5), ...many(1, 20), ...many(2, 10)]);
    const asked = representatives(pool, [cluster(), cluster(), cluster()], { limit: 3, seed });
    assert.deepEqual(asked, [5, 25, 0]);
  });

  it('weighs size, what is known of the label and how near the image is, as the formula has it', () => {
    // Gains for equal distance: 10 * .6, 40 * .12, 100 * .18 / 3.5.
    const clusters = [cluster(), cluster(3), cluster(3, 3)];
    const order = (sizes: number[]): number[] => {
      const pool = poolOf(sizes.flatMap((size, c) => many(c, size).map(([,]) => [c, 0.1] as const)));
      return representatives(pool, clusters, { limit: 3, seed }).map((position) => pool.cluster[position] as number);
    };
    assert.deepEqual(order([10, 40, 100]), [0, 2, 1], '6 before 5.1 before 4.8');
    assert.deepEqual(order([10, 60, 100]), [1, 0, 2], '7.2 before 6 before 5.1');
    // Half as near: a distance of one spread against none.
    const near = poolOf([...many(0, 11).map(() => [0, 0.2] as const), ...many(1, 6).map(() => [1, 0] as const)]);
    assert.equal(representatives(near, [cluster(), cluster()], { limit: 1, seed })[0], 11, '6 against 11 / 2');
    assert.equal(standsFor(0, 0), 1);
  });

  it('asks a mixed cluster again, after those of which nothing is known', () => {
    const pool = poolOf([...many(0, 30), ...many(1, 20), ...many(2, 30)]);
    const clusters = [cluster(1, 2), cluster(), cluster(4, 4)];
    const order = representatives(pool, clusters, { limit: 4, seed }).map((position) => pool.cluster[position]);
    assert.deepEqual(
      order.slice(0, 3),
      [1, 0, 0],
      'one of two that contradict each other is in the lead only after a third and a fourth',
    );
    assert.notEqual(order[3], 0);
  });

  it('asks about one image of near-duplicates, and about none that people have been asked about', () => {
    const images = [...many(0, 4), ...many(1, 3)];
    const pool = poolOf(images, {
      group: Int32Array.from([5, 5, 5, -1, 5, -1, -1]),
      askable: Uint8Array.from([1, 1, 1, 1, 1, 1, 0]),
    });
    const asked = representatives(pool, [cluster(), cluster()], { limit: 10, seed });
    assert.deepEqual([...asked].sort(), [0, 3, 5]);
  });

  it('has no question where no label can be gained', () => {
    const pool = poolOf(many(0, 5), { open: new Uint8Array(5) });
    assert.deepEqual(representatives(pool, [cluster()], { limit: 3, seed }), []);
    assert.throws(() => representatives(poolOf([], { group: new Int32Array(1) }), [], { limit: 1, seed }), {
      code: 'SHAPE_MISMATCH',
    });
  });

  it('after the first draws the others from the whole cluster, rather near than far', () => {
    const pool = poolOf(Array.from({ length: 200 }, (_, i) => [0, i < 100 ? 0.1 : 0.8] as const));
    const picked: number[] = [];
    for (let key = 0; key < 60; key++)
      picked.push(representatives(pool, [cluster(1)], { limit: 1, seed: [key, 0] })[0] as number);
    assert.ok(new Set(picked).size > 30, 'not the same one each time');
    const near = picked.filter((position) => position < 100).length;
    // 1 / 1.25 against 1 / 17: near ones have 93 % of the weight.
    assert.ok(near >= 48 && near < 60, `${near} of 60 are near`);
  });

  it('a longer batch begins with the shorter one, and no image comes twice', () => {
    const images = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.double({ min: 0, max: 2, noNaN: true })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(images, fc.nat({ max: 20 }), fc.nat({ max: 20 }), (rows, a, b) => {
        const clusters = [cluster(), cluster(1), cluster(1, 2), cluster(1, 1, 1), cluster()];
        const of = (limit: number) => representatives(poolOf(rows), clusters, { limit, seed });
        const [short, long] = [of(Math.min(a, b)), of(Math.max(a, b))];
        assert.deepEqual(long.slice(0, short.length), short);
        assert.equal(new Set(long).size, long.length);
        assert.equal(long.length, Math.min(Math.max(a, b), rows.length));
      }),
    );
  });
});
