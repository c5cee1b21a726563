import { rmSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { readItems } from './batches.js';
import { encodeCheckpoint, encodeModel, readCheckpoint, writeWhole } from './checkpoint.js';
import { learningErrors } from './errors.js';
import { StudentFeeds } from './feeds.js';
import { compile } from './graph.js';
import { sizeOf } from './network.js';
import { createNetwork } from './networks/index.js';
import { optimiserOf } from './optimise.js';
import { Pace } from './pace.js';
import { PixelFiles } from './pixels.js';
import { freshProgress, Progress } from './progress.js';
import { averagingAt, studentFeeds, studentStep, studentVariables, unlabelledBatch } from './student.js';
import { Validation } from './validation.js';
import type { TaskListener, TrainResult, TrainTask } from '../contracts/learner.js';
import type { Backend } from './backend.js';
import type { Parameters, TrainingState } from './checkpoint.js';
import type { CompiledStep } from './graph/step.js';
import type { Network } from './network.js';
import type { Optimiser } from './optimise.js';

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
  const run = TrainingRun.open(backend, task);
  try {
    const resumedAt = run.step;
    await runSteps(run, task, listener);
    writeWhole(task.output, encodeModel(run.network, run.result(), task.recipe.dropout));
    return {
      steps: run.step,
      resumedAt,
      loss: run.meanLoss(),
      stopped: run.stopped,
      validationAccuracy: run.progress.accuracy,
      parameters: sizeOf(run.network),
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    run.dispose();
  }
}

async function runSteps(run: TrainingRun, task: TrainTask, listener: TaskListener): Promise<void> {
  const checkpoints = new Checkpoints(task, listener, run.step);
  const { recipe } = task;
  const pace = new Pace(recipe.steps, recipe.batch + unlabelledBatch(recipe), run.step, listener);
  let saved = performance.now();
  try {
    while (!run.ended) {
      if (listener.signal?.aborted) {
        await checkpoints.settled();
        checkpoints.write(run);
        throw learningErrors.cancelled();
      }
      run.next();
      pace.total = run.ended ? run.step : run.progress.end;
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
    writeWhole(path, encodeCheckpoint(this.task, run.network, run.state()));
    this.paths.push(path);
    for (const old of this.paths.splice(0, this.paths.length - CHECKPOINTS_KEPT)) rmSync(old, { force: true });
    this.reported = this.listener.onCheckpoint?.({ step, path }) ?? Promise.resolve();
    // It is awaited before the next file is written; until then a failure must not end the process.
    this.reported.catch(() => undefined);
  }
}

/** What a run has opened and has to let go. */
interface Opened {
  files: PixelFiles[];
  steps: { dispose(): void }[];
}

/** A training task in the middle of its steps. */
class TrainingRun {
  step: number;
  private best: Parameters | null;
  private readonly losses: number[];

  private constructor(
    private readonly task: TrainTask,
    readonly network: Network,
    readonly progress: Progress,
    private readonly feeds: StudentFeeds,
    private readonly student: CompiledStep,
    private readonly validation: Validation | null,
    private readonly variables: readonly string[],
    private readonly optimiser: Optimiser,
    private readonly opened: Opened,
    start: TrainingState,
  ) {
    this.step = start.step;
    this.losses = [...start.losses];
    this.best = start.best;
  }

  static open(backend: Backend, task: TrainTask): TrainingRun {
    const { recipe, model } = task;
    const network = createNetwork(model);
    const opened: Opened = { files: [], steps: [] };
    const open = (paths: readonly string[]): PixelFiles => {
      const files = new PixelFiles(paths, model.image);
      opened.files.push(files);
      return files;
    };
    try {
      const files = open(task.shards);
      const items = readItems(task.items, model.classes, files);
      const pool = recipe.consistency ? open(task.unlabelled) : null;
      const feeds = new StudentFeeds(task, network, items, files, pool);
      if (pool && feeds.pool === 0) throw learningErrors.noPool();
      const shape = { network, recipe, pool: feeds.pool, mixed: feeds.mixed };
      const fresh = studentVariables(shape, task.seed);
      const start = task.resume === null ? freshState(fresh) : readCheckpoint(task.resume, task, network, fresh);
      const student = compile(backend, studentStep(backend, shape), {
        name: 'training step',
        variables: Object.fromEntries(
          Object.entries(fresh).map(([name, variable]) => [
            name,
            { ...variable, data: start.variables[name] as Float32Array },
          ]),
        ),
        feeds: studentFeeds(shape),
        precision: recipe.precision,
      });
      opened.steps.push(student);
      const validation =
        task.validation === null
          ? null
          : new Validation(backend, network, readItems(task.validation, model.classes, files), files, recipe.precision);
      if (validation) opened.steps.push(validation);
      const progress = new Progress(recipe, validation !== null, model.classes, start.progress);
      const names = Object.keys(fresh);
      return new TrainingRun(
        task,
        network,
        progress,
        feeds,
        student,
        validation,
        names,
        optimiserOf(recipe),
        opened,
        start,
      );
    } catch (error) {
      close(opened);
      throw error;
    }
  }

  get ended(): boolean {
    return this.step >= this.progress.end || this.progress.exhausted;
  }

  get stopped(): TrainResult['stopped'] {
    if (this.progress.exhausted && this.step < this.progress.end) return 'validation';
    return this.progress.converged ? 'converged' : null;
  }

  /** One step: a batch, its gradient, an update; and a look at the validation images where it is time. */
  next(): void {
    const { step, task, progress } = this;
    const { recipe } = task;
    const feeds = {
      ...this.feeds.at(step),
      ...numbers(this.optimiser.at(progress.rate(step), step)),
      ...(recipe.averaging > 0 ? numbers({ averaging: averagingAt(recipe, step) }) : {}),
    };
    const loss = this.student.fetch(feeds)['loss']?.[0] as number;
    this.step++;
    progress.add(this.step, loss);
    this.losses.push(loss);
    if (this.losses.length > LOSS_WINDOW) this.losses.shift();
    if (this.validation && (this.step % recipe.validateEvery === 0 || this.step === recipe.steps)) {
      const parameters = this.parameters();
      if (progress.look(this.validation.accuracy(parameters))) this.best = parameters;
    }
  }

  meanLoss(): number {
    return this.losses.reduce((sum, loss) => sum + loss, 0) / Math.max(1, this.losses.length);
  }

  /** What the model keeps: the best by the validation images, or the last. */
  result(): Parameters {
    return this.best ?? this.parameters();
  }

  /** The parameters as they stand: averaged, where the recipe averages. */
  private parameters(): Parameters {
    const prefix = this.task.recipe.averaging > 0 ? 'average.' : '';
    return {
      weights: this.student.read(`${prefix}weights`),
      statistics: this.variables.includes('statistics')
        ? this.student.read(`${prefix}statistics`)
        : new Float32Array(0),
    };
  }

  state(): TrainingState {
    return {
      step: this.step,
      variables: Object.fromEntries(this.variables.map((name) => [name, this.student.read(name)])),
      losses: Float32Array.from(this.losses),
      progress: this.progress.snapshot(),
      best: this.best,
    };
  }

  dispose(): void {
    close(this.opened);
  }
}

function close({ files, steps }: Opened): void {
  for (const step of steps) step.dispose();
  for (const file of files) file.close();
}

const freshState = (fresh: Record<string, { data: Float32Array }>): TrainingState => ({
  step: 0,
  variables: Object.fromEntries(Object.entries(fresh).map(([name, { data }]) => [name, data])),
  losses: new Float32Array(0),
  progress: freshProgress,
  best: null,
});

/** Scalars as feeds. */
const numbers = (values: Record<string, number>): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Float32Array.of(value)]));
