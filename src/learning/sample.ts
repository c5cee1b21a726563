import { setImmediate } from 'node:timers/promises';
import { deriveSeed } from '../contracts/random.js';
import { encodeSafetensors } from '../contracts/safetensors.js';
import { BlockPasses } from './block-passes.js';
import { float32, readModel, writeWhole } from './checkpoint.js';
import { learningErrors } from './errors.js';
import { Pace } from './pace.js';
import { acquireSampler } from './passes.js';
import { imageSize, PixelFiles } from './pixels.js';
import { SequentialPosterior } from './sequential.js';
import { PosteriorAccumulator } from './uncertainty.js';
import type { SampleResult, SampleTask, SequentialRule, TaskListener } from '../contracts/learner.js';
import type { Backend } from './backend.js';
import type { Sampler } from './passes.js';
import type { Posterior } from './uncertainty.js';

/**
 * Scores the images of one pixel file and writes their posterior: stochastic passes of a model (Monte Carlo dropout), one
 * pass of each member of an ensemble, or one pass of a model. With a sequential rule an image takes passes until its
 * decision is settled.
 *
 * An image's numbers are a function of the seed, of its position in the split and, with a sequential rule, of the images of
 * its block: shards that are cut at multiples of 256 always give what one shard would, with fixed passes all shards do.
 *
 * @throws CANCELLED, where the listener's signal aborts; SHAPE_MISMATCH, FORMAT_UNKNOWN for inputs that don't fit
 * Sources: Gal and Ghahramani 2016; Lakshminarayanan et al. 2017 for ensembles.
 */
export async function sample(backend: Backend, task: SampleTask, listener: TaskListener = {}): Promise<SampleResult> {
  const started = performance.now();
  const models = task.models.map(readModel);
  const [first] = models as [(typeof models)[number]];
  const { spec, featureWidth } = first.network;
  for (const [i, { network }] of models.entries())
    if (
      network.spec.classes !== spec.classes ||
      String(Object.values(network.spec.image)) !== String(Object.values(spec.image))
    )
      throw learningErrors.otherImages(task.models[i] as string);
  const files = new PixelFiles([task.pixels], spec.image);
  try {
    if (files.count(0) < task.count)
      throw learningErrors.pixelFile(task.pixels, files.count(0) * imageSize(spec.image), spec.image, task.count);
    const shard = new Shard(task, spec.classes, featureWidth, models.length, listener);
    for (const [member, model] of models.entries()) {
      const rate = task.posterior === 'mc-dropout' ? model.dropout : 0;
      const { sampler, release } = acquireSampler(backend, model.network, rate, task.precision);
      try {
        sampler.load(model.weights, model.statistics);
        await shard.run(sampler, member, files);
      } finally {
        release();
      }
    }
    const passes = shard.write(task.output);
    return { count: task.count, width: featureWidth, passes, seconds: (performance.now() - started) / 1000 };
  } finally {
    files.close();
  }
}

/** The images of a task on their way through the models. */
class Shard {
  private readonly fixed: PosteriorAccumulator;
  /** Of the blocks so far, with a sequential rule. */
  private readonly settled: Posterior[] = [];
  private readonly features: Float32Array;
  private readonly pace: Pace;

  constructor(
    private readonly task: SampleTask,
    private readonly classes: number,
    private readonly width: number,
    private readonly models: number,
    private readonly listener: TaskListener,
  ) {
    this.fixed = new PosteriorAccumulator(task.count, classes);
    this.features = new Float32Array(task.count * width);
    this.pace = new Pace(task.count, 1, 0, listener);
  }

  /** All images through one model, block by block. */
  async run(sampler: Sampler, member: number, files: PixelFiles): Promise<void> {
    const { count, offset, seed, sequential, posterior } = this.task;
    const size = imageSize(sampler.network.spec.image);
    for (let done = 0; done < count;) {
      const index = Math.floor((offset + done) / sampler.block);
      const lead = offset + done - index * sampler.block;
      const n = Math.min(sampler.block - lead, count - done);
      const pixels = new Uint8Array(sampler.block * size);
      files.read(0, done, pixels.subarray(lead * size), n);
      const share = (part: number): number => (member * count + done + n * part) / this.models;
      await this.breathe(share(0));
      const trunk = sampler.trunk(pixels);
      try {
        const block = new BlockPasses(sampler, trunk, deriveSeed(seed, 'dropout', index), { lead, n });
        const pause = (part: number) => this.breathe(share(part));
        const features =
          sequential && posterior === 'mc-dropout'
            ? await this.untilSettled(block, sequential, pause)
            : await this.allPasses(block, done, pause);
        if (member === 0) this.features.set(features, done * this.width);
      } finally {
        trunk.dispose();
      }
      done += n;
    }
    this.report(((member + 1) * count) / this.models);
  }

  private async allPasses(block: BlockPasses, first: number, pause: (share: number) => Promise<void>) {
    const { n } = block.range;
    const passes = this.task.posterior === 'mc-dropout' ? this.task.passes : 1;
    const items = Int32Array.from({ length: n }, (_, i) => first + i);
    for (let done = 0; done < passes;) {
      const { count, p, logVariance } = await block.fixed(passes - done, () => pause(done / passes));
      for (let pass = 0; pass < count; pass++)
        this.fixed.add(slice(p, pass, n * this.classes), slice(logVariance, pass, n), items);
      done += count;
    }
    return block.features.map((sum) => sum / passes);
  }

  private async untilSettled(block: BlockPasses, rule: SequentialRule, pause: (share: number) => Promise<void>) {
    const { n } = block.range;
    const posterior = new SequentialPosterior(n, this.classes, rule, block.group);
    while (posterior.open.length > 0) {
      const { open, due } = posterior;
      const { p, logVariance } = await block.chosen(open, due, () => pause(1 - open.length / n));
      for (let pass = 0; pass < due; pass++)
        posterior.add(slice(p, pass, open.length * this.classes), slice(logVariance, pass, open.length));
      posterior.settle();
    }
    const result = posterior.result();
    this.settled.push(result);
    return block.features.map((sum, i) => sum / (result.passes[Math.floor(i / this.width)] as number));
  }

  /** Lets messages in and out between two calls of the device. */
  private async breathe(done: number): Promise<void> {
    this.report(done);
    await setImmediate();
    if (this.listener.signal?.aborted) throw learningErrors.cancelled();
  }

  private report(done: number): void {
    this.pace.report(Math.floor(done), () => null);
  }

  /** @returns passes in all, of all models and images */
  write(output: string): number {
    const { count } = this.task;
    const parts = this.settled.length > 0 ? this.settled : [this.fixed.result()];
    const column = (name: keyof Posterior, width = 1) => {
      const values = new Float32Array(count * width);
      let offset = 0;
      for (const part of parts) {
        values.set(part[name], offset);
        offset += part[name].length;
      }
      return float32(width === 1 ? [count] : [count, width], values);
    };
    const passes = column('passes');
    writeWhole(
      output,
      encodeSafetensors({
        p: column('p', this.classes),
        predictive_entropy: column('predictiveEntropy'),
        aleatoric: column('aleatoric'),
        epistemic: column('epistemic'),
        log_variance: column('logVariance'),
        probability_std: column('probabilityStd'),
        variation_ratio: column('variationRatio'),
        kwon_aleatoric: column('kwonAleatoric'),
        kwon_epistemic: column('kwonEpistemic'),
        passes,
        features: float32([count, this.width], this.features),
      }),
    );
    return (passes.data as Float32Array).reduce((a, b) => a + b, 0);
  }
}

const slice = (values: Float32Array, index: number, length: number): Float32Array =>
  values.subarray(index * length, (index + 1) * length);
