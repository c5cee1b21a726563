import { problem } from '../contracts/errors.js';
import { datasetManifest } from '../contracts/dataset.js';
import type { DatasetManifest, Shard, SplitName } from '../contracts/dataset.js';
import { modelSpec } from '../contracts/learner.js';
import type { ModelSpec } from '../contracts/learner.js';
import { decodeSafetensors } from '../contracts/safetensors.js';
import { posteriorSet, splitFile } from '../contracts/stages.js';
import type { PosteriorSet, SplitFile } from '../contracts/stages.js';
import type { Ref } from '../contracts/references.js';
import type { AnswerRow, ItemRow, PosteriorRow } from '../contracts/tables.js';
import { decodeTable, tables } from '../store/index.js';
import type { Store } from '../store/index.js';

/** Readers of what stages take, so that each stage says what it needs and nothing of where it lies. */
export const readManifest = (store: Store, dataset: Ref): Promise<DatasetManifest> =>
  store.readJson(dataset, datasetManifest);

export const readSplit = (store: Store, split: Ref): Promise<SplitFile> => store.readJson(split, splitFile);

export const readSet = (store: Store, set: Ref): Promise<PosteriorSet> => store.readJson(set, posteriorSet);

export async function readItems(store: Store, shard: Shard): Promise<ItemRow[]> {
  return decodeTable(tables.items, await store.readBytes(shard.items));
}

export async function readPosteriors(store: Store, posteriors: Ref): Promise<PosteriorRow[]> {
  return decodeTable(tables.posteriors, await store.readBytes(posteriors));
}

/** All posteriors of a split, in its order; only for splits that are small by nature (labelled, test). */
export async function readAllPosteriors(store: Store, set: Ref): Promise<PosteriorRow[]> {
  const { shards } = await readSet(store, set);
  const rows: PosteriorRow[] = [];
  for (const shard of shards) for (const row of await readPosteriors(store, shard.posteriors)) rows.push(row);
  return rows;
}

export async function readAnswers(store: Store, answers: Ref): Promise<AnswerRow[]> {
  return decodeTable(tables.answers, await store.readBytes(answers));
}

/** Labels of the labelled split, in its order. */
export async function readLabels(store: Store, manifest: DatasetManifest): Promise<Int32Array> {
  const byId = new Map((await readAnswers(store, manifest.labels)).map((row) => [row.id, row.label]));
  const labels: number[] = [];
  for (const shard of manifest.shards.labelled) {
    for (const { id } of await readItems(store, shard)) {
      const label = byId.get(id);
      if (label === undefined)
        throw problem('DATASET_INVALID', `dataset '${manifest.name}': no label for image ${id}. Import it again.`);
      labels.push(label);
    }
  }
  return Int32Array.from(labels);
}

export function shardOf(manifest: DatasetManifest, split: SplitName, index: number): Shard {
  const shard = manifest.shards[split][index];
  if (!shard) throw problem('DATASET_INVALID', `dataset '${manifest.name}' has no ${split} shard ${index}.`);
  return shard;
}

/** Some rows of a file with rows of one size, such as pixels. */
export function pickRows(bytes: Uint8Array, count: number, rows: readonly number[]): Uint8Array {
  const size = bytes.length / count;
  const picked = new Uint8Array(rows.length * size);
  rows.forEach((row, i) => picked.set(bytes.subarray(row * size, (row + 1) * size), i * size));
  return picked;
}

/** The next row of a table that is read beside others; undefined at its end. */
export async function nextRow<Row>(rows: AsyncGenerator<Row>): Promise<Row | undefined> {
  const result = await rows.next();
  return result.done === true ? undefined : result.value;
}

/** What a stored model was made from. */
export async function modelSpecOf(store: Store, model: Ref): Promise<ModelSpec> {
  const { metadata } = decodeSafetensors(await store.readBytes(model));
  const spec = modelSpec.safeParse(JSON.parse(metadata['spec'] ?? 'null'));
  if (!spec.success) throw problem('FORMAT_UNKNOWN', `Blob ${model.sha256} is no model of this release.`);
  return spec.data;
}
