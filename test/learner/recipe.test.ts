import assert from 'node:assert/strict';
import { recipe as recipeSchema } from '../../src/contracts/learner.js';
import { networkNames, studentNames } from '../../src/contracts/presets.js';
import { recipeOf, specOf } from '../../src/learner/recipe.js';
import type { RecipeInput } from '../../src/learner/recipe.js';

const input: RecipeInput = {
  network: 'compact',
  student: 'supervised',
  image: { height: 28, width: 28, channels: 1 },
  round: 1,
  items: 500,
  pool: 10_000,
  precision: 'float32',
};

describe('recipe', () => {
  it('is valid for every network, student and size of image, with smaller batches for large ones', () => {
    for (const network of networkNames)
      for (const student of studentNames) {
        const batches = [8, 28, 64, 224, 512].map((side) => {
          const image = { height: side, width: side, channels: 3 } as const;
          return recipeSchema.parse(recipeOf({ ...input, network, student, image })).batch;
        });
        assert.deepEqual(
          batches,
          [...batches].sort((a, b) => b - a),
        );
        assert.ok((batches.at(-1) as number) >= 6);
      }
  });

  it("is the paper's for DenseNet: 100 epochs of SGD, batches of 16 and then 32, growth 12 and then 24", () => {
    const first = recipeOf({ ...input, network: 'densenet' });
    assert.deepEqual([first.batch, first.steps, first.optimiser, first.schedule], [16, 3200, 'sgd', 'steps']);
    const later = recipeOf({ ...input, network: 'densenet', round: 2, items: 3200 });
    assert.deepEqual([later.batch, later.steps, later.validateEvery], [32, 10_000, 100]);
    assert.deepEqual(
      [1, 2, 3].map((round) => specOf('densenet', input.image, 10, round).growth),
      [12, 24, 24],
    );
    assert.equal(specOf('compact', input.image, 10, 2).growth, null);
  });

  it('swaps left and right in colour images alone', () => {
    const flip = (channels: 1 | 3) =>
      recipeOf({ ...input, student: 'augmented', image: { ...input.image, channels } }).weak?.flip;
    assert.deepEqual([flip(1), flip(3)], [0, 0.5]);
  });

  it('shifts photos and leaves them upright; digits it also turns and scales', () => {
    const weak = (network: 'compact' | 'resnet') => recipeOf({ ...input, network, student: 'consistency' }).weak;
    assert.deepEqual(weak('resnet'), { shift: 0.125, rotation: 0, scale: 0, erase: 0, flip: 0 });
    assert.deepEqual(weak('compact'), { shift: 0.07, rotation: 12, scale: 0.1, erase: 0, flip: 0 });
  });

  it('takes fewer steps to move a model, and the rest of the recipe as it is', () => {
    for (const network of networkNames) {
      const of = { ...input, network, student: 'consistency' } as const;
      const fresh = recipeOf(of);
      const moved = recipeOf({ ...of, adapt: { labelsAClass: 5 } });
      assert.deepEqual(moved, { ...fresh, steps: Math.ceil(0.4 * fresh.steps) });
      assert.equal(recipeOf({ ...of, adapt: { labelsAClass: 5 }, steps: 70 }).steps, 70);
    }
  });

  it('aligns the shares of the classes only where few labels of the new dataset hold them apart', () => {
    const aligned = (student: 'consistency' | 'augmented', labelsAClass: number) =>
      recipeOf({ ...input, student, adapt: { labelsAClass } }).consistency?.aligned;
    assert.deepEqual(
      [aligned('consistency', 0), aligned('consistency', 4.9), aligned('consistency', 5), aligned('augmented', 0)],
      [true, true, undefined, undefined],
    );
  });

  it('pulls features to centroids where there are some, and says nothing of it otherwise', () => {
    assert.ok((recipeOf({ ...input, pulled: true }).pull ?? 0) > 0);
    assert.equal('pull' in recipeOf(input), false);
  });

  it('lets a consistency student take more steps on a larger pool', () => {
    const steps = (pool: number) => recipeOf({ ...input, student: 'consistency', pool }).steps;
    assert.deepEqual([10, 10_000, 50_000].map(steps), [2000, 2000, 4500]);
  });

  it('takes the number of steps that it is given', () => {
    assert.equal(recipeOf({ ...input, steps: 7 }).steps, 7);
  });
});
