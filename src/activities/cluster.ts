import type { SeedPair } from '../contracts/learner.js';
import { deriveSeed } from '../contracts/random.js';
import { encodeSafetensors } from '../contracts/safetensors.js';
import { clusterOutput } from '../contracts/stages.js';
import type { ClusterInput, ClusterOutput, ClustersFile } from '../contracts/stages.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { AssignmentRow, DuplicateRow, SuspectRow } from '../contracts/tables.js';
import { chooseK } from '../labelling/choose-k.js';
import type { Centroids } from '../labelling/kmeans.js';
import { fitKMeansStreaming, sampleShards } from '../labelling/kmeans-streaming.js';
import type { Shards } from '../labelling/kmeans-streaming.js';
import { nearDuplicates } from '../labelling/near-duplicates.js';
import type { NearDuplicates } from '../labelling/near-duplicates.js';
import { isOutlier, outlierRadii } from '../labelling/outliers.js';
import { tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { featuresOf } from './clusters/features.js';
import { balanced, classShares } from './clusters/balanced.js';
import { readAnswered, readLabelled } from './clusters/people.js';
import { placePool } from './clusters/place.js';
import type { Placed } from './clusters/place.js';
import { labelClusters } from './clusters/records.js';
import type { Labelled } from './clusters/records.js';
import { readItems, readManifest, readSet } from './inputs.js';
import { storeTable } from './outputs.js';
import { stage } from './stage.js';

/** Points by which the number of clusters is chosen: enough for 500 clusters. */
const SAMPLE_LIMIT = 20_000;

/** The pool's features, read anew each time. */
interface Features {
  shards: Shards;
  total: number;
  /** Between two steps: what it rejects with ends the work. */
  onStep: () => Promise<void>;
}

/**
 * Groups the pool by the student's penultimate features, labels the groups, and lists what people should look at: outliers,
 * near-duplicates, labels that group and model deny.
 */
export const cluster = stage<ClusterInput, ClusterOutput>(
  'cluster',
  3,
  clusterOutput,
  async (input, { store, beating, signal }) =>
    beating(async () => {
      const manifest = await readManifest(store, input.dataset);
      const { shards } = await readSet(store, input.pool);
      const features: Features = {
        shards: featuresOf(store, shards),
        total: manifest.counts.pool,
        onStep: () => {
          signal.throwIfAborted();
          return Promise.resolve();
        },
      };
      const { centroids, criterion } = await fit(input, features, manifest.classes.length);
      const { length: classes } = manifest.classes;
      const placed = await placePool(store, shards, centroids, await readAnswered(store, input), classes);
      const radii = outlierRadii(placed, centroids.k);
      const people = await readLabelled(store, input, manifest, centroids);
      const { clusters: known, suspects } = labelClusters(placed, people, radii, classes);
      const shares = input.sharesOf && (await classShares(store, input.sharesOf, classes));
      const clusters = shares ? balanced(known, placed.probabilities, shares) : known;

      const cells = await cellsOf(centroids, features, deriveSeed(input.seed, 'cluster', input.round));
      const alike = await nearDuplicates(features.shards, features.total, cells, { onStep: features.onStep });

      const outliers = { count: 0 };
      const assignments = await storeTable(
        store,
        'assignments/1',
        tables.assignments,
        assignmentRows(store, manifest, placed, radii, outliers),
      );
      const file: ClustersFile = {
        format: 'labelloop.clusters/2',
        centroids: await storeCentroids(store, centroids),
        clusters,
        criterion,
        assignments,
        duplicates: await storeTable(store, 'duplicates/1', tables.duplicates, duplicateRows(store, manifest, alike)),
        suspects: await storeTable(store, 'suspects/1', tables.suspects, suspectRows(suspects)),
      };
      return {
        clusters: await store.putJson('clusters/2', file),
        parts: [file.centroids, assignments, file.duplicates, file.suspects],
        counts: {
          clusters: centroids.k,
          mixed: clusters.filter(({ label }) => label < 0).length,
          outliers: outliers.count,
          duplicates: alike.rows - alike.groups,
          suspects: suspects.length,
        },
      };
    }),
);

interface Fit {
  centroids: Centroids;
  criterion: ClustersFile['criterion'];
}

/** Images a cluster on average above which near-duplicates are looked for in smaller ones: pairs grow with the square. */
const MOST_A_CELL = 5_000;
const A_CELL = 3_000;

async function cellsOf(centroids: Centroids, { shards, total, onStep }: Features, seed: SeedPair): Promise<Centroids> {
  if (total <= MOST_A_CELL * centroids.k) return centroids;
  const k = Math.ceil(total / A_CELL);
  return (await fitKMeansStreaming(shards, total, k, seed, { passes: 1, onShard: onStep })).centroids;
}

/** Looks of a class, and images that one has at least, where clusters are all that is known (docs/decisions.md). */
const LOOKS = 8;
const LEAST_A_LOOK = 20;

async function fit(input: ClusterInput, features: Features, classes: number): Promise<Fit> {
  const { shards, total, onStep } = features;
  const seed = deriveSeed(input.seed, 'cluster', input.round);
  const fitted = async (k: number): Promise<Centroids> =>
    (await fitKMeansStreaming(shards, total, Math.min(k, total), seed, { onShard: onStep })).centroids;
  if (input.sharesOf) {
    const k = Math.max(classes, Math.min(LOOKS * classes, Math.floor(total / LEAST_A_LOOK)));
    return { centroids: await fitted(k), criterion: [] };
  }
  if (input.clustersPerClass !== 'auto')
    return { centroids: await fitted(input.clustersPerClass * classes), criterion: [] };
  const sample = await sampleShards(shards, total, SAMPLE_LIMIT, seed, onStep);
  const { k, criterion } = await chooseK(sample, classes, seed, { onIteration: onStep });
  return { centroids: await fitted(k), criterion };
}

const storeCentroids = (store: Store, { data, k, width }: Centroids) =>
  store.putBytes('features/1', encodeSafetensors({ centroids: { dtype: 'F32', shape: [k, width], data } }));

/** A row an image of the pool; a shard's ids are in memory at a time. */
async function* assignmentRows(
  store: Store,
  manifest: DatasetManifest,
  placed: Placed,
  radii: Float64Array,
  outliers: { count: number },
): AsyncGenerator<AssignmentRow> {
  let row = 0;
  for (const shard of manifest.shards.pool) {
    for (const { id } of await readItems(store, shard)) {
      const [group, distance] = [placed.cluster[row] as number, placed.distance[row] as number];
      row++;
      const outlier = isOutlier(group, distance, radii);
      if (outlier) outliers.count++;
      yield { id, cluster: group, distance, outlier };
    }
  }
}

async function* duplicateRows(
  store: Store,
  manifest: DatasetManifest,
  { group, distance }: NearDuplicates,
): AsyncGenerator<DuplicateRow> {
  let row = 0;
  for (const shard of manifest.shards.pool)
    for (const { id } of await readItems(store, shard)) {
      if ((group[row] as number) >= 0) yield { id, group: group[row] as number, distance: distance[row] as number };
      row++;
    }
}

const suspectRows = (suspects: Labelled['suspects']): SuspectRow[] =>
  suspects.map(({ id, name, label, cluster: group, denial }) => {
    const { predicted, probability } = denial;
    const said = { cluster_label: denial.label, cluster_probability: denial.share };
    return { id, name, label, predicted, probability, cluster: group, ...said };
  });
