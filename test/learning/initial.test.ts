import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { LabelloopError } from '../../src/contracts/errors.js';
import { encodeModel } from '../../src/learning/checkpoint.js';
import { startFrom } from '../../src/learning/initial.js';
import { sizeOf, volume } from '../../src/learning/network.js';
import { createNetwork } from '../../src/learning/networks/index.js';
import { studentVariables } from '../../src/learning/student.js';
import { temporaryDirectory, tinyRecipe } from './fixtures.js';
import type { ModelSpec } from '../../src/contracts/learner.js';
import type { Network } from '../../src/learning/network.js';

const specOf = (overrides: Partial<ModelSpec> = {}): ModelSpec => ({
  ...{ network: 'compact', image: { height: 12, width: 12, channels: 1 }, classes: 3, growth: null },
  ...overrides,
});

describe('a start from a model', () => {
  const directory = temporaryDirectory();
  let names = 0;

  /** A model whose weights count up from 1, so that each tells where it came from. */
  function written(spec: ModelSpec) {
    const network = createNetwork(spec);
    const weights = Float32Array.from({ length: sizeOf(network) }, (_, i) => i + 1);
    const width = network.statistics.reduce((sum, statistic) => sum + 2 * statistic.width, 0);
    const statistics = Float32Array.from({ length: width }, (_, i) => -i - 1);
    const file = path.join(directory, `model-${names++}`);
    fs.writeFileSync(file, encodeModel(network, { weights, statistics }, 0.5));
    return { file, network, weights, statistics };
  }
  const freshFor = (network: Network) =>
    studentVariables({ network, recipe: { ...tinyRecipe, averaging: 0.9 }, pool: 0, mixed: false }, [1, 2]);
  const part = ({ parameters }: Network, vector: Float32Array, wanted: string): Float32Array => {
    let offset = 0;
    for (const { name, shape } of parameters) {
      if (name === wanted) return vector.subarray(offset, offset + volume(shape));
      offset += volume(shape);
    }
    throw new Error(wanted);
  };

  for (const network of ['compact', 'resnet'] as const)
    it(`takes weights and statistics, and their averages, as they are: ${network}`, () => {
      const model = written(specOf({ network }));
      const fresh: Record<string, { data: Float32Array }> = freshFor(model.network);
      startFrom(model.file, model.network, fresh);
      assert.deepEqual(fresh['weights']?.data, model.weights);
      assert.deepEqual(fresh['average.weights']?.data, model.weights);
      if (network === 'resnet') assert.deepEqual(fresh['average.statistics']?.data, model.statistics);
    });

  for (const network of ['compact', 'resnet', 'densenet'] as const)
    it(`keeps what the head knew of the old classes and draws the new ones: ${network}`, () => {
      const growth = network === 'densenet' ? 4 : null;
      const model = written(specOf({ network, growth }));
      const wider = createNetwork(specOf({ network, growth, classes: 5 }));
      const drawn = freshFor(wider).weights.data.slice();
      const fresh = freshFor(wider);
      startFrom(model.file, wider, fresh);
      const { data } = fresh.weights;
      const [kernel, old, new_] = [data, model.weights, drawn].map((vector, i) =>
        part(i === 1 ? model.network : wider, vector, 'logits.kernel'),
      ) as [Float32Array, Float32Array, Float32Array];
      for (let row = 0; row < wider.featureWidth; row++) {
        assert.deepEqual(kernel.subarray(5 * row, 5 * row + 3), old.subarray(3 * row, 3 * row + 3));
        assert.deepEqual(kernel.subarray(5 * row + 3, 5 * row + 5), new_.subarray(5 * row + 3, 5 * row + 5));
      }
      for (const { name } of wider.parameters.filter(({ name }) => !name.startsWith('logits.')))
        assert.deepEqual(part(wider, data, name), part(model.network, model.weights, name), name);
    });

  it('refuses a model of another network, of other images, or of more classes', () => {
    const { file } = written(specOf());
    for (const other of [
      { network: 'resnet' },
      { image: { height: 14, width: 12, channels: 1 } },
      { classes: 2 },
    ] as const) {
      const network = createNetwork(specOf(other));
      assert.throws(
        () => startFrom(file, network, freshFor(network)),
        (error: unknown) => error instanceof LabelloopError && error.code === 'SHAPE_MISMATCH',
        JSON.stringify(other),
      );
    }
  });
});
