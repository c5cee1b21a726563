import assert from 'node:assert/strict';
import { drawAside } from '../../../src/activities/audit/draw-aside.js';
import { drawOrder } from '../../../src/labelling/certificate/index.js';

const SEED = 'a'.repeat(64);

describe('a draw in a thread of its own', function () {
  this.timeout(60_000);

  for (const drawing of ['uniform', 'uncertainty'] as const)
    it(`is the draw: ${drawing}, from the labels before the repaired ones`, async () => {
      const ids = Array.from({ length: 1000 }, (_, i) => `image ${i}`);
      const rules = { drawing, labels: ids.length, repair: { from: 900, count: 50 } };
      const drawn = await drawAside({ rules, seed: SEED, ids });
      assert.equal(drawn.length, 900);
      assert.deepEqual(drawn, drawOrder(rules, SEED, ids));
    });

  it('of 200,000 labels leaves this thread free for heartbeats', async () => {
    const ids = Array.from({ length: 200_000 }, (_, i) => `image ${i}`);
    const rules = { drawing: 'uniform', labels: ids.length, repair: { from: ids.length, count: 0 } } as const;
    let beats = 0;
    const timer = setInterval(() => beats++, 10);
    try {
      assert.equal((await drawAside({ rules, seed: SEED, ids })).length, ids.length);
    } finally {
      clearInterval(timer);
    }
    // Drawn here it takes 0.4 s or more, in which no timer comes at all.
    assert.ok(beats >= 5, `${beats} beats`);
  });
});
