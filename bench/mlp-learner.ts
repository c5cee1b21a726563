import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { loadBackend } from '../src/learning/backend.js';
import { compile } from '../src/learning/graph.js';
import type { SeedPair } from '../src/contracts/learner.js';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '../src/learning/backend.js';
import type { CompiledStep, Tensors } from '../src/learning/graph.js';

/** Rows of inputs, [count, width]. */
export interface Rows {
  x: Float32Array;
  count: number;
  width: number;
}

/** What a student says of the rows. */
export interface Predictions {
  /** [n, classes] */
  p: Float32Array;
  /** Hidden layer, [n, hidden]. */
  features: Float32Array;
}

export interface Sizes {
  width: number;
  hidden: number;
  classes: number;
  batch: number;
}

/** Adam as in Kingma and Ba 2015. */
const [RATE, BETA1, BETA2, EPSILON] = [2e-3, 0.9, 0.999, 1e-8];
/** Rows at once where nothing is trained. */
const CHUNK = 500;

/** One hidden layer of rectified units, trained by Adam: a student that takes a second, for benches of statements. */
export class MlpLearner {
  private readonly backend = loadBackend();
  private readonly trainer: CompiledStep;
  private readonly predictor: CompiledStep;

  constructor(private readonly sizes: Sizes) {
    const { width, hidden, classes, batch } = sizes;
    const { backend } = this;
    const { tf } = backend;
    const count = width * hidden + hidden + hidden * classes + classes;
    const zeros = { shape: [count], data: new Float32Array(count) };
    const forward = (weights: Tensor1D, x: Tensor2D): { features: Tensor2D; logits: Tensor2D } => {
      const [w1, b1, w2, b2] = tf.split(weights, [width * hidden, hidden, hidden * classes, classes]);
      const features: Tensor2D = tf.relu(
        tf.add(tf.matMul(x, (w1 as Tensor).reshape<Tensor2D>([width, hidden])), b1 as Tensor),
      );
      const logits: Tensor2D = tf.add(
        tf.matMul(features, (w2 as Tensor).reshape<Tensor2D>([hidden, classes])),
        b2 as Tensor,
      );
      return { features, logits };
    };
    this.trainer = compile(
      backend,
      (state: Tensors, feeds: Tensors) => {
        const loss = (weights: Tensor): Scalar => {
          const { logits } = forward(weights as Tensor1D, feeds['x'] as Tensor2D);
          return tf.neg(tf.mean(tf.sum(tf.mul(feeds['y'] as Tensor, tf.logSoftmax(logits)), 1)));
        };
        const { value, grad } = tf.valueAndGrad(loss)(state['weights'] as Tensor);
        const [one, two] = tf.split(feeds['corrections'] as Tensor1D, 2) as [Tensor, Tensor];
        const first = tf.add(tf.mul(state['first'] as Tensor, BETA1), tf.mul(grad, 1 - BETA1));
        const second = tf.add(tf.mul(state['second'] as Tensor, BETA2), tf.mul(tf.square(grad), 1 - BETA2));
        const move = tf.div(tf.div(first, one), tf.add(tf.sqrt(tf.div(second, two)), EPSILON));
        const weights = tf.sub(state['weights'] as Tensor, tf.mul(move, RATE));
        return { outputs: { loss: value }, updates: { weights, first, second } };
      },
      {
        name: 'train a perceptron',
        variables: { weights: zeros, first: zeros, second: zeros },
        feeds: {
          x: { shape: [batch, width], dtype: 'float32' },
          y: { shape: [batch, classes], dtype: 'float32' },
          corrections: { shape: [2], dtype: 'float32' },
        },
      },
    );
    this.predictor = compile(
      backend,
      (state: Tensors, feeds: Tensors) => {
        const { features, logits } = forward(state['weights'] as Tensor1D, feeds['x'] as Tensor2D);
        return { outputs: { p: tf.softmax(logits), features } };
      },
      {
        name: 'predict with a perceptron',
        variables: { weights: zeros },
        feeds: { x: { shape: [CHUNK, width], dtype: 'float32' } },
      },
    );
  }

  /** Fresh weights, trained for some steps on rows and their labels, in shuffled epochs. */
  train(rows: Rows, items: readonly number[], labels: ArrayLike<number>, steps: number, key: Readonly<SeedPair>): void {
    const { width, classes, batch } = this.sizes;
    for (const name of ['first', 'second']) this.trainer.write(name, this.zeros());
    this.trainer.write('weights', this.fresh(key));
    const random = new RandomStream(deriveSeed(key, 'batch'));
    const order: number[] = [];
    for (let step = 1; step <= steps; step++) {
      while (order.length < batch) order.push(...random.shuffle(Array.from(items, (_, i) => i)));
      const x = new Float32Array(batch * width);
      const y = new Float32Array(batch * classes);
      order.splice(0, batch).forEach((i, row) => {
        const item = items[i] as number;
        x.set(rows.x.subarray(item * width, (item + 1) * width), row * width);
        y[row * classes + (labels[i] as number)] = 1;
      });
      this.trainer.fetch({ x, y, corrections: Float32Array.of(1 - BETA1 ** step, 1 - BETA2 ** step) });
    }
    this.predictor.write('weights', this.trainer.read('weights'));
  }

  /** Of the student that was trained last. */
  predict(rows: Rows): Predictions {
    const { width, hidden, classes } = this.sizes;
    const p = new Float32Array(rows.count * classes);
    const features = new Float32Array(rows.count * hidden);
    for (let start = 0; start < rows.count; start += CHUNK) {
      const n = Math.min(CHUNK, rows.count - start);
      const x = new Float32Array(CHUNK * width);
      x.set(rows.x.subarray(start * width, (start + n) * width));
      const out = this.predictor.fetch({ x });
      p.set((out['p'] as Float32Array).subarray(0, n * classes), start * classes);
      features.set((out['features'] as Float32Array).subarray(0, n * hidden), start * hidden);
    }
    return { p, features };
  }

  dispose(): void {
    for (const step of [this.trainer, this.predictor]) step.dispose();
  }

  private zeros(): Float32Array {
    const { width, hidden, classes } = this.sizes;
    return new Float32Array(width * hidden + hidden + hidden * classes + classes);
  }

  /** He et al. 2015 for the hidden layer, small logits, biases 0. */
  private fresh(key: Readonly<SeedPair>): Float32Array {
    const { width, hidden, classes } = this.sizes;
    const random = new RandomStream(deriveSeed(key, 'initialise'));
    const weights = this.zeros();
    const last = width * hidden + hidden;
    for (let i = 0; i < width * hidden; i++) weights[i] = Math.sqrt(2 / width) * random.normal();
    for (let i = 0; i < hidden * classes; i++) weights[last + i] = Math.sqrt(1 / hidden) * random.normal();
    return weights;
  }
}
