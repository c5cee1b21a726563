import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { drawOrder, weightOf } from '../../../src/labelling/audit/index.js';
import { bandCounts } from '../../../src/labelling/audit/weighted.js';

const hashes = (count: number, seed: string): string[] =>
  Array.from({ length: count }, (_, i) => createHash('sha256').update(`${seed}${i}`).digest('hex'));

describe('draw order', () => {
  it('is by hash where all are drawn alike', () => {
    const order = drawOrder('uniform', ['30', '10', '20'], 3);
    assert.deepEqual([...order], [1, 2, 0]);
  });

  it('draws each label in proportion to its weight', () => {
    const labels = 20;
    const weights = Array.from({ length: labels }, (_, rank) => weightOf('uncertainty', rank, labels));
    assert.deepEqual(weights, [...new Array<number>(15).fill(1), ...new Array<number>(4).fill(2), 4]);
    const total = weights.reduce((a, b) => a + b, 0);
    const first = new Array<number>(labels).fill(0);
    const draws = 4000;
    for (let i = 0; i < draws; i++) {
      const [rank] = drawOrder('uncertainty', hashes(labels, `seed ${i}`), labels) as unknown as [number];
      (first[rank] as number) += 1;
    }
    for (const [rank, count] of first.entries()) {
      const expected = (draws * (weights[rank] as number)) / total;
      assert.ok(Math.abs(count - expected) < 4.5 * Math.sqrt(expected), `rank ${rank}: ${count}, expected ${expected}`);
    }
  });

  it('counts its bands as going through the ranks does', () => {
    for (const labels of [1, 3, 16, 1000, 4097])
      for (const size of [1, labels >> 1, labels]) {
        const counts = bandCounts('uncertainty', size, labels);
        const weight = counts.reduce((sum, count, band) => sum + count * 2 ** band, 0);
        let expected = 0;
        for (let rank = 0; rank < size; rank++) expected += weightOf('uncertainty', rank, labels);
        assert.equal(weight, expected);
        assert.equal(
          counts.reduce((a, b) => a + b, 0),
          size,
        );
      }
  });
});
