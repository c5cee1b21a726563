import assert from 'node:assert/strict';
import { pointsOf } from '../../src/activities/audit/calibration.js';

/** `own` points of class 3 among 200 others. */
const points = (own: number) =>
  Array.from({ length: 200 + own }, (_, i) => ({ share: i / 300, right: i % 7 > 0, predicted: i < own ? 3 : i % 3 }));

describe("calibration of one class's audit", () => {
  it('is of the images that the model gave the class', () => {
    assert.deepEqual(
      pointsOf(points(20), 3),
      Array.from({ length: 20 }, (_, i) => ({ share: i / 300, right: i % 7 > 0 })),
    );
  });

  it('is of all images where the class has fewer than 20, or none is asked for', () => {
    assert.equal(pointsOf(points(19), 3).length, 219);
    assert.equal(pointsOf(points(40), null).length, 240);
  });
});
