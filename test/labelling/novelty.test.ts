import assert from 'node:assert/strict';
import fc from 'fast-check';
import { nearestKnown, novelCandidates, noveltyScores, reachOf } from '../../src/labelling/novelty.js';
import type { ClusterLook } from '../../src/labelling/novelty.js';
import type { Rows } from '../../src/labelling/kmeans.js';

const rows = (...points: number[][]): Rows => ({
  data: Float32Array.from(points.flat()),
  n: points.length,
  width: points[0]?.length ?? 2,
});
const angle = (degrees: number, length = 1): number[] => [
  length * Math.cos((degrees * Math.PI) / 180),
  length * Math.sin((degrees * Math.PI) / 180),
];
/** Between two points of the unit circle. */
const chord = (degrees: number): number => 2 * Math.sin((degrees * Math.PI) / 360);
const near = (got: number | undefined, expected: number) =>
  // Rows are stored in single precision.
  assert.ok(Math.abs((got ?? NaN) - expected) < 1e-6, `${got} for ${expected}`);

describe('novelty', () => {
  it('is the distance to the nearest known image, of angles alone', async () => {
    const known = rows(angle(0, 3), angle(90, 0.2));
    const [a, b, c] = await nearestKnown(rows(angle(20, 7), angle(0), angle(150)), known);
    near(a, chord(20));
    near(b, 0);
    near(c, chord(60));
  });

  it('never grows with what is known, and does not depend on lengths', async () => {
    const point = fc.tuple(fc.double({ min: 0, max: 360, noNaN: true }), fc.double({ min: 0.1, max: 10, noNaN: true }));
    const points = fc.array(point, { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(points, points, point, async (asked, known, more) => {
        const of = (list: [number, number][]) => rows(...list.map(([degrees, length]) => angle(degrees, length)));
        const before = await nearestKnown(of(asked), of(known));
        const after = await nearestKnown(of(asked), of([...known, more]));
        const stretched = await nearestKnown(of(asked.map(([degrees]) => [degrees, 1])), of(known));
        before.forEach((distance, i) => {
          assert.ok((after[i] as number) <= distance + 1e-9);
          near(stretched[i], distance);
        });
      }),
    );
  });

  it('says which widths differ', async () => {
    await assert.rejects(nearestKnown(rows([1, 2]), rows([1, 2, 3])), { code: 'SHAPE_MISMATCH' });
    await assert.rejects(nearestKnown({ data: new Float32Array(3), n: 2, width: 2 }, rows([1, 2])), {
      code: 'SHAPE_MISMATCH',
    });
  });

  it('the reach has 95 % of the known images within it, each from another', async () => {
    // Gaps of 1, 2, …, 20 degrees, each pair far from the next one.
    const known = Array.from({ length: 10 }, (_, i) => [angle(36 * i), angle(36 * i + i + 1)]).flat();
    const gaps = Array.from({ length: 10 }, (_, i) => [chord(i + 1), chord(i + 1)]).flat();
    // NumPy's quantile: position .95 * 19 = 18.05, between two of the largest gap.
    near(await reachOf(rows(...known)), gaps.at(-1) as number);
    assert.equal(await reachOf(rows([1, 0])), Infinity);
  });

  it("adds the cluster's mean to an image's own distance", () => {
    assert.deepEqual([...noveltyScores([1, 3, 5], [0, 0, 2], 3)], [3, 5, 10]);
    assert.throws(() => noveltyScores([1], [0, 0], 1), { code: 'SHAPE_MISMATCH' });
  });

  it('keeps the order of the images of one cluster', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ d: fc.double({ min: 0, max: 2, noNaN: true }), c: fc.nat(3) }), { minLength: 1 }),
        (images) => {
          const distances = images.map(({ d }) => d);
          const scores = noveltyScores(
            distances,
            images.map(({ c }) => c),
            4,
          );
          for (const [i, a] of images.entries())
            for (const [j, b] of images.entries())
              if (a.c === b.c && a.d > b.d + 1e-9) assert.ok((scores[i] as number) > (scores[j] as number));
        },
      ),
    );
  });

  const look = (cluster: number, changes: Partial<ClusterLook> = {}): ClusterLook => ({
    ...{ cluster, size: 100, spread: 0.4, far: 0.05 },
    ...changes,
  });
  const fresh = { far: 0.9 };
  const found = (...looks: ClusterLook[]) => novelCandidates(looks).map(({ cluster }) => cluster);

  it('offers clusters that are far, tight and of some size, the largest first', () => {
    const known = [look(0), look(1), look(2)];
    assert.deepEqual(found(...known), []);
    assert.deepEqual(found(...known, look(3, fresh), look(4, { ...fresh, size: 200 })), [4, 3]);
    assert.deepEqual(found(...known, look(3, { ...fresh, far: 0.5 })), [], 'half of it is within reach');
    assert.deepEqual(found(...known, look(3, { ...fresh, size: 9 })), [], 'too few');
    assert.deepEqual(found(...known, look(3, { ...fresh, spread: 0.69 })), [3]);
    assert.deepEqual(found(...known, look(3, { ...fresh, spread: 0.71 })), [], 'images of all kinds');
  });

  it('has no limit of tightness where nothing is known to compare with', () => {
    assert.deepEqual(found(look(0, { ...fresh, spread: 0.9 })), [0]);
  });
});
