import { loadBackend } from '../src/learning/backend.js';
import { dropoutMask } from '../src/learning/dropout.js';
import { compile } from '../src/learning/graph.js';
import { sizeOf, volume } from '../src/learning/network.js';
import { seedOf } from '../src/learning/random-ops.js';
import { CLASSES, DROPOUT, DROPOUTS, freshWeights, lenet, logitsOf, passesOf } from './lenet.js';
import type { SeedPair } from '../src/contracts/learner.js';
import type { Passes } from '../src/labelling/acquisition.js';
import type { Backend, Scalar, Tensor, Tensor1D, Tensor4D } from '../src/learning/backend.js';
import type { CompiledStep, Tensors } from '../src/learning/graph.js';
import type { Pass } from '../src/learning/network.js';

/** Grey images of 28 x 28 as bytes, [count, 784]. */
export interface Images {
  pixels: Uint8Array;
  count: number;
}

const PIXELS = 28 * 28;
/** MNIST's own mean and standard deviation, of pixels in [0, 1]. */
const [MEAN, DEVIATION] = [0.1307, 0.3081];
/** Adam as PyTorch has it by default (Kingma and Ba 2015). */
const [RATE, BETA1, BETA2, EPSILON] = [1e-3, 0.9, 0.999, 1e-8];
/** Images at once where nothing is trained: the shares of so many take 50 MB. */
const CHUNK = 100;

const SEEDS = Array.from({ length: DROPOUTS }, (_, layer) => `seed_${layer}`);
const seedFeeds = Object.fromEntries(SEEDS.map((name) => [name, { shape: [2], dtype: 'int32' as const }]));
const seedsOf = (key: Readonly<SeedPair>, step: number): Record<string, Int32Array> =>
  Object.fromEntries(SEEDS.map((name, layer) => [name, Int32Array.from(seedOf(key, [step, layer]))]));

/** LeNet in compiled steps: training, prediction without dropout, and consistent passes. All have the same weights. */
export class LeNetLearner {
  private readonly backend = loadBackend();
  private readonly trainer: CompiledStep;
  private readonly predictor: CompiledStep;
  private readonly sampler: CompiledStep;
  private key: Readonly<SeedPair> = [0, 0];
  private steps = 0;

  constructor(private readonly sizes: { batch: number; passes: number }) {
    const { backend } = this;
    const zeros = { shape: [sizeOf(lenet)], data: new Float32Array(sizeOf(lenet)) };
    const images = { shape: [CHUNK, 28, 28, 1], dtype: 'float32' as const };
    this.trainer = compile(backend, (state, feeds) => adamStep(backend, state, feeds), {
      name: 'train LeNet',
      variables: { weights: zeros, first: zeros, second: zeros },
      feeds: {
        x: { shape: [sizes.batch, 28, 28, 1], dtype: 'float32' },
        y: { shape: [sizes.batch, CLASSES], dtype: 'float32' },
        corrections: { shape: [2], dtype: 'float32' },
        ...seedFeeds,
      },
    });
    const p = (logits: Tensor): Tensors => ({ p: backend.tf.softmax(logits) });
    this.predictor = compile(
      backend,
      (state, { x }) => ({
        outputs: p(
          logitsOf(
            passOf(backend, state, () => null),
            x as Tensor4D,
          ),
        ),
      }),
      { name: 'predict with LeNet', variables: { weights: zeros }, feeds: { x: images } },
    );
    this.sampler = compile(
      backend,
      (state, feeds) => {
        const logits = passesOf(passOf(backend, state, maskFrom(backend, feeds)), feeds['x'] as Tensor4D, sizes.passes);
        return { outputs: p(backend.tf.transpose(logits, [1, 0, 2])) };
      },
      { name: 'sample LeNet', variables: { weights: zeros }, feeds: { x: images, ...seedFeeds } },
    );
  }

  /** Fresh weights. */
  start(key: Readonly<SeedPair>): void {
    this.key = key;
    this.steps = 0;
    for (const name of ['first', 'second']) this.trainer.write(name, new Float32Array(sizeOf(lenet)));
    this.restore(freshWeights(key));
  }

  /** One step of Adam on the mean cross-entropy of these images, a mask an image. */
  step(images: Images, labels: Uint8Array, items: number[]): void {
    const { batch } = this.sizes;
    const y = new Float32Array(batch * CLASSES);
    items.forEach((item, i) => (y[i * CLASSES + (labels[item] as number)] = 1));
    this.steps++;
    const corrections = Float32Array.of(1 - BETA1 ** this.steps, 1 - BETA2 ** this.steps);
    this.trainer.fetch({ x: inputs(images, items, batch), y, corrections, ...seedsOf(this.key, this.steps) });
  }

  weights = (): Float32Array => this.trainer.read('weights');

  restore(weights: Float32Array): void {
    this.trainer.write('weights', weights);
  }

  /** Probabilities without dropout: one pass. */
  predict(images: Images, items: number[]): Passes {
    return this.chunks(this.predictor, 1, images, items, {});
  }

  /** Probabilities of consistent passes; the masks are a function of the key. */
  sample(images: Images, items: number[], key: Readonly<SeedPair>): Passes {
    return this.chunks(this.sampler, this.sizes.passes, images, items, seedsOf(key, 0));
  }

  dispose(): void {
    for (const step of [this.trainer, this.predictor, this.sampler]) step.dispose();
  }

  private chunks(
    step: CompiledStep,
    passes: number,
    images: Images,
    items: number[],
    seeds: Record<string, Int32Array>,
  ): Passes {
    step.write('weights', this.weights());
    const n = items.length;
    const width = passes * CLASSES;
    const p = new Float32Array(n * width);
    for (let start = 0; start < n; start += CHUNK) {
      const part = step.fetch({ x: inputs(images, items.slice(start, start + CHUNK), CHUNK), ...seeds })['p'];
      p.set((part as Float32Array).subarray(0, Math.min(CHUNK, n - start) * width), start * width);
    }
    return { p, n, passes, classes: CLASSES };
  }
}

/** Standardised images, [count, 28, 28, 1]; zeros after the last. */
function inputs({ pixels }: Images, items: number[], count: number): Float32Array {
  const x = new Float32Array(count * PIXELS);
  items.forEach((item, i) => {
    for (let j = 0; j < PIXELS; j++)
      x[i * PIXELS + j] = ((pixels[item * PIXELS + j] as number) / 255 - MEAN) / DEVIATION;
  });
  return x;
}

/** A way through the network with the weights out of the one vector that the optimiser works on. */
function passOf(backend: Backend, { weights }: Tensors, mask: Pass['mask']): Pass {
  const parts = backend.tf.split(
    weights as Tensor1D,
    lenet.parameters.map(({ shape }) => volume(shape)),
  );
  const shaped = lenet.parameters.map(({ shape }, i) => (parts[i] as Tensor).reshape(shape));
  return { backend, weights: shaped, statistics: [], normalisation: 'moving', mask };
}

const maskFrom =
  (backend: Backend, feeds: Tensors): Pass['mask'] =>
  (shape, layer) =>
    dropoutMask(backend, shape, DROPOUT, feeds[SEEDS[layer] as string] as Tensor);

function adamStep(backend: Backend, state: Tensors, feeds: Tensors): { outputs: Tensors; updates: Tensors } {
  const { tf } = backend;
  const loss = (weights: Tensor): Scalar => {
    const logits = logitsOf(passOf(backend, { weights }, maskFrom(backend, feeds)), feeds['x'] as Tensor4D);
    return tf.neg(tf.mean(tf.sum(tf.mul(feeds['y'] as Tensor, tf.logSoftmax(logits)), 1)));
  };
  const { value, grad } = tf.valueAndGrad(loss)(state['weights'] as Tensor);
  const [correction1, correction2] = tf.split(feeds['corrections'] as Tensor1D, 2) as [Tensor, Tensor];
  const first = tf.add(tf.mul(state['first'] as Tensor, BETA1), tf.mul(grad, 1 - BETA1));
  const second = tf.add(tf.mul(state['second'] as Tensor, BETA2), tf.mul(tf.square(grad), 1 - BETA2));
  const move = tf.div(tf.div(first, correction1), tf.add(tf.sqrt(tf.div(second, correction2)), EPSILON));
  return {
    outputs: { loss: value },
    updates: { weights: tf.sub(state['weights'] as Tensor, tf.mul(move, RATE)), first, second },
  };
}
