import { problem } from '../contracts/errors.js';
import { deriveSeed } from '../contracts/random.js';
import { decodeSafetensors, encodeSafetensors } from '../contracts/safetensors.js';
import { clusterOutput } from '../contracts/stages.js';
import type { ClusterInput, ClusterOutput, ClustersFile, SampleOutput } from '../contracts/stages.js';
import type { AssignmentRow } from '../contracts/tables.js';
import { assign, fitKMeans, sampleRows } from '../labelling/kmeans.js';
import type { Rows } from '../labelling/kmeans.js';
import { isOutlier, outlierRadii } from '../labelling/outliers.js';
import { tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { readItems, readManifest, readSet } from './inputs.js';
import { storeTable } from './outputs.js';
import { stage } from './stage.js';

/** Points that the centroids are fitted to. More move them by less than a cluster's own spread. */
const SAMPLE_LIMIT = 20_000;

/** Groups the pool by the student's penultimate features and marks what lies far outside every group. */
export const cluster = stage<ClusterInput, ClusterOutput>(
  'cluster',
  3,
  clusterOutput,
  async (input, { store, beating }) =>
    beating(async () => {
      const manifest = await readManifest(store, input.dataset);
      const { shards } = await readSet(store, input.pool);
      const seed = deriveSeed(input.seed, 'cluster', input.round);
      const sample = await sampleFeatures(store, shards, manifest.counts.pool, seed);
      const perClass = input.clustersPerClass === 'auto' ? 3 : input.clustersPerClass;
      const k = Math.min(perClass * manifest.classes.length, sample.n);
      const centroids = await fitKMeans(sample, k, seed);

      const clusters = new Int32Array(manifest.counts.pool);
      const distances = new Float32Array(manifest.counts.pool);
      let position = 0;
      for (const shard of shards) {
        const found = await assign(await readFeatures(store, shard), centroids);
        clusters.set(found.cluster, position);
        distances.set(found.distance, position);
        position += found.cluster.length;
      }
      const radii = outlierRadii({ cluster: clusters, distance: distances }, centroids.k);
      const sizes = new Array<number>(centroids.k).fill(0);
      let outliers = 0;
      const assigned = async function* (): AsyncGenerator<AssignmentRow> {
        let row = 0;
        for (const shard of manifest.shards.pool) {
          for (const { id } of await readItems(store, shard)) {
            const group = clusters[row] as number;
            const distance = distances[row++] as number;
            const outlier = isOutlier(group, distance, radii);
            sizes[group] = (sizes[group] ?? 0) + 1;
            if (outlier) outliers++;
            yield { id, cluster: group, distance, outlier };
          }
        }
      };
      const assignments = await storeTable(store, 'assignments/1', tables.assignments, assigned());
      const file: ClustersFile = {
        format: 'labelloop.clusters/2',
        centroids: await store.putBytes(
          'features/1',
          encodeSafetensors({
            centroids: { dtype: 'F32', shape: [centroids.k, centroids.width], data: centroids.data },
          }),
        ),
        clusters: sizes.map((size, c) => ({
          size,
          radius: radii[c] as number,
          spread: 0,
          label: -1,
          probability: 0,
          labelled: 0,
        })),
        criterion: [],
        assignments,
        duplicates: await storeTable(store, 'duplicates/1', tables.duplicates, none()),
        suspects: await storeTable(store, 'suspects/1', tables.suspects, none()),
      };
      return {
        clusters: await store.putJson('clusters/2', file),
        parts: [file.centroids, assignments, file.duplicates, file.suspects],
        counts: { clusters: centroids.k, mixed: centroids.k, outliers, duplicates: 0, suspects: 0 },
      };
    }),
);

async function readFeatures(store: Store, shard: SampleOutput): Promise<Rows> {
  const { features } = decodeSafetensors(await store.readBytes(shard.features)).tensors;
  const [n, width] = features?.shape ?? [];
  if (!features || n === undefined || width === undefined || !(features.data instanceof Float32Array)) {
    throw problem('FORMAT_UNKNOWN', `Blob ${shard.features.sha256} holds no features of shape [n, width].`);
  }
  return { data: features.data, n, width };
}

/** At most SAMPLE_LIMIT rows of all shards, chosen by position. */
async function sampleFeatures(
  store: Store,
  shards: readonly SampleOutput[],
  total: number,
  seed: [number, number],
): Promise<Rows> {
  const chosen = sampleRows(total, SAMPLE_LIMIT, seed);
  let data: Float32Array | undefined;
  let width = 0;
  let [offset, at] = [0, 0];
  for (const shard of shards) {
    const features = await readFeatures(store, shard);
    width = features.width;
    data ??= new Float32Array(chosen.length * width);
    for (; at < chosen.length && (chosen[at] as number) < offset + features.n; at++) {
      const row = (chosen[at] as number) - offset;
      data.set(features.data.subarray(row * width, (row + 1) * width), at * width);
    }
    offset += features.n;
  }
  return { data: data ?? new Float32Array(), n: at, width };
}

async function* none(): AsyncGenerator<never> {}
