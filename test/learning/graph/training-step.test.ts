import assert from 'node:assert/strict';
import { RandomStream } from '../../../src/contracts/random.js';
import { distort, drawDistortions } from '../../../src/learning/augment.js';
import { loadBackend } from '../../../src/learning/backend.js';
import { dropout } from '../../../src/learning/dropout.js';
import { compile, eager } from '../../../src/learning/graph.js';
import { heteroscedasticLoss, logitNoise } from '../../../src/learning/heteroscedastic.js';
import { createModel, initialWeights, sizeOf, splitWeights } from '../../../src/learning/model.js';
import { adamW, decayMask, stepSize } from '../../../src/learning/optimise.js';
import { seedOf } from '../../../src/learning/random-ops.js';
import { tinyRecipe } from '../fixtures.js';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '../../../src/learning/backend.js';
import type { CompiledStep, CompileOptions, FeedValue, Step } from '../../../src/learning/graph.js';
import type { OptimiserState } from '../../../src/learning/optimise.js';

const backend = loadBackend();
const { tf } = backend;
const image = { height: 16, width: 16, channels: 1 } as const;
const classes = 4;
const recipe = { ...tinyRecipe, steps: 60, batch: 16, draws: 10 };
const model = createModel({ preset: 'compact', image, classes });
const decayed = decayMask(model);

/** The training step of `compact`, with all that varies as feeds. */
const step: Step = (variables, feeds) => {
  const loss = (...parameters: Tensor[]): Scalar => {
    const drop = (h: Tensor2D, layer: number) => dropout(backend, h, recipe.dropout, feeds[`mask${layer}`] as Tensor);
    const trunk = model.trunk(backend, parameters, feeds['images'] as Tensor4D);
    const { logits, logVariance } = model.head(backend, parameters, trunk, drop);
    const noise = logitNoise(backend, recipe.draws, recipe.batch, classes, feeds['noise'] as Tensor);
    const [labels, weights] = [feeds['labels'] as Tensor2D, feeds['weights'] as Tensor1D];
    return heteroscedasticLoss(backend, logits, logVariance, labels, weights, noise);
  };
  const state = variables as unknown as OptimiserState;
  const { value, grads } = tf.valueAndGrads(loss)(splitWeights(backend, model, state.weights));
  const gradient = tf.concat1d(grads.map((part) => part.flatten()));
  const { move, second, decay } = feeds as unknown as Record<'move' | 'second' | 'decay', Scalar>;
  const updates = adamW(backend, state, gradient, tf.tensor1d(decayed), { move, second, decay });
  return { outputs: { loss: value }, updates };
};

const options = (): CompileOptions => {
  const shape = [sizeOf(model)];
  const zeros = () => new Float32Array(sizeOf(model));
  const seed = { shape: [2], dtype: 'int32' } as const;
  const scalar = { shape: [], dtype: 'float32' } as const;
  return {
    name: 'train',
    variables: {
      weights: { shape, data: initialWeights(model, [1, 2]) },
      first: { shape, data: zeros() },
      second: { shape, data: zeros() },
    },
    feeds: {
      images: { shape: [recipe.batch, image.height, image.width, 1], dtype: 'float32' },
      labels: { shape: [recipe.batch, classes], dtype: 'float32' },
      weights: { shape: [recipe.batch], dtype: 'float32' },
      ...{ mask0: seed, mask1: seed, noise: seed },
      ...{ move: scalar, second: scalar, decay: scalar },
    },
    verify: true,
  };
};

/** Step `index`: pictures whose brightest quarter tells the class. */
function feedsOf(index: number): Record<string, FeedValue> {
  const random = new RandomStream([9, index]);
  const { batch } = recipe;
  const pixels = Float32Array.from({ length: batch * 256 }, () => 0.3 * random.normal());
  const labels = new Float32Array(batch * classes);
  for (let i = 0; i < batch; i++) {
    labels[i * classes + (i % classes)] = 1;
    for (let p = 0; p < 64; p++) pixels[i * 256 + (i % classes) * 64 + p]! += 1;
  }
  const images = distort(backend, pixels, image, drawDistortions(recipe, image, batch, [4, 5], index));
  const seed = (n: number) => Int32Array.from(seedOf([6, 7], [index, n]));
  const size = stepSize(recipe, index);
  const feeds = {
    images: images.dataSync<'float32'>().slice(),
    labels,
    weights: new Float32Array(batch).fill(0.5),
    ...{ mask0: seed(0), mask1: seed(1), noise: seed(2) },
    ...{ move: Float32Array.of(size.move), second: Float32Array.of(size.second), decay: Float32Array.of(size.decay) },
  };
  images.dispose();
  return feeds;
}

const run = (compiled: CompiledStep, from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => compiled.fetch(feedsOf(from + i))['loss']?.[0] as number);

function difference(a: CompiledStep, b: CompiledStep, variable: string): number {
  const expected = b.read(variable);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return a.read(variable).reduce((most, x, i) => Math.max(most, Math.abs(x - (expected[i] as number))), 0) / scale;
}

describe('a compiled training step', () => {
  it('equals the eager one: to 1e-6 of the largest value after a step, to 1e-5 after ten', () => {
    const [compiled, reference] = [compile(backend, step, options()), eager(backend, step, options())];
    for (const [from, to, tolerance] of [
      [0, 1, 1e-6],
      [1, 10, 1e-5],
    ] as const) {
      const losses = run(reference, from, to);
      run(compiled, from, to).forEach((loss, i) => assert.ok(Math.abs(loss - (losses[i] as number)) < tolerance));
      for (const name of ['weights', 'first', 'second']) {
        const off = difference(compiled, reference, name);
        assert.ok(off < tolerance, `${name} after ${to} steps: ${off}`);
      }
    }
    compiled.dispose();
    reference.dispose();
  });

  it('gives the same bits when it is stopped, read, compiled anew and written', () => {
    const whole = compile(backend, step, options());
    run(whole, 0, 8);
    const [first, second] = [compile(backend, step, options()), compile(backend, step, options())];
    run(first, 0, 5);
    for (const name of ['weights', 'first', 'second']) second.write(name, first.read(name));
    run(second, 5, 8);
    for (const name of ['weights', 'first', 'second']) assert.deepEqual(second.read(name), whole.read(name));
    for (const compiled of [whole, first, second]) compiled.dispose();
  });

  it('learns in bfloat16 as it does in float32, with float32 weights', () => {
    const precise = compile(backend, step, options());
    const narrow = compile(backend, step, { ...options(), precision: 'bfloat16' });
    assert.ok((narrow.graph.ops['Cast'] as number) > (precise.graph.ops['Cast'] as number));
    const [expected, got] = [run(precise, 0, 60), run(narrow, 0, 60)];
    const end = (losses: number[]) => losses.slice(-10).reduce((a, b) => a + b) / 10;
    assert.ok(end(expected) < (expected[0] as number) / 2);
    assert.ok(Math.abs(end(got) - end(expected)) < 0.1 * (expected[0] as number), `${end(got)}, ${end(expected)}`);
    // A weight in bfloat16 has 8 bits; one that is updated in float32 has no such grid.
    const bits = new Int32Array(narrow.read('weights').buffer);
    assert.ok(bits.filter((value) => (value & 0xffff) !== 0).length > 0.9 * bits.length);
    precise.dispose();
    narrow.dispose();
  });
});
