import { readFileSync } from 'node:fs';
import { deriveSeed, RandomStream } from '../contracts/random.js';
import { decodeSafetensors, tensorNamed } from '../contracts/safetensors.js';
import { learningErrors } from './errors.js';
import { imageSize } from './pixels.js';
import type { Recipe, SeedPair, TrainTask } from '../contracts/learner.js';
import type { TensorFile } from '../contracts/safetensors.js';
import type { PixelFiles } from './pixels.js';

/** What is trained on; each [n], in the order of the task's items file. */
export interface Items {
  shard: Int32Array;
  row: Int32Array;
  label: Int32Array;
  weight: Float32Array;
  human: Uint8Array;
}

/** @throws FORMAT_UNKNOWN or SHAPE_MISMATCH where the file does not fit the task and its pixel files */
export function readItems({ items: path, model }: Pick<TrainTask, 'items' | 'model'>, files: PixelFiles): Items {
  const file: TensorFile = decodeSafetensors(readFileSync(path));
  const items: Items = {
    shard: tensorNamed(file, 'shard', 'I32').data,
    row: tensorNamed(file, 'row', 'I32').data,
    label: tensorNamed(file, 'label', 'I32').data,
    weight: tensorNamed(file, 'weight', 'F32').data,
    human: tensorNamed(file, 'human', 'U8').data,
  };
  const n = items.label.length;
  if (n === 0) throw learningErrors.noItems(path);
  for (const [name, values] of Object.entries(items) as [string, ArrayLike<number>][])
    if (values.length !== n) throw learningErrors.itemLength(path, name, values.length, n);
  for (let i = 0; i < n; i++) {
    const row = items.row[i] as number;
    const label = items.label[i] as number;
    if (row < 0 || row >= files.count(items.shard[i] as number)) throw learningErrors.itemOutOfRange(path, i, 'row');
    if (label < 0 || label >= model.classes) throw learningErrors.itemOutOfRange(path, i, 'label');
  }
  return items;
}

/**
 * An endless walk over `members`: every member once in each turn, the order of a turn shuffled by (key, turn), so that
 * what comes at a position is known without walking there.
 */
export class Cycle {
  private turn = -1;
  private order: Int32Array = new Int32Array(0);

  constructor(
    private readonly members: Int32Array,
    private readonly key: Readonly<SeedPair>,
  ) {}

  at(position: number): number {
    const turn = Math.floor(position / this.members.length);
    if (turn !== this.turn) {
      this.order = new RandomStream(this.key, turn).shuffle(this.members.slice());
      this.turn = turn;
    }
    return this.order[position % this.members.length] as number;
  }
}

/**
 * Which items make up a step's batch, a function of (seed, step). Where there are both, `humanShare` of each batch comes
 * from people's labels and the rest from pseudo-labels: a few hundred good labels would drown among thousands of others.
 */
export class Batches {
  private readonly human: Cycle;
  private readonly pseudo: Cycle;
  private readonly humans: number;

  constructor(
    items: Items,
    private readonly recipe: Pick<Recipe, 'batch' | 'humanShare'>,
    seed: Readonly<SeedPair>,
  ) {
    const where = (flag: boolean) =>
      Int32Array.from([...items.human.keys()].filter((i) => (items.human[i] === 1) === flag));
    const human = where(true);
    const pseudo = where(false);
    this.human = new Cycle(human, deriveSeed(seed, 'batch', 0));
    this.pseudo = new Cycle(pseudo, deriveSeed(seed, 'batch', 1));
    const { batch, humanShare } = recipe;
    if (pseudo.length === 0) this.humans = batch;
    else if (human.length === 0) this.humans = 0;
    else this.humans = Math.min(batch, Math.max(1, Math.round(batch * humanShare)));
  }

  /** Indices into the items, [batch]. */
  at(step: number): Int32Array {
    const { humans } = this;
    const pseudos = this.recipe.batch - humans;
    return Int32Array.from({ length: this.recipe.batch }, (_, i) =>
      i < humans ? this.human.at(step * humans + i) : this.pseudo.at(step * pseudos + i - humans),
    );
  }
}

/** Reads a batch: pixels [batch, size], labels one-hot [batch, classes], weights [batch]. */
export function readBatch(items: Items, indices: Int32Array, files: PixelFiles, model: TrainTask['model']) {
  const size = imageSize(model.image);
  const pixels = new Uint8Array(indices.length * size);
  const labels = new Float32Array(indices.length * model.classes);
  const weights = new Float32Array(indices.length);
  indices.forEach((item, i) => {
    files.read(items.shard[item] as number, items.row[item] as number, pixels.subarray(i * size, (i + 1) * size));
    labels[i * model.classes + (items.label[item] as number)] = 1;
    weights[i] = items.weight[item] as number;
  });
  return { pixels, labels, weights };
}
