import { deriveSeed } from '../contracts/random.js';
import { encodeSafetensors } from '../contracts/safetensors.js';
import { clusterOutput } from '../contracts/stages.js';
import type { ClusterInput, ClusterOutput, ClustersFile, SampleOutput } from '../contracts/stages.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { AssignmentRow, SuspectRow } from '../contracts/tables.js';
import { fitKMeans } from '../labelling/kmeans.js';
import type { Centroids } from '../labelling/kmeans.js';
import { isOutlier, outlierRadii } from '../labelling/outliers.js';
import { tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { sampleFeatures } from './clusters/features.js';
import { readAnswered, readLabelled } from './clusters/people.js';
import { placePool } from './clusters/place.js';
import type { Placed } from './clusters/place.js';
import { labelClusters } from './clusters/records.js';
import type { Labelled } from './clusters/records.js';
import { readItems, readManifest, readSet } from './inputs.js';
import { storeTable } from './outputs.js';
import { stage } from './stage.js';

/** Points that the centroids are fitted to. More move them by less than a cluster's own spread. */
const SAMPLE_LIMIT = 20_000;

/**
 * Groups the pool by the student's penultimate features, labels the groups, and lists what people should look at: outliers,
 * near-duplicates, labels that group and model deny.
 */
export const cluster = stage<ClusterInput, ClusterOutput>(
  'cluster',
  3,
  clusterOutput,
  async (input, { store, beating }) =>
    beating(async () => {
      const manifest = await readManifest(store, input.dataset);
      const { shards } = await readSet(store, input.pool);
      const { centroids, criterion } = await fit(store, input, manifest, shards);
      const placed = await placePool(store, shards, centroids, await readAnswered(store, input));
      const radii = outlierRadii(placed, centroids.k);
      const people = await readLabelled(store, input, manifest, centroids);
      const { clusters, suspects } = labelClusters(placed, people, radii, manifest.classes.length);

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
        duplicates: await storeTable(store, 'duplicates/1', tables.duplicates, []),
        suspects: await storeTable(store, 'suspects/1', tables.suspects, suspectRows(suspects)),
      };
      return {
        clusters: await store.putJson('clusters/2', file),
        parts: [file.centroids, assignments, file.duplicates, file.suspects],
        counts: {
          clusters: centroids.k,
          mixed: clusters.filter(({ label }) => label < 0).length,
          outliers: outliers.count,
          duplicates: 0,
          suspects: suspects.length,
        },
      };
    }),
);

async function fit(
  store: Store,
  input: ClusterInput,
  manifest: DatasetManifest,
  shards: readonly SampleOutput[],
): Promise<{ centroids: Centroids; criterion: ClustersFile['criterion'] }> {
  const seed = deriveSeed(input.seed, 'cluster', input.round);
  const sample = await sampleFeatures(store, shards, { total: manifest.counts.pool, limit: SAMPLE_LIMIT, seed });
  const perClass = input.clustersPerClass === 'auto' ? 3 : input.clustersPerClass;
  const k = Math.min(perClass * manifest.classes.length, sample.n);
  return { centroids: await fitKMeans(sample, k, seed), criterion: [] };
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

const suspectRows = (suspects: Labelled['suspects']): SuspectRow[] =>
  suspects.map(({ id, name, label, cluster: group, denial }) => {
    const { predicted, probability } = denial;
    const said = { cluster_label: denial.label, cluster_probability: denial.share };
    return { id, name, label, predicted, probability, cluster: group, ...said };
  });
