import { readFileSync } from 'node:fs';
import { deriveSeed, RandomStream } from '../contracts/random.js';
import { decodeSafetensors, tensorNamed } from '../contracts/safetensors.js';
import { learningErrors } from './errors.js';
import type { Recipe, SeedPair } from '../contracts/learner.js';
import type { TensorFile } from '../contracts/safetensors.js';
import type { PixelFiles } from './pixels.js';

/** What is trained on or validated with; each [n], in the order of the file. */
export interface Items {
  shard: Int32Array;
  row: Int32Array;
  label: Int32Array;
  weight: Float32Array;
  human: Uint8Array;
  /** Row of the centroids that its features are pulled to, -1 for none; null in a file without. */
  anchor: Int32Array | null;
}

/**
 * @param anchors number of centroids
 * @throws FORMAT_UNKNOWN or SHAPE_MISMATCH where the file does not fit the classes, the pixel files and the centroids
 */
export function readItems(path: string, classes: number, files: PixelFiles, anchors = 0): Items {
  const file: TensorFile = decodeSafetensors(readFileSync(path));
  const items: Items = {
    shard: tensorNamed(file, 'shard', 'I32').data,
    row: tensorNamed(file, 'row', 'I32').data,
    label: tensorNamed(file, 'label', 'I32').data,
    weight: tensorNamed(file, 'weight', 'F32').data,
    human: tensorNamed(file, 'human', 'U8').data,
    anchor: anchors > 0 ? tensorNamed(file, 'anchor', 'I32').data : null,
  };
  const n = items.label.length;
  if (n === 0) throw learningErrors.noItems(path);
  for (const [name, values] of Object.entries(items) as [string, ArrayLike<number> | null][])
    if (values && values.length !== n) throw learningErrors.itemLength(path, name, values.length, n);
  for (let i = 0; i < n; i++) {
    const row = items.row[i] as number;
    const label = items.label[i] as number;
    if (row < 0 || row >= files.count(items.shard[i] as number)) throw learningErrors.itemOutOfRange(path, i, 'row');
    if (label < 0 || label >= classes) throw learningErrors.itemOutOfRange(path, i, 'label');
    const anchor = items.anchor?.[i] ?? -1;
    if (anchor < -1 || anchor >= anchors) throw learningErrors.itemOutOfRange(path, i, 'anchor');
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
  /** Whether there are labels of people and pseudo-labels. */
  readonly mixed: boolean;
  private readonly parts: readonly { cycle: Cycle; size: number }[];

  constructor(
    items: Pick<Items, 'human'>,
    { batch, humanShare }: Pick<Recipe, 'batch' | 'humanShare'>,
    seed: Readonly<SeedPair>,
  ) {
    const all = [...items.human.keys()];
    const kinds = [1, 0].map((kind) => Int32Array.from(all.filter((i) => items.human[i] === kind)));
    this.mixed = kinds.every(({ length }) => length > 0);
    const cycle = (members: Int32Array, index: number) => new Cycle(members, deriveSeed(seed, 'batch', index));
    if (!this.mixed || humanShare === null) {
      this.parts = [{ cycle: cycle(Int32Array.from(all), 0), size: batch }];
    } else {
      const humans = Math.min(batch, Math.max(1, Math.round(batch * humanShare)));
      this.parts = kinds.map((members, i) => ({ cycle: cycle(members, i), size: i === 0 ? humans : batch - humans }));
    }
  }

  /** Indices into the items, [batch]. */
  at(step: number): Int32Array {
    return Int32Array.from(
      this.parts.flatMap(({ cycle, size }) => Array.from({ length: size }, (_, i) => cycle.at(step * size + i))),
    );
  }
}

/** What each item counts in the loss: its weight, times the share of the largest class that its own class has. */
export function itemWeights(
  { label, weight }: Pick<Items, 'label' | 'weight'>,
  classes: number,
  byClass: boolean,
): Float32Array {
  if (!byClass) return weight;
  const counts = new Int32Array(classes);
  for (const value of label) counts[value] = (counts[value] as number) + 1;
  const most = Math.max(...counts);
  return weight.map((value, i) => (value * most) / (counts[label[i] as number] as number));
}
