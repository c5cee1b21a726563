import assert from 'node:assert/strict';
import { deriveSeed, RandomStream } from '../../src/contracts/random.js';
import { twoSampleTest } from '../../src/labelling/two-sample.js';
import type { Features } from '../../src/labelling/two-sample.js';

const WIDTH = 8;

/** Normal features; `shift` and `scale` act on the share `of` the images. */
function features(random: RandomStream, n: number, { shift = 0, scale = 1, of = 1 } = {}): Features {
  const data = new Float32Array(n * WIDTH);
  for (let i = 0; i < n; i++) {
    const moved = random.uniform() < of;
    for (let k = 0; k < WIDTH; k++) {
      const z = random.normal();
      data[i * WIDTH + k] = moved ? shift + scale * z : z;
    }
  }
  return { data, n, width: WIDTH };
}

/** p-values of repeated tests. */
function simulate(
  repeats: number,
  n: [number, number],
  change: Parameters<typeof features>[2],
  strata = 1,
  permutations = 99,
): number[] {
  return Array.from({ length: repeats }, (_, repeat) => {
    const random = new RandomStream(deriveSeed(11, 'split', repeat));
    const made = Array.from({ length: strata }, () => ({
      calibration: features(random, n[0]),
      pool: features(random, n[1], change),
    }));
    return twoSampleTest(made, { seed: deriveSeed(repeat, 'sample'), permutations }).p;
  });
}
const rejected = (ps: number[], level: number): number => ps.filter((p) => p <= level).length / ps.length;

describe('two-sample test', function () {
  this.timeout(60_000);

  it('keeps its level where both samples are of one law, in one stratum and in several', () => {
    for (const [strata, n] of [
      [1, [40, 60]],
      [3, [15, 20]],
    ] as [number, [number, number]][]) {
      const ps = simulate(400, n, {}, strata);
      for (const level of [0.05, 0.2]) {
        // Exact: at most the level, so three standard errors above it is a one in 700 chance.
        assert.ok(rejected(ps, level) <= level + 3 * Math.sqrt((level * (1 - level)) / 400), `${strata} ${level}`);
        assert.ok(rejected(ps, level) >= level - 4 * Math.sqrt((level * (1 - level)) / 400), `${strata} ${level}`);
      }
    }
  });

  it('finds a shift, a change of scale, and a half of the pool from elsewhere', () => {
    for (const change of [{ shift: 0.4 }, { scale: 1.6 }, { shift: 1, of: 0.5 }])
      assert.ok(rejected(simulate(40, [100, 100], change), 0.05) > 0.9, JSON.stringify(change));
  });

  it('puts strata together: each alone is too small to tell', () => {
    const alone = rejected(simulate(60, [20, 20], { shift: 0.35 }), 0.05);
    const together = rejected(simulate(60, [20, 20], { shift: 0.35 }, 6), 0.05);
    assert.ok(alone < 0.6 && together > 0.85, `${alone} ${together}`);
  });

  it('is a function of the seed, and of no feature that is constant', () => {
    const random = new RandomStream(deriveSeed(3, 'split'));
    const [a, b] = [features(random, 30), features(random, 30, { shift: 0.3 })];
    const p = (seed: number) =>
      twoSampleTest([{ calibration: a, pool: b }], { seed: deriveSeed(seed, 'sample'), permutations: 199 }).p;
    assert.equal(p(1), p(1));
    const still = { data: new Float32Array(10 * 4).fill(3), n: 10, width: 4 };
    assert.equal(twoSampleTest([{ calibration: still, pool: still }], { seed: [1, 2] }).p, 1);
  });

  it('says nothing of no images', () => {
    const none = { data: new Float32Array(), n: 0, width: WIDTH };
    assert.deepEqual(twoSampleTest([{ calibration: none, pool: none }], { seed: [1, 2] }), {
      p: 1,
      calibration: 0,
      pool: 0,
    });
  });

  it('takes two samples of 2,000 by 128 features in seconds', () => {
    const random = new RandomStream(deriveSeed(5, 'split'));
    const wide = (): Features => {
      const data = Float32Array.from({ length: 2000 * 128 }, () => random.uniform());
      return { data, n: 2000, width: 128 };
    };
    const since = performance.now();
    const { p } = twoSampleTest([{ calibration: wide(), pool: wide() }], { seed: [7, 7] });
    assert.ok(p > 0.001 && performance.now() - since < 40_000);
  });
});
