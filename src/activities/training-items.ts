import { problem } from '../contracts/errors.js';
import { lessonsOf } from '../contracts/heard.js';
import type { Lesson } from '../contracts/heard.js';
import type { DatasetManifest, Shard } from '../contracts/dataset.js';
import type { Ref } from '../contracts/references.js';
import { encodeSafetensors } from '../contracts/safetensors.js';
import type { ClustersFile, TrainInput } from '../contracts/stages.js';
import { foldOf, foldSalt } from '../labelling/folds.js';
import { pseudoLabelWeight } from '../labelling/weights.js';
import { readRows, tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { nextRow, readLabels, readManifest, readSplit } from './inputs.js';

/** No centroid: the learner's mark in `anchor`. */
const NO_ANCHOR = -1;

/** What a student is trained on: the learner's items file (contracts/learner.ts), column by column. */
export interface TrainingItems {
  shards: readonly Shard[];
  shard: number[];
  row: number[];
  label: number[];
  weight: number[];
  human: number[];
  /** Cluster whose centroid an item's features are pulled to. */
  anchor: number[];
  /** Labels of people in the dataset itself, each once, however often it stands here. */
  people: number;
}

const COLUMNS = ['shard', 'row', 'label', 'weight', 'human', 'anchor'] as const;
type Column = (typeof COLUMNS)[number];

const newItems = (shards: readonly Shard[]): TrainingItems => ({
  ...{ shards, shard: [], row: [], label: [], weight: [], human: [], people: 0, anchor: [] },
});

/** Images of the labelled split at some positions, with people's labels. */
export function humanItems(manifest: DatasetManifest, answers: Int32Array, rows: readonly number[]): TrainingItems {
  const items = newItems(manifest.shards.labelled);
  addHuman(items, manifest.shards.labelled, answers, rows, 0);
  return items;
}

/** A training's input, and the clusters that it refers to. */
export type ItemsInput = TrainInput & { groups: ClustersFile | null };

/** People's labels of the dataset, then the labels in force in its pool, then people's labels of where its model comes from. */
export async function trainingItems(
  store: Store,
  input: ItemsInput,
  manifest: DatasetManifest,
  answers: Int32Array,
  rows: readonly number[],
): Promise<TrainingItems> {
  const { labelled, pool } = manifest.shards;
  const own = input.labels ? [...labelled, ...pool] : labelled;
  const items = newItems(own);
  addHuman(items, labelled, answers, rows, 0);
  if (input.labels) await addPseudoLabels(items, store, manifest, input);
  items.people = items.human.filter((human) => human === 1).length;
  if (!input.source) return items;
  const heard: TrainingItems[] = [];
  for (const lesson of lessonsOf(input.source)) heard.push(await lessonItems(store, lesson, manifest));
  const source = heard.reduce((sum, { people }) => sum + people, 0);
  repeatPeople(items, repeats(items.people, source));
  return heard.reduce(joined, items);
}

/** Has each label of people stand `times` times. */
function repeatPeople(items: TrainingItems, times: number): void {
  const people = [...items.human.keys()].filter((i) => items.human[i] === 1);
  for (let time = 1; time < times; time++)
    for (const i of people) for (const column of COLUMNS) items[column].push(items[column][i] as number);
}

/**
 * How often each label of the dataset stands among those of its source. Batches take people's labels as they come, and ten
 * of the new dataset would drown among the hundreds that its source brings.
 */
export const repeats = (own: number, source: number): number => Math.max(1, Math.floor(source / Math.max(1, own)));

/** What people said about images that the model which moves was trained on. */
async function lessonItems(store: Store, lesson: Lesson, manifest: DatasetManifest): Promise<TrainingItems> {
  const of = await readManifest(store, lesson.dataset);
  checkLesson(of, manifest);
  const { labelled, pool } = of.shards;
  // Of a pool of millions people have seen a few shards.
  const shards = [...labelled];
  const items = newItems(shards);
  addHuman(items, labelled, await readLabels(store, of), (await readSplit(store, lesson.split)).train, 0);
  if (lesson.labels) {
    const place = positions(pool);
    let position = 0;
    for await (const { source, status, label } of readRows(tables.labels, await store.fetch(lesson.labels))) {
      if (source === 'human' && status === 'accepted') {
        const [at, row] = place(position);
        const shard = pool[at] as Shard;
        if (shards.at(-1) !== shard) shards.push(shard);
        add(items, { shard: shards.length - 1, row, label, weight: 1, human: 1 });
      }
      position++;
    }
  }
  return { ...items, people: items.label.length };
}

function checkLesson(of: DatasetManifest, manifest: DatasetManifest): void {
  const sides = ({ image: { height, width, channels } }: DatasetManifest): string => `${height}x${width}x${channels}`;
  if (sides(of) !== sides(manifest))
    throw problem(
      'DATASET_INVALID',
      `dataset '${manifest.name}' has images of ${sides(manifest)}, and its source '${of.name}' of ${sides(of)}. Import one of them again with the size and the colours of the other.`,
    );
  if (of.classes.some((name, i) => manifest.classes[i] !== name))
    throw problem(
      'DATASET_INVALID',
      `dataset '${manifest.name}' has the classes ${manifest.classes.join(', ')}, and its source '${of.name}' ${of.classes.join(', ')}. The source's must come first, in the same order.`,
    );
}

/** Items of two lists of shards as those of one. */
function joined(items: TrainingItems, more: TrainingItems): TrainingItems {
  const shards = [...items.shards, ...more.shards];
  const both = (column: Exclude<Column, 'shard'>): number[] => [...items[column], ...more[column]];
  return {
    shards,
    shard: [...items.shard, ...more.shard.map((shard) => shard + items.shards.length)],
    ...{ row: both('row'), label: both('label'), weight: both('weight'), human: both('human'), anchor: both('anchor') },
    people: items.people,
  };
}

/** @param first number of the first of the split's shards among all */
function addHuman(
  items: TrainingItems,
  shards: readonly Shard[],
  answers: Int32Array,
  rows: readonly number[],
  first: number,
): void {
  const place = positions(shards);
  for (const position of rows) {
    const [shard, row] = place(position);
    add(items, { shard: first + shard, row, label: answers[position] as number, weight: 1, human: 1 });
  }
}

/** The labels in force in the pool. */
async function addPseudoLabels(
  items: TrainingItems,
  store: Store,
  { shards: { labelled, pool } }: DatasetManifest,
  { labels, weights, round, leftOut, seed, groups: clusters }: ItemsInput,
): Promise<void> {
  const place = positions(pool);
  const groups = clusters && readRows(tables.assignments, await store.fetch(clusters.assignments));
  let position = 0;
  for await (const label of readRows(tables.labels, await store.fetch(labels as Ref))) {
    const group = groups && (await nextRow(groups));
    if (group && group.id !== label.id)
      throw problem('SHAPE_MISMATCH', `row ${position}: clusters of image ${group.id} beside a label of ${label.id}.`);
    const human = label.source === 'human';
    if (label.status === 'accepted' && (human || !isLeftOut(label.id, leftOut, seed))) {
      const [shard, row] = place(position);
      const weight = human ? 1 : pseudoLabelWeight(weights, label.total_uncertainty, round - 1);
      // A centroid of another class would pull against the label.
      const anchor = group && clusters.clusters[group.cluster]?.label === label.label ? group.cluster : NO_ANCHOR;
      add(items, { shard: shard + labelled.length, row, label: label.label, weight, human: human ? 1 : 0, anchor });
    }
    position++;
  }
}

/** Whether a student must not see an image of the pool: it is in the fold that others are measured on. */
export const isLeftOut = (id: string, leftOut: TrainInput['leftOut'], seed: number): boolean =>
  leftOut !== undefined && foldOf(id, leftOut.folds, foldSalt(seed)) === leftOut.fold;

interface TrainingItem {
  shard: number;
  row: number;
  label: number;
  weight: number;
  human: number;
  anchor?: number;
}

function add(items: TrainingItems, { shard, row, label, weight, human, anchor = NO_ANCHOR }: TrainingItem): void {
  items.shard.push(shard);
  items.row.push(row);
  items.label.push(label);
  items.weight.push(weight);
  items.human.push(human);
  items.anchor.push(anchor);
}

/** Finds the shard and the row of a position in a split; positions come in ascending order mostly, so it remembers. */
function positions(shards: readonly Shard[]): (position: number) => [shard: number, row: number] {
  let at = 0;
  return (position) => {
    if (position < (shards[at]?.offset ?? 0)) at = 0;
    while (at + 1 < shards.length && position >= (shards[at + 1] as Shard).offset) at++;
    return [at, position - (shards[at]?.offset ?? 0)];
  };
}

/** The learner's items file. @param anchored whether the task has centroids */
export function encodeItems(
  { shard, row, label, weight, human, anchor }: TrainingItems,
  anchored: boolean,
): Uint8Array {
  const shape = [label.length];
  const int = (values: number[]) => ({ dtype: 'I32' as const, shape, data: Int32Array.from(values) });
  return encodeSafetensors({
    shard: int(shard),
    row: int(row),
    label: int(label),
    weight: { dtype: 'F32', shape, data: Float32Array.from(weight) },
    human: { dtype: 'U8', shape, data: Uint8Array.from(human) },
    ...(anchored ? { anchor: int(anchor) } : {}),
  });
}
