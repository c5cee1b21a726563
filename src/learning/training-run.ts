import { readItems } from './batches.js';
import { readCheckpoint } from './checkpoint.js';
import { StudentFeeds } from './feeds.js';
import { compile } from './graph.js';
import { createNetwork } from './networks/index.js';
import { startFrom } from './initial.js';
import { optimiserOf } from './optimise.js';
import { PixelFiles } from './pixels.js';
import { freshProgress, Progress } from './progress.js';
import { readAnchors } from './pull.js';
import { averagingAt, studentFeeds, studentStep, studentVariables } from './student.js';
import { Validation } from './validation.js';
import type { TrainResult, TrainTask } from '../contracts/learner.js';
import type { Backend } from './backend.js';
import type { Parameters, TrainingState } from './checkpoint.js';
import type { CompiledStep } from './graph.js';
import type { Network } from './network.js';
import type { Optimiser } from './optimise.js';
import type { StudentShape } from './student.js';

/** Steps whose mean loss is the task's loss. */
const LOSS_WINDOW = 50;

/** What a run has opened and has to let go. */
interface Opened {
  files: PixelFiles[];
  steps: { dispose(): void }[];
}

/** A training task in the middle of its steps. */
export class TrainingRun {
  /** Steps that are done. */
  step: number;
  readonly network: Network;
  readonly progress: Progress;
  private readonly optimiser: Optimiser;
  private readonly variables: readonly string[];
  private best: Parameters | null;
  private readonly losses: number[];

  private constructor(
    private readonly task: TrainTask,
    private readonly feeds: StudentFeeds,
    private readonly student: CompiledStep,
    private readonly validation: Validation | null,
    private readonly opened: Opened,
    shape: StudentShape,
    start: TrainingState,
  ) {
    this.network = shape.network;
    this.progress = new Progress(task.recipe, validation !== null, task.model.classes, start.progress);
    this.optimiser = optimiserOf(task.recipe);
    this.variables = Object.keys(start.variables);
    this.step = start.step;
    this.losses = [...start.losses];
    this.best = start.best;
  }

  /** Opens the files, reads the checkpoint where there is one, compiles. */
  static open(backend: Backend, task: TrainTask): TrainingRun {
    const opened: Opened = { files: [], steps: [] };
    try {
      return TrainingRun.into(opened, backend, task);
    } catch (error) {
      close(opened);
      throw error;
    }
  }

  private static into(opened: Opened, backend: Backend, task: TrainTask): TrainingRun {
    const { recipe, model } = task;
    const open = (paths: readonly string[]): PixelFiles => {
      const files = new PixelFiles(paths, model.image);
      opened.files.push(files);
      return files;
    };
    const network = createNetwork(model);
    const files = open(task.shards);
    const anchors = recipe.pull === undefined ? null : readAnchors(task.anchors, network.featureWidth);
    const items = readItems(task.items, model.classes, files, anchors?.count);
    const pool = recipe.consistency ? open(task.unlabelled) : null;
    const feeds = new StudentFeeds(task, network, items, files, pool, anchors);
    const shape: StudentShape = { network, recipe, pool: feeds.pool, mixed: feeds.mixed };
    const fresh = studentVariables(shape, task.seed);
    if (task.initial !== null && task.resume === null) startFrom(task.initial, network, fresh);
    const start = task.resume === null ? freshState(fresh) : readCheckpoint(task.resume, task, network, fresh);
    const student = compile(backend, studentStep(backend, shape), {
      name: 'training step',
      variables: Object.fromEntries(
        Object.entries(fresh).map(([name, { shape: sides }]) => [
          name,
          { shape: sides, data: start.variables[name] as Float32Array },
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
    return new TrainingRun(task, feeds, student, validation, opened, shape, start);
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
