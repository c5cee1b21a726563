import assert from 'node:assert/strict';
import { conditional } from '../../src/contracts/grades.js';
import { release } from '../../src/labelling/release.js';

const POOL = Array.from({ length: 2000 }, (_, i) => i / 2000);
const same = { p: 0.4, calibration: 200, pool: 200 };
/** Scores spread like the pool's; every `each`-th of the less certain half is wrong. */
const calibration = (each: number) =>
  Array.from({ length: 400 }, (_, i) => ({ score: (i + 0.5) / 400, predicted: 0, correct: i < 200 || i % each > 0 }));
const of = (each: number, twoSample = same, t = 1) =>
  release({ calibration: calibration(each), pool: POOL, folds: 5 }, { epsilon: 0.05, release: t }, twoSample);

describe('conditional estimate', () => {
  it('claims the widest cut that passes, in labels of this pool', () => {
    const found = conditional.parse(of(1000));
    assert.equal(found.grade, 'B');
    assert.deepEqual(found.claim, { size: 2000, most: 100, cutoff: POOL.at(-1) });
    assert.deepEqual(found.calibration, { images: 400, accepted: 400, errors: 0 });
    assert.deepEqual([found.alpha, found.totalAlpha], [0.025, 0.05]);
  });

  it('claims less where the less certain images are often wrong', () => {
    const { claim } = of(12);
    assert.ok(claim && claim.size > 1000 && claim.size < 2000, JSON.stringify(claim));
    assert.equal(claim.most, Math.floor(0.05 * claim.size));
  });

  it('claims less at a later release of the same split', () => {
    assert.ok(of(20, same, 3).claim!.size < of(20).claim!.size);
  });

  it('is refused, and of grade C, where the images differ, and where nothing passes', () => {
    const shifted = conditional.parse(of(1000, { ...same, p: 0.05 }));
    assert.deepEqual([shifted.grade, shifted.refused, shifted.claim], ['C', 'two-sample', null]);
    const bad = release(
      { calibration: calibration(1000).map((image) => ({ ...image, correct: false })), pool: POOL, folds: 5 },
      { epsilon: 0.05, release: 1 },
      same,
    );
    assert.deepEqual([bad.grade, bad.refused, bad.claim], ['C', 'calibration', null]);
    const none = release({ calibration: [], pool: [], folds: 5 }, { epsilon: 0.05, release: 1 }, same);
    assert.equal(none.refused, 'calibration');
  });
});
