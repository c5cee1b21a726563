import assert from 'node:assert/strict';
import { foldOf } from '../../src/labelling/folds.js';

const ids = Array.from({ length: 10_000 }, (_, i) => `image-${i}`);

describe('folds', () => {
  it('are a function of id, number of folds and salt', () => {
    // By Python: int.from_bytes(hashlib.sha256(b'7\nimage-0').digest()[:6], 'big') % 5
    assert.deepEqual(
      ids.slice(0, 6).map((id) => foldOf(id, 5, '7')),
      [3, 2, 3, 2, 1, 3],
    );
  });

  it('are of like size, whatever their number', () => {
    for (const folds of [2, 3, 5, 20]) {
      const counts = new Array<number>(folds).fill(0);
      for (const id of ids) counts[foldOf(id, folds, 'salt')]!++;
      // Five standard deviations of a binomial count.
      const tolerance = 5 * Math.sqrt((ids.length / folds) * (1 - 1 / folds));
      for (const count of counts)
        assert.ok(Math.abs(count - ids.length / folds) < tolerance, `${folds}: ${counts.join(' ')}`);
    }
  });

  it('of another salt are others, and independent of the first', () => {
    const same = ids.filter((id) => foldOf(id, 5, 'a') === foldOf(id, 5, 'b')).length;
    assert.ok(Math.abs(same / ids.length - 1 / 5) < 0.02, String(same));
  });
});
