import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RandomStream } from '../../src/contracts/random.js';
import { negatives } from '../../src/labelling/polarity.js';
import type { Features } from '../../src/labelling/two-sample.js';

const WIDTH = 16;

/** Images of noise of width 10 around `ground`, with a pattern of so much contrast on it. */
function images(n: number, seed: number, contrast: number, ground = 100): Features {
  const random = new RandomStream([seed, 1]);
  const data = Float32Array.from(
    { length: n * WIDTH },
    (_, i) => ground + (i % WIDTH < 4 ? contrast : 0) + 10 * random.normal(),
  );
  return { data, n, width: WIDTH };
}

describe('negatives', () => {
  it('are told by objects that are dark where the known ones are bright', () => {
    assert.deepEqual(negatives(images(50, 1, 60), images(80, 2, -60)), { known: 1, seen: 0 });
  });

  it('are no images of another brightness or contrast', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 20, max: 120 }), (ground, contrast) => {
        assert.equal(negatives(images(50, 1, 60), images(80, 2, contrast, ground)), null);
      }),
    );
  });

  it('are the same whichever side is which', () => {
    const [bright, dark] = [images(50, 1, 60), images(50, 2, -60)];
    assert.deepEqual(negatives(dark, bright), negatives(bright, dark));
  });

  it('are not told where images have nothing in common', () => {
    assert.equal(negatives(images(200, 1, 0), images(200, 2, 0)), null);
    assert.equal(negatives(images(200, 1, 0), images(200, 2, -60)), null);
  });

  it('need images on both sides', () => {
    const none = { data: new Float32Array(), n: 0, width: 0 };
    assert.equal(negatives(none, images(5, 1, -60)), null);
    assert.equal(negatives(images(5, 1, 60), none), null);
  });
});
