import { setImmediate } from 'node:timers/promises';
import { deriveSeed } from '../contracts/random.js';
import { encodeSafetensors } from '../contracts/safetensors.js';
import { float32, readModel, writeWhole } from './checkpoint.js';
import { keepMask } from './dropout.js';
import { learningErrors } from './errors.js';
import { FEATURE_WIDTH, splitWeights } from './model.js';
import { Pace } from './pace.js';
import { imageSize, PixelFiles, standardise } from './pixels.js';
import { seedOf } from './random-ops.js';
import { PosteriorAccumulator } from './uncertainty.js';
import type { ImageShape } from '../contracts/dataset.js';
import type { SampleResult, SampleTask, TaskListener } from '../contracts/learner.js';
import type { Backend, Tensor, Tensor2D } from './backend.js';
import type { Model } from './model.js';

/**
 * Images whose masks are drawn together. Blocks are cut at multiples of it in the split, and a block's work always has
 * this size, so that the result of an image depends neither on the shard's cut nor on the images beside it.
 */
const BLOCK = 256;
/** Pixels that go through the convolutions at a time: bounds the memory of their activations. */
const TRUNK_PIXELS = BLOCK * 64 * 64;

/**
 * Scores the images of one pixel file with `passes` stochastic passes (Monte Carlo dropout) and writes their posterior.
 *
 * @throws CANCELLED, where the listener's signal aborts; SHAPE_MISMATCH, FORMAT_UNKNOWN for inputs that don't fit
 * Source: Gal and Ghahramani 2016.
 */
export async function sample(backend: Backend, task: SampleTask, listener: TaskListener = {}): Promise<SampleResult> {
  const started = performance.now();
  const { tf } = backend;
  const { model, weights: vector, dropout } = readModel(task.model);
  const { image, classes } = model.spec;
  const { count, offset } = task;
  const files = new PixelFiles([task.pixels], image);
  const flat = tf.tensor1d(vector);
  const weights = splitWeights(backend, model, flat);
  flat.dispose();
  const columns = {
    p: new Float32Array(count * classes),
    predictiveEntropy: new Float32Array(count),
    aleatoric: new Float32Array(count),
    epistemic: new Float32Array(count),
    logVariance: new Float32Array(count),
    probabilityStd: new Float32Array(count),
  };
  const features = new Float32Array(count * FEATURE_WIDTH);
  try {
    if (files.count(0) < count)
      throw learningErrors.pixelFile(task.pixels, files.count(0) * imageSize(image), image, count);
    const pace = new Pace(count, 1, 0, listener);
    for (let done = 0; done < count;) {
      const block = Math.floor((offset + done) / BLOCK);
      const lead = offset + done - block * BLOCK;
      const n = Math.min(BLOCK - lead, count - done);
      const pixels = new Uint8Array(BLOCK * imageSize(image));
      files.read(0, done, pixels.subarray(lead * imageSize(image)), n);
      // What is done of a block, of which the convolutions count as one pass: some blocks take longer than a heartbeat may.
      const report = (share: number): void => pace.report(done + Math.floor(n * share), () => null);
      const trunk = await runTrunk(backend, model, weights, pixels, image, () => report(0));
      const passes = new BlockPasses(backend, model, weights, trunk, dropout, deriveSeed(task.seed, 'dropout', block));
      try {
        for (let pass = 0; pass < task.passes; pass++) {
          if (listener.signal?.aborted) throw learningErrors.cancelled();
          passes.run(pass);
          report((pass + 1) / (task.passes + 1));
          await setImmediate();
        }
        const { posterior, features: mean } = passes.result(task.passes);
        for (const [name, column] of Object.entries(columns) as [keyof typeof columns, Float32Array][]) {
          const width = name === 'p' ? classes : 1;
          column.set(posterior[name].subarray(lead * width, (lead + n) * width), done * width);
        }
        features.set(mean.subarray(lead * FEATURE_WIDTH, (lead + n) * FEATURE_WIDTH), done * FEATURE_WIDTH);
      } finally {
        passes.dispose();
      }
      done += n;
      pace.report(done, () => null);
    }
  } finally {
    tf.dispose(weights);
    files.close();
  }
  writeWhole(
    task.output,
    encodeSafetensors({
      p: float32([count, classes], columns.p),
      predictive_entropy: float32([count], columns.predictiveEntropy),
      aleatoric: float32([count], columns.aleatoric),
      epistemic: float32([count], columns.epistemic),
      log_variance: float32([count], columns.logVariance),
      probability_std: float32([count], columns.probabilityStd),
      features: float32([count, FEATURE_WIDTH], features),
    }),
  );
  return { count, width: FEATURE_WIDTH, seconds: (performance.now() - started) / 1000 };
}

/** The deterministic part, once a block, in pieces that fit into memory; [BLOCK, width]. */
async function runTrunk(
  backend: Backend,
  model: Model,
  weights: readonly Tensor[],
  pixels: Uint8Array,
  image: ImageShape,
  onPart: () => void,
): Promise<Tensor2D> {
  const { tf } = backend;
  const { height, width, channels } = image;
  const size = imageSize(image);
  const rows = Math.max(1, Math.min(BLOCK, Math.floor(TRUNK_PIXELS / (height * width))));
  const parts: Tensor2D[] = [];
  try {
    for (let start = 0; start < BLOCK; start += rows) {
      const part = standardise(pixels.subarray(start * size, Math.min(BLOCK, start + rows) * size), size);
      parts.push(
        tf.tidy(() => model.trunk(backend, weights, tf.tensor4d(part, [part.length / size, height, width, channels]))),
      );
      onPart();
      await setImmediate();
    }
    return tf.concat2d(parts, 0);
  } finally {
    tf.dispose(parts);
  }
}

/** The passes of one block through the dense layers, a mask an image and a pass. */
class BlockPasses {
  private readonly sums: PosteriorAccumulator;
  private features: Tensor2D;
  /** The trunk's output, divided by the share that dropout keeps: once instead of in every pass. */
  private readonly scaled: Tensor2D;
  private readonly zero;

  constructor(
    private readonly backend: Backend,
    private readonly model: Model,
    private readonly weights: readonly Tensor[],
    trunk: Tensor2D,
    private readonly rate: number,
    private readonly key: [number, number],
  ) {
    const { tf } = backend;
    this.sums = new PosteriorAccumulator(BLOCK, model.spec.classes);
    this.features = tf.zeros([BLOCK, FEATURE_WIDTH]);
    this.scaled = tf.tidy(() => tf.div(trunk, 1 - rate));
    trunk.dispose();
    this.zero = tf.scalar(0);
  }

  run(pass: number): void {
    const { backend, rate, key } = this;
    const { tf, op } = backend;
    const [p, s, features] = tf.tidy(() => {
      const output = this.model.head(backend, this.weights, this.scaled, (x, layer) => {
        const scaled: Tensor2D = layer === 0 ? x : tf.div(x, 1 - rate);
        if (rate === 0) return scaled;
        const keep = keepMask(backend, x.shape, rate, tf.tensor1d(seedOf(key, [pass, layer]), 'int32'));
        return op<Tensor2D>('SelectV2', { T: { type: 'float32' } }, [keep, scaled, this.zero]);
      });
      const sum = tf.add(this.features, output.features);
      return [tf.softmax(output.logits), output.logVariance, sum] as [Tensor2D, Tensor, Tensor2D];
    });
    this.features.dispose();
    this.features = features;
    this.sums.add(p.dataSync(), s.dataSync());
    tf.dispose([p, s]);
  }

  result(passes: number) {
    const sum = this.features.dataSync();
    return { posterior: this.sums.result(), features: Float32Array.from(sum, (value) => value / passes) };
  }

  dispose(): void {
    this.backend.tf.dispose([this.features, this.scaled, this.zero]);
  }
}
