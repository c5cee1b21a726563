import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { drawOrder, drawSeed } from '../../../src/labelling/certificate/index.js';

const ids = Array.from({ length: 2000 }, (_, i) => `image ${i}`);
const rules = (from: number, drawing: 'uniform' | 'uncertainty' = 'uniform') => ({
  drawing,
  labels: ids.length,
  repair: { from, count: 0 },
});
const root = 'ab'.repeat(32);

describe('the draw', () => {
  it('has a seed that sha256sum gives too', () => {
    // printf %s%s abab…ab 'die 1 5 2 ü' | sha256sum
    assert.equal(
      drawSeed(root, 'die 1 5 2 ü'),
      createHash('sha256')
        .update(Buffer.from(`${root}die 1 5 2 ü`, 'utf8'))
        .digest('hex'),
    );
    assert.notEqual(drawSeed(root, 'another nonce'), drawSeed(root, 'a nonce'));
  });

  it('sorts by the hash of seed and id', () => {
    const seed = drawSeed(root, 'a nonce');
    const hash = (rank: number) => createHash('sha256').update(`${seed}:${ids[rank]}`).digest('hex');
    const expected = ids.map((_, rank) => rank).sort((a, b) => (hash(a) < hash(b) ? -1 : 1));
    assert.deepEqual([...drawOrder(rules(ids.length), seed, ids)], expected);
  });

  for (const drawing of ['uniform', 'uncertainty'] as const)
    it(`of fewer ranks is what the whole draw leaves of them (${drawing})`, () => {
      const seed = drawSeed(root, 'a nonce');
      const whole = drawOrder(rules(ids.length, drawing), seed, ids);
      assert.deepEqual(
        drawOrder(rules(700, drawing), seed, ids),
        whole.filter((rank) => rank < 700),
      );
    });

  it('is fair: each rank comes first about equally often', () => {
    // 4,000 draws of 8: counts are binomial with mean 500 and standard deviation 21; 5 of these either way.
    const counts = new Array<number>(8).fill(0);
    for (let i = 0; i < 4000; i++) {
      const [first] = drawOrder(rules(8), drawSeed(root, `nonce ${i}`), ids);
      counts[first as number]!++;
    }
    for (const count of counts) assert.ok(Math.abs(count - 500) < 105, String(counts));
  });
});
