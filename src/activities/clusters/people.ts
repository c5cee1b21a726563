import type { ClusterInput } from '../../contracts/stages.js';
import type { DatasetManifest } from '../../contracts/dataset.js';
import type { PosteriorRow } from '../../contracts/tables.js';
import { assign } from '../../labelling/kmeans.js';
import type { Centroids } from '../../labelling/kmeans.js';
import type { PeoplesLabel } from '../../labelling/suspects.js';
import { readColumns, tables } from '../../store/index.js';
import type { Store } from '../../store/index.js';
import { readItems, readLabels, readPosteriors, readSet, readSplit, shardOf } from '../inputs.js';
import { readFeatures } from './features.js';

/** A label that people gave, of an image that lies `distance` from the centroid of its cluster. */
export interface HumanLabel extends PeoplesLabel {
  name: string;
  distance: number;
  /**
   * Whether it may label its cluster. Images that calibrate may not: a cluster's label can become that of pool images, whose
   * error the calibration images are to tell.
   */
  teaches: boolean;
}

/** What people gave and where it lies, before the model and the clusters are asked. */
export type Answered = Pick<HumanLabel, 'id' | 'name' | 'label'>;

/** Answers of people in the pool, by position; the labels' rows stand in the pool's order. */
export async function readAnswered(store: Store, { labels }: ClusterInput): Promise<Map<number, Answered>> {
  const answered = new Map<number, Answered>();
  if (!labels) return answered;
  let position = 0;
  const path = await store.fetch(labels);
  for await (const rows of readColumns(tables.labels, path, ['id', 'name', 'status', 'label', 'source'])) {
    for (const { id, name, status, label, source } of rows) {
      if (source === 'human' && status === 'accepted') answered.set(position, { id, name, label });
      position++;
    }
  }
  return answered;
}

/** The labelled images in the pool's clusters; none where the input has no posteriors of them. */
export async function readLabelled(
  store: Store,
  { labelled, split }: ClusterInput,
  manifest: DatasetManifest,
  centroids: Centroids,
): Promise<HumanLabel[]> {
  if (!labelled) return [];
  const labels = await readLabels(store, manifest);
  const parts = split ? await readSplit(store, split) : { train: [], calibration: [] };
  const [train, calibration] = [new Set(parts.train), new Set(parts.calibration)];
  const found: HumanLabel[] = [];
  for (const [index, shard] of (await readSet(store, labelled)).shards.entries()) {
    const items = await readItems(store, shardOf(manifest, 'labelled', index));
    const posteriors = await readPosteriors(store, shard.posteriors);
    const { cluster, distance } = await assign(await readFeatures(store, shard), centroids);
    for (const [i, { id, name }] of items.entries()) {
      const position = found.length;
      const given = { id, name, label: labels[position] as number };
      const place = { cluster: cluster[i] as number, distance: distance[i] as number };
      const use = { learnt: train.has(position), teaches: !calibration.has(position) };
      found.push({ ...judged(given, posteriors[i] as PosteriorRow), ...place, ...use });
    }
  }
  return found;
}

/** What the model says of a label. */
export const judged = (given: Answered, { predicted, p }: PosteriorRow) => ({
  ...given,
  predicted,
  probability: p[predicted] as number,
  credit: p[given.label] as number,
});
