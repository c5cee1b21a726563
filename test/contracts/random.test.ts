import assert from 'node:assert/strict';
import fc from 'fast-check';
import { deriveSeed, philox, RandomStream } from '../../src/contracts/random.js';

describe('random', () => {
  // Known answers published with the Random123 library (kat_vectors, philox4x32 10).
  it('gives the published known answers of Philox4x32-10', () => {
    const hex = (words: number[]) => words.map((w) => w.toString(16).padStart(8, '0')).join(' ');
    assert.equal(hex(philox([0, 0, 0, 0], [0, 0])), '6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    const ones = 0xffffffff;
    assert.equal(hex(philox([ones, ones, ones, ones], [ones, ones])), '408f276d 41c83b0e a20bc7c6 6d5451fd');
    const pi = philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]);
    assert.equal(hex(pi), 'd16cfe09 94fdcceb 5001e420 24126ea1');
  });

  it('derives different keys for different purposes, indices and seeds', () => {
    const keys = [
      deriveSeed(1, 'train', 1),
      deriveSeed(1, 'train', 2),
      deriveSeed(1, 'sample', 1),
      deriveSeed(2, 'train', 1),
    ];
    assert.equal(new Set(keys.map(String)).size, keys.length);
  });

  it('shuffles to a permutation, the same one for the same key', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(), (n, seed) => {
        const items = Array.from({ length: n }, (_, i) => i);
        const once = new RandomStream([seed, 1]).shuffle([...items]);
        assert.deepEqual(new RandomStream([seed, 1]).shuffle([...items]), once);
        assert.deepEqual(
          [...once].sort((a, b) => a - b),
          items,
        );
      }),
    );
  });

  it('has uniform and normal moments within five standard errors', () => {
    const random = new RandomStream([3, 4]);
    const n = 100_000;
    let uniform = 0;
    let normal = 0;
    let square = 0;
    for (let i = 0; i < n; i++) {
      uniform += random.uniform();
      const z = random.normal();
      normal += z;
      square += z * z;
    }
    assert.ok(Math.abs(uniform / n - 0.5) < 5 * Math.sqrt(1 / 12 / n));
    assert.ok(Math.abs(normal / n) < 5 / Math.sqrt(n));
    assert.ok(Math.abs(square / n - 1) < 5 * Math.sqrt(2 / n));
  });
});
