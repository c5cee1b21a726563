import assert from 'node:assert/strict';
import fc from 'fast-check';
import { splitLabelled } from '../../src/labelling/split.js';

const halved = (labels: Int32Array, seed: number) =>
  splitLabelled(labels, 2, { calibration: 0.5, validation: 0 }, seed);

describe('split', () => {
  it('takes validation from what calibration leaves, which keeps its images', () => {
    const labels = Int32Array.from({ length: 500 }, (_, i) => i % 10);
    const without = splitLabelled(labels, 10, { calibration: 0.4, validation: 0 }, 7);
    const parts = splitLabelled(labels, 10, { calibration: 0.4, validation: 0.2 }, 7);
    assert.deepEqual(parts.calibration, without.calibration);
    assert.deepEqual([parts.train.length, parts.validation.length, without.validation.length], [240, 60, 0]);
    for (let label = 0; label < 10; label++)
      assert.equal(parts.validation.filter((position) => labels[position] === label).length, 6);
  });

  it('keeps 200 of 500 balanced labels for calibration, 20 a class', () => {
    const labels = Int32Array.from({ length: 500 }, (_, i) => i % 10);
    const { train, calibration } = splitLabelled(labels, 10, { calibration: 0.4, validation: 0 }, 7);
    assert.equal(train.length, 300);
    for (let label = 0; label < 10; label++)
      assert.equal(calibration.filter((position) => labels[position] === label).length, 20);
  });

  it('parts every position into exactly one part, ascending, with both parts in each class of two or more', () => {
    const labels = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 80 });
    const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(labels, share, share, fc.nat(), (list, share, of, seed) => {
        const shares = { calibration: share, validation: of };
        const { train, validation, calibration } = splitLabelled(Int32Array.from(list), 5, shares, seed);
        for (const part of [train, validation, calibration])
          assert.deepEqual(
            part,
            part.toSorted((a, b) => a - b),
          );
        assert.deepEqual(
          [...train, ...validation, ...calibration].sort((a, b) => a - b),
          list.map((_, i) => i),
        );
        for (let label = 0; label < 5; label++) {
          const n = list.filter((l) => l === label).length;
          const held = calibration.filter((position) => list[position] === label).length;
          const expected = n < 2 ? 0 : Math.min(n - 1, Math.max(1, Math.round(share * n)));
          assert.equal(held, expected);
          const validating = validation.filter((position) => list[position] === label).length;
          const left = n - held;
          assert.equal(validating, left < 2 ? 0 : Math.min(left - 1, Math.max(1, Math.round(of * left))));
        }
      }),
    );
  });

  it('gives the same parts for the same seed, other parts for another, and other classes do not matter', () => {
    const labels = Int32Array.from({ length: 100 }, (_, i) => (i < 50 ? 0 : 1));
    const once = halved(labels, 1);
    assert.deepEqual(halved(labels, 1), once);
    assert.notDeepEqual(halved(labels, 2), once);
    const fewer = halved(labels.slice(0, 60), 1);
    const first = (positions: number[]) => positions.filter((position) => position < 50);
    assert.deepEqual(first(fewer.train), first(once.train));
  });

  it('names a label that is none of the classes', () => {
    assert.throws(() => halved(Int32Array.of(0, 3), 1), {
      code: 'DATASET_CLASS_UNKNOWN',
      message: /labelled image 1 has label 3/,
    });
  });
});
