import assert from 'node:assert/strict';
import fc from 'fast-check';
import { kCentre } from '../../bench/core-set.js';

/** Rows on the unit circle, by their angle in degrees. */
const circle = (...degrees: number[]) => ({
  data: Float32Array.from(
    degrees.flatMap((each) => [Math.cos((each * Math.PI) / 180), Math.sin((each * Math.PI) / 180)]),
  ),
  n: degrees.length,
  width: 2,
});

describe('k-centre choice', () => {
  it('begins near the middle, then takes what is farthest from all that is chosen', () => {
    // Mean direction 39 degrees: nearest to 40. Farthest from 40 is 90; from 40 and 90 it is 0.
    assert.deepEqual(kCentre(circle(0, 10, 40, 55, 90), 4), [2, 4, 0, 3]);
  });

  it('goes on from what is labelled, and takes no row that equals one', () => {
    assert.deepEqual(kCentre(circle(0, 10, 40, 55, 90), 2, [4, 3]), [0, 2]);
    assert.deepEqual(kCentre(circle(0, 0, 90, 90), 4, [0]), [2]);
    assert.deepEqual(kCentre({ data: new Float32Array(0), n: 0, width: 3 }, 4), []);
  });

  it('covers within twice the least radius that so many centres can have', () => {
    const angles = fc.uniqueArray(fc.integer({ min: 0, max: 359 }), { minLength: 4, maxLength: 9 });
    fc.assert(
      fc.property(angles, (degrees) => {
        const distance = (a: number, b: number): number => 2 * Math.abs(Math.sin(((a - b) * Math.PI) / 360));
        const radius = (centres: number[]): number =>
          Math.max(...degrees.map((each) => Math.min(...centres.map((centre) => distance(each, centre)))));
        const greedy = radius(kCentre(circle(...degrees), 2).map((i) => degrees[i] as number));
        const best = Math.min(...degrees.flatMap((a) => degrees.map((b) => radius([a, b]))));
        assert.ok(greedy <= 2 * best + 1e-6);
      }),
    );
  });
});
