import { rmSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { deriveSeed } from '../contracts/random.js';
import { distort, drawDistortions } from './augment.js';
import { Batches, readBatch, readItems } from './batches.js';
import { encodeCheckpoint, encodeModel, readCheckpoint, writeWhole } from './checkpoint.js';
import { dropout } from './dropout.js';
import { learningErrors } from './errors.js';
import { heteroscedasticLoss, logitNoise } from './heteroscedastic.js';
import { createModel, initialWeights, sizeOf, splitWeights } from './model.js';
import { adamW, decayMask, stepSize } from './optimise.js';
import { imageSize, PixelFiles, standardise } from './pixels.js';
import { Pace } from './pace.js';
import { seedOf } from './random-ops.js';
import type { SeedPair, TaskListener, TrainResult, TrainTask } from '../contracts/learner.js';
import type { Backend, Scalar, Tensor, Tensor1D } from './backend.js';
import type { Items } from './batches.js';
import type { TrainingState } from './checkpoint.js';
import type { Model } from './model.js';
import type { OptimiserState } from './optimise.js';

/** Steps whose mean loss is the task's loss. */
const LOSS_WINDOW = 50;
/** Checkpoint files that stay: a reader of the older one has a whole interval to open it. */
const CHECKPOINTS_KEPT = 2;

/**
 * Trains fresh weights, or goes on from a checkpoint; both end in the same bits, since a step is a function of the state
 * before it and of (seed, step).
 *
 * @throws CANCELLED after the last checkpoint, where the listener's signal aborts; TRAINING_DIVERGED; SHAPE_MISMATCH and
 * FORMAT_UNKNOWN for inputs that don't fit
 */
export async function train(backend: Backend, task: TrainTask, listener: TaskListener = {}): Promise<TrainResult> {
  const started = performance.now();
  const model = createModel(task.model);
  const files = new PixelFiles(task.shards, task.model.image);
  let run: TrainingRun | undefined;
  try {
    const items = readItems(task, files);
    const start = task.resume === null ? freshState(task, model) : readCheckpoint(task.resume, task, model);
    run = new TrainingRun(backend, task, model, files, items, start);
    await runSteps(run, task, listener);
    writeWhole(task.output, encodeModel(model, run.state().weights, task.recipe.dropout));
    const seconds = (performance.now() - started) / 1000;
    return { steps: run.step, resumedAt: start.step, loss: run.meanLoss(), parameters: sizeOf(model), seconds };
  } finally {
    run?.dispose();
    files.close();
  }
}

const freshState = (task: TrainTask, model: Model): TrainingState => {
  const weights = initialWeights(model, task.seed);
  const zeros = () => new Float32Array(weights.length);
  return { step: 0, weights, first: zeros(), second: zeros(), losses: new Float32Array(0) };
};

async function runSteps(run: TrainingRun, task: TrainTask, listener: TaskListener): Promise<void> {
  const checkpoints = new Checkpoints(task, listener, run.step);
  const pace = new Pace(task.recipe.steps, task.recipe.batch, run.step, listener);
  let saved = performance.now();
  try {
    while (run.step < task.recipe.steps) {
      if (listener.signal?.aborted) {
        await checkpoints.settled();
        checkpoints.write(run);
        throw learningErrors.cancelled();
      }
      run.next();
      pace.report(run.step, () => run.meanLoss());
      if (performance.now() - saved >= task.checkpointSeconds * 1000) {
        await checkpoints.settled();
        checkpoints.write(run);
        saved = performance.now();
      }
      // A step blocks this thread: messages and signals come in between two of them.
      await setImmediate();
    }
  } finally {
    await checkpoints.settled();
  }
}

/** The files `<checkpoint>.<step>`; one is written only when the listener is done with the one before. */
class Checkpoints {
  private readonly paths: string[] = [];
  private reported: Promise<void> = Promise.resolve();
  private written: number;

  constructor(
    private readonly task: TrainTask,
    private readonly listener: TaskListener,
    start: number,
  ) {
    this.written = start;
  }

  settled(): Promise<void> {
    return this.reported;
  }

  /** Writes what was not written before: a task without a step since then has nothing to save. */
  write(run: TrainingRun): void {
    const { step } = run;
    if (step === this.written) return;
    this.written = step;
    const path = `${this.task.checkpoint}.${step}`;
    writeWhole(path, encodeCheckpoint(this.task, run.model, run.state()));
    this.paths.push(path);
    for (const old of this.paths.splice(0, this.paths.length - CHECKPOINTS_KEPT)) rmSync(old, { force: true });
    this.reported = this.listener.onCheckpoint?.({ step, path }) ?? Promise.resolve();
    // It is awaited before the next file is written; until then a failure must not end the process.
    this.reported.catch(() => undefined);
  }
}

/** The tensors of a training task and its next step. */
class TrainingRun {
  step: number;
  private optimiser: OptimiserState;
  private readonly decayed: Tensor1D;
  private readonly batches: Batches;
  private readonly losses: number[];
  private readonly dropoutKey;
  private readonly logitsKey;

  constructor(
    private readonly backend: Backend,
    private readonly task: TrainTask,
    readonly model: Model,
    private readonly files: PixelFiles,
    private readonly items: Items,
    start: TrainingState,
  ) {
    const { tf } = backend;
    this.step = start.step;
    this.losses = [...start.losses];
    this.batches = new Batches(items, task.recipe, task.seed);
    this.dropoutKey = deriveSeed(task.seed, 'dropout');
    this.logitsKey = deriveSeed(task.seed, 'logits');
    this.optimiser = {
      weights: tf.tensor1d(start.weights),
      first: tf.tensor1d(start.first),
      second: tf.tensor1d(start.second),
    };
    this.decayed = tf.tensor1d(decayMask(model));
  }

  /** One step: a batch, its gradient, an update. */
  next(): void {
    const { backend, task, step } = this;
    const { tf } = backend;
    const before = this.optimiser;
    const { after, loss } = tf.tidy(() => {
      const { value, gradient } = this.lossAndGradient();
      return { after: adamW(backend, before, gradient, this.decayed, stepSize(task.recipe, step)), loss: value };
    });
    this.optimiser = after;
    for (const tensor of Object.values(before) as Tensor[]) tensor.dispose();
    const value = loss.dataSync()[0] as number;
    loss.dispose();
    this.step++;
    if (!Number.isFinite(value)) throw learningErrors.diverged(this.step, value);
    this.losses.push(value);
    if (this.losses.length > LOSS_WINDOW) this.losses.shift();
  }

  private lossAndGradient(): { value: Scalar; gradient: Tensor1D } {
    const { backend, model, step } = this;
    const { tf } = backend;
    const { recipe, seed } = this.task;
    const { image, classes } = model.spec;
    const batch = readBatch(this.items, this.batches.at(step), this.files, model.spec);
    const distortions = drawDistortions(recipe, image, recipe.batch, seed, step);
    const x = distort(backend, standardise(batch.pixels, imageSize(image)), image, distortions);
    const labels = tf.tensor2d(batch.labels, [recipe.batch, classes]);
    const weights = tf.tensor1d(batch.weights);
    const seedTensor = (key: SeedPair, index: number) => tf.tensor1d(seedOf(key, [step, index]), 'int32');
    const noise = logitNoise(backend, recipe.draws, recipe.batch, classes, seedTensor(this.logitsKey, 0));
    const loss = (...parameters: Tensor[]): Scalar => {
      const { logits, logVariance } = model.head(backend, parameters, model.trunk(backend, parameters, x), (h, layer) =>
        dropout(backend, h, recipe.dropout, seedTensor(this.dropoutKey, layer)),
      );
      return heteroscedasticLoss(backend, logits, logVariance, labels, weights, noise);
    };
    const parameters = splitWeights(backend, model, this.optimiser.weights);
    const { value, grads } = tf.valueAndGrads(loss)(parameters);
    return { value, gradient: tf.concat1d(grads.map((gradient) => gradient.flatten())) };
  }

  meanLoss(): number {
    return this.losses.reduce((sum, loss) => sum + loss, 0) / Math.max(1, this.losses.length);
  }

  state(): TrainingState {
    const read = (tensor: Tensor): Float32Array => tensor.dataSync().slice() as Float32Array;
    const { weights, first, second } = this.optimiser;
    return {
      step: this.step,
      weights: read(weights),
      first: read(first),
      second: read(second),
      losses: Float32Array.from(this.losses),
    };
  }

  dispose(): void {
    for (const tensor of Object.values(this.optimiser) as Tensor[]) tensor.dispose();
    this.decayed.dispose();
  }
}
