import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RandomStream } from '../../src/contracts/random.js';
import {
  andThen,
  IDENTITY,
  MIRROR,
  projective,
  rotation,
  scaling,
  shear,
  translation,
} from '../../src/learning/affine.js';
import { drawView, drawViews, view, VIEW_WIDTH } from '../../src/learning/augment.js';
import { loadBackend } from '../../src/learning/backend.js';
import { standardise, standardised, standardisedFloats } from '../../src/learning/pixels.js';
import { neutralTones, TONE_WIDTH, tones } from '../../src/learning/randaugment.js';
import { countTensors } from './gradients.js';
import type { Affine } from '../../src/learning/affine.js';
import type { Tensor4D } from '../../src/learning/backend.js';

const backend = loadBackend();
const { tf } = backend;
const image = { height: 6, width: 5, channels: 3 } as const;
const weak = { shift: 0.1, rotation: 10, scale: 0.1, erase: 0.5, flip: 0.5 };
const random = (key = 1) => new RandomStream([key, 2]);
const bytes = (n: number, key = 1): Float32Array => {
  const stream = random(key);
  return Float32Array.from({ length: n }, () => stream.integer(256));
};

/** A picture moved by one transform, not standardised in effect: it has mean 0 where it is drawn around 0. */
function moved(pixels: Float32Array, side: number, move: Affine): number[] {
  const row = [...projective(move, side, side), 0, 0, 0, 0, ...neutralTones()];
  const x: Tensor4D = tf.tensor4d(pixels, [1, side, side, 1]);
  return [...view(backend, x, tf.tensor2d([row]), { weak: { ...weak, erase: 0 }, strong: null }).dataSync()];
}

/** Where the brightest pixel is, [row, column]. */
const brightest = (pixels: number[], side: number): [number, number] => {
  const at = pixels.indexOf(Math.max(...pixels));
  return [Math.floor(at / side), at % side];
};
const dot = (row: number, column: number, side = 7): Float32Array => {
  const pixels = new Float32Array(side * side);
  pixels[row * side + column] = 255;
  return pixels;
};

describe('augmentation', () => {
  countTensors();

  it('moves the picture where the names say', () => {
    const at = (move: Affine) => brightest(moved(dot(3, 5), 7, move), 7);
    assert.deepEqual(at(IDENTITY), [3, 5]);
    assert.deepEqual(at(translation(1, -2)), [1, 6]);
    assert.deepEqual(at(rotation(Math.PI / 2)), [5, 3]);
    assert.deepEqual(at(MIRROR), [3, 1]);
    assert.deepEqual(at(scaling(1.5)), [3, 6]);
    assert.deepEqual(at(shear(0, 0.5)), [4, 5]);
    assert.deepEqual(brightest(moved(dot(5, 3), 7, shear(0.5, 0)), 7), [5, 4]);
  });

  it('does one move after the other', () => {
    const at = (...moves: Affine[]) => brightest(moved(dot(3, 4), 7, moves.reduce(andThen, IDENTITY)), 7);
    assert.deepEqual(at(translation(1, 0), rotation(Math.PI / 2)), [5, 3]);
    assert.deepEqual(at(rotation(Math.PI / 2), translation(1, 0)), [4, 4]);
  });

  it('is a group action: a move and its inverse leave the picture', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        (angle, x) => {
          const there = andThen(rotation(angle), translation(x, -x));
          const back = andThen(there, andThen(translation(-x, x), rotation(-angle)));
          back.forEach((value, i) => assert.ok(Math.abs(value - (IDENTITY[i] as number)) < 1e-9));
        },
      ),
    );
  });

  it('erases a rectangle to the mean and nothing else', () => {
    const row = [...projective(IDENTITY, 6, 5), 1, 2, 4, 4, ...neutralTones()];
    const x: Tensor4D = tf.tensor4d(bytes(90), [1, 6, 5, 3]);
    const augmentation = { weak, strong: null };
    const erased = view(backend, x, tf.tensor2d([row]), augmentation).dataSync();
    const whole = standardisedFloats(backend, x).dataSync();
    erased.forEach((value, i) => {
      const [y, left] = [Math.floor(i / 15), Math.floor((i % 15) / 3)];
      assert.ok(value === (y >= 1 && y < 4 && left >= 2 && left < 4 ? 0 : whole[i]));
    });
  });

  it('standardises alone where nothing is changed', () => {
    const x: Tensor4D = tf.tensor4d(bytes(180), [2, 6, 5, 3]);
    assert.deepEqual(
      view(backend, x, null, { weak: null, strong: null }).dataSync(),
      standardisedFloats(backend, x).dataSync(),
    );
  });

  it('draws the same for the same seed, within its limits, with the chances it was given', () => {
    const draw = (key: number) => drawViews({ weak, strong: null }, image, 500, random(key));
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
    const views = draw(1);
    let erased = 0;
    let flipped = 0;
    for (let i = 0; i < 500; i++) {
      const [a, , , , , , , , top, left, bottom, right] = [...views.subarray(i * VIEW_WIDTH)] as number[];
      flipped += Number((a as number) < 0);
      erased += Number((bottom as number) > (top as number));
      assert.ok((bottom as number) <= 6 && (right as number) <= 5 && (left as number) >= 0);
      assert.ok(Math.abs(Math.abs(a as number) - 1) < 0.13);
    }
    assert.ok(Math.abs(erased / 500 - 0.5) < 0.12);
    assert.ok(Math.abs(flipped / 500 - 0.5) < 0.12);
  });

  it('shifts by whole pixels where it neither turns nor scales, so that nothing is blurred', () => {
    const sides = { height: 40, width: 32, channels: 3 } as const;
    const limits = { shift: 0.125, rotation: 0, scale: 0, erase: 0, flip: 0 };
    const views = Array.from({ length: 200 }, (_, key) => drawView({ weak: limits, strong: null }, sides, random(key)));
    const span = (column: number) => {
      const seen = views.map((drawn) => drawn[column] as number);
      assert.ok(seen.every(Number.isInteger));
      return [Math.min(...seen), Math.max(...seen)];
    };
    assert.deepEqual(
      [span(2), span(5)],
      [
        [-4, 4],
        [-5, 5],
      ],
    );
  });

  it('draws no more from RandAugment than its magnitude allows', () => {
    const strong = (magnitude: number) => ({ weak: null, strong: { operations: 3, magnitude } });
    const still = drawView(strong(0), image, random());
    const plain = [...projective(IDENTITY, 6, 5), ...neutralTones()];
    [...still.slice(0, 8), ...still.slice(12)].forEach((value, i) =>
      assert.ok(Math.abs(value - (plain[i] as number)) < 1e-12),
    );
    const seen = new Set(Array.from({ length: 50 }, (_, key) => String(drawView(strong(1), image, random(key)))));
    assert.equal(seen.size, 50);
  });
});

describe('tones', () => {
  countTensors();
  const changed = (pixels: Float32Array, channels: number, change: Record<number, number>): number[] => {
    const strengths = neutralTones().map((value, i) => change[i] ?? value);
    const x: Tensor4D = tf.tensor4d(pixels, [1, 3, 3, channels]);
    return [...tones(backend, x, tf.tensor2d([strengths])).dataSync()];
  };
  const near = (got: number[], expected: ArrayLike<number>) =>
    got.forEach((value, i) => assert.ok(Math.abs(value - (expected[i] as number)) < 1e-3, `${i}: ${value}`));
  const pixels = bytes(27, 3);
  const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b) / values.length;

  it('changes nothing at neutral strengths', () => {
    assert.equal(neutralTones().length, TONE_WIDTH);
    near(changed(pixels, 3, {}), pixels);
  });

  it('posterises, inverts the bright, and scales about the mean and from black', () => {
    near(
      changed(pixels, 3, { 0: 16 }),
      pixels.map((value) => Math.floor(value / 16) * 16),
    );
    near(
      changed(pixels, 3, { 1: 128 }),
      pixels.map((value) => (value >= 128 ? 255 - value : value)),
    );
    const middle = mean(pixels);
    near(
      changed(pixels, 3, { 2: 0.5 }),
      pixels.map((value) => middle + (value - middle) / 2),
    );
    near(
      changed(pixels, 3, { 3: 1.5 }),
      pixels.map((value) => Math.min(255, 1.5 * value)),
    );
  });

  it('fades colours to grey', () => {
    const grey = changed(pixels, 3, { 4: 0 });
    for (let i = 0; i < 27; i += 3)
      near(grey.slice(i, i + 3), new Float32Array(3).fill(mean(pixels.subarray(i, i + 3))));
  });

  it('blurs to the mean of the neighbours at sharpness 0', () => {
    const grey = pixels.subarray(0, 9);
    assert.ok(Math.abs((changed(grey, 1, { 5: 0 })[4] as number) - mean(grey)) < 1e-3);
  });
});

describe('standardisation', () => {
  countTensors();

  it('gives mean 0 and deviation 1, and 0 for a blank image', () => {
    const pixels = Uint8Array.from({ length: 200 }, (_, i) => (i < 100 ? (i * 37) % 256 : 90));
    const got = standardise(pixels, 100);
    const first = got.subarray(0, 100);
    assert.ok(Math.abs(first.reduce((a, b) => a + b)) < 1e-3);
    assert.ok(Math.abs(first.reduce((sum, value) => sum + value * value, 0) / 100 - 1) < 1e-3);
    assert.ok(got.subarray(100).every((value) => value === 0));
  });

  it('is the same on the device, of bytes and of numbers', () => {
    const pixels = Uint8Array.from(bytes(180));
    const expected = standardise(pixels, 90);
    const floats: Tensor4D = tf.tensor4d(Float32Array.from(pixels), [2, 6, 5, 3]);
    const raw = backend.op<Tensor4D>('Cast', { SrcT: { type: 'float32' }, DstT: { type: 'uint8' } }, [floats]);
    for (const got of [standardisedFloats(backend, floats), standardised(backend, raw)])
      got.dataSync().forEach((value, i) => assert.ok(Math.abs(value - (expected[i] as number)) < 1e-5));
  });
});
