import assert from 'node:assert/strict';
import { RandomStream } from '../../src/contracts/random.js';
import { PixelFeatures } from '../../src/labelling/pixel-features.js';
import { SampleOf, twoSampleTest } from '../../src/labelling/two-sample.js';

const image = { height: 28, width: 28, channels: 1 as const };

/** A bright square on noise, `by` pixels from where the others have it. */
function squares(n: number, seed: number, by = 0, noise = 20): Uint8Array[] {
  const random = new RandomStream([seed, 8]);
  return Array.from({ length: n }, () => {
    const size = 8 + random.integer(5);
    const [left, top] = [6 + random.integer(4) + by, 6 + random.integer(4) + by];
    return Uint8Array.from({ length: 28 * 28 }, (_, i) => {
      const [x, y] = [i % 28, Math.floor(i / 28)];
      const inside = x >= left && x < left + size && y >= top && y < top + size;
      return Math.max(0, Math.min(255, (inside ? 180 : 40) + noise * random.normal()));
    });
  });
}

function p(known: readonly Uint8Array[], seen: readonly Uint8Array[], repeat = 0): number {
  const features = new PixelFeatures(image, [1, 2]);
  const [a, b] = [new SampleOf(), new SampleOf()];
  for (const pixels of known) a.add(features.of(pixels));
  for (const pixels of seen) b.add(features.of(pixels));
  const options = { seed: [repeat, 1] as [number, number], permutations: 199 };
  return twoSampleTest([{ calibration: a.features(), pool: b.features() }], options).p;
}

describe('features of pixels', () => {
  it('end with brightness, contrast and the steps along both axes, by hand', () => {
    const stripes = Uint8Array.from({ length: 8 * 8 }, (_, i) => (i % 2) * 100);
    const features = new PixelFeatures({ height: 8, width: 8, channels: 1 }, [1, 2]);
    const all = features.of(stripes);
    assert.equal(all.length, features.width);
    assert.deepEqual([...all.subarray(-4)], [50, 50, 100, 0]);
  });

  it('have grey averages over a grid beside them, by hand', () => {
    const colour = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => (i % 3) * 60 + (i < 24 ? 30 : 0));
    const grey = new PixelFeatures({ height: 8, width: 8, channels: 3 }, [1, 2]).grey(colour);
    assert.deepEqual([...grey], [...Array<number>(8).fill(90), ...Array<number>(56).fill(60)]);
  });

  it('take the steps of a colour with itself, not with the next one', () => {
    const colours = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => [10, 120, 240][i % 3] as number);
    const features = new PixelFeatures({ height: 8, width: 8, channels: 3 }, [1, 2]);
    assert.deepEqual([...features.of(colours).subarray(-2)], [0, 0]);
  });

  it('are the same for one seed and others for another', () => {
    const [pixels] = squares(1, 1) as [Uint8Array];
    const of = (seed: [number, number]) => new PixelFeatures(image, seed).of(pixels);
    assert.deepEqual(of([1, 2]), of([1, 2]));
    assert.notDeepEqual(of([1, 2]), of([1, 3]));
  });

  it('project the averages of the grid, as the sum over cells is', () => {
    // A flat image of brightness v: every projection is v times the sum of its direction, so features are linear in v.
    const flat = (v: number) => new PixelFeatures(image, [1, 2]).of(new Uint8Array(28 * 28).fill(v));
    const [one, two] = [flat(50), flat(100)];
    for (let d = 0; d < one.length - 4; d++)
      assert.ok(Math.abs(two[d]! - 2 * one[d]!) < 1e-4 * Math.abs(two[d]!) + 1e-5);
  });

  it('tell a shift of two pixels and a noisier camera, and hold the level without either', () => {
    const known = squares(100, 1);
    assert.ok(p(known, squares(300, 2, 2)) <= 0.01);
    assert.ok(p(known, squares(300, 3, 0, 30)) <= 0.01);
    const rejected = Array.from({ length: 40 }, (_, i) => p(squares(50, 100 + i), squares(100, 200 + i), i)).filter(
      (each) => each <= 0.05,
    ).length;
    // 40 fair tests at 5 %: 7 or more rejections happen once in 300 times.
    assert.ok(rejected <= 6, `${rejected} of 40`);
  });
});
