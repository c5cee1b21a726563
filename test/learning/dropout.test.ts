import assert from 'node:assert/strict';
import { loadBackend } from '../../src/learning/backend.js';
import { dropoutMask, groupedMasks, groupSize, maskRate } from '../../src/learning/dropout.js';

const backend = loadBackend();
const { tf } = backend;
const seedOf = (a: number, b = 0) => tf.tensor1d([a, b], 'int32');

/** Values of a mask, and nothing left behind. */
const drawn = (shape: number[], rate: number, seed: number): Float32Array =>
  tf.tidy(() => dropoutMask(backend, shape, rate, seedOf(seed)).dataSync().slice()) as Float32Array;
const grouped = (shape: [number, number, number], rate: number, seed: number, size?: number): Float32Array =>
  tf.tidy(() => groupedMasks(backend, shape, rate, seedOf(seed), size).dataSync().slice()) as Float32Array;

const meanOf = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  let [both, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [(a[i] as number) - meanA, (b[i] as number) - meanB];
    both += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return both / Math.sqrt(squareA * squareB);
}
/** Five standard errors: of a share of n draws, and of the correlation of n independent pairs (1 / sqrt n). */
const ofShare = (rate: number, n: number): number => 5 * Math.sqrt((rate * (1 - rate)) / n);
const ofCorrelation = (n: number): number => 5 / Math.sqrt(n);

const RATES = [0.1, 0.2, 0.3, 0.5, 0.8];

describe('dropout masks', () => {
  it('drop at their rate and have mean 1: what is kept is scaled by the rate that they really have', () => {
    const n = 200_000;
    for (const rate of RATES) {
      assert.ok(Math.abs(maskRate(rate) - rate) <= 1 / 512);
      const mask = drawn([n / 50, 50], rate, 3);
      assert.deepEqual(new Set(mask), new Set([0, Math.fround(1 / (1 - maskRate(rate)))]));
      const dropped = mask.filter((value) => value === 0).length / n;
      assert.ok(Math.abs(dropped - maskRate(rate)) < ofShare(rate, n), `${rate}: ${dropped}`);
    }
  });

  it('are a function of the seed, of any number of elements', () => {
    for (const shape of [[7], [3, 5], [1, 1, 9, 2]]) {
      assert.deepEqual(drawn(shape, 0.5, 1), drawn(shape, 0.5, 1));
      assert.equal(
        drawn(shape, 0.5, 1).length,
        shape.reduce((a, b) => a * b),
      );
    }
    assert.notDeepEqual(drawn([100], 0.5, 1), drawn([100], 0.5, 2));
  });

  it('are independent over items, over elements and over seeds', () => {
    const [items, units] = [400, 500];
    const n = items * units;
    const mask = drawn([items, units], 0.3, 5);
    const pairs: [string, Float32Array, Float32Array][] = [
      ['next item', mask.subarray(units), mask.subarray(0, n - units)],
      ['next element', mask.subarray(1), mask.subarray(0, n - 1)],
      // Four elements share a word of the generator.
      ['next word', mask.subarray(4), mask.subarray(0, n - 4)],
      ['next seed', drawn([items, units], 0.3, 6), mask],
    ];
    for (const [name, a, b] of pairs) assert.ok(Math.abs(correlation(a, b)) < ofCorrelation(a.length), name);
  });

  describe('in groups of passes', () => {
    const [images, units] = [200, 500];
    /** One pass's masks of all images. */
    const passOf = (masks: Float32Array, passes: number, pass: number): Float32Array =>
      Float32Array.from(
        { length: images * units },
        (_, i) => masks[(Math.floor(i / units) * passes + pass) * units + (i % units)] as number,
      );

    it('drop at their rate in every pass, and an element at most once in a group', () => {
      for (const rate of RATES) {
        const group = groupSize(rate);
        assert.equal(group, Math.floor(1 / maskRate(rate)));
        const passes = 2 * group + 1;
        const masks = grouped([images, passes, units], rate, 4);
        const each = Array.from({ length: passes }, (_, pass) => passOf(masks, passes, pass));
        for (const mask of each) {
          const dropped = mask.filter((value) => value === 0).length / mask.length;
          assert.ok(Math.abs(dropped - maskRate(rate)) < ofShare(rate, mask.length), `${rate}: ${dropped}`);
        }
        for (const start of [0, group])
          for (let i = 0; i < images * units; i++) {
            const drops = each.slice(start, start + group).filter((mask) => mask[i] === 0).length;
            assert.ok(drops <= 1);
          }
      }
    });

    it('are independent over images and elements within a pass, and over groups', () => {
      const rate = 0.3;
      const group = groupSize(rate);
      const masks = grouped([images, 2 * group, units], rate, 4);
      const first = passOf(masks, 2 * group, 0);
      const limit = ofCorrelation(first.length - units);
      assert.ok(Math.abs(correlation(first.subarray(units), first.subarray(0, -units))) < limit, 'next image');
      assert.ok(Math.abs(correlation(first.subarray(1), first.subarray(0, -1))) < limit, 'next element');
      assert.ok(Math.abs(correlation(passOf(masks, 2 * group, group), first)) < limit, 'next group');
      // Dropped never together: covariance -rate^2, so correlation -rate / (1 - rate).
      const within = correlation(passOf(masks, 2 * group, 1), first);
      assert.ok(Math.abs(within + maskRate(rate) / (1 - maskRate(rate))) < limit, 'within a group');
    });

    it('of one are independent over passes', () => {
      const masks = grouped([images, 2, units], 0.3, 4, 1);
      const between = correlation(passOf(masks, 2, 1), passOf(masks, 2, 0));
      assert.ok(Math.abs(between) < ofCorrelation(images * units));
    });

    it('of two at rate 1/2 are a mask and its complement', () => {
      const masks = grouped([images, 2, units], 0.5, 4);
      const [a, b] = [passOf(masks, 2, 0), passOf(masks, 2, 1)];
      assert.ok(a.every((value, i) => value + (b[i] as number) === 2));
    });
  });
});
