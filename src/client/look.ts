import type { DatasetManifest } from '../contracts/dataset.js';
import type { NearDuplicate, Suspect } from '../contracts/look.js';
import type { Ref } from '../contracts/references.js';
import { clustersFile } from '../contracts/stages.js';
import type { ClustersFile } from '../contracts/stages.js';
import { decodeTable, readGroups, tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { clientErrors } from './errors.js';

/** Of which round the lists are, and of which data. */
export interface Looked {
  run: string;
  manifest: DatasetManifest;
  /** Clusters of the round. */
  clusters: Ref;
}

/** Human labels that model and cluster deny, the least credible first. @throws RUN_NO_RESULTS for runs of before 0.3.0 */
export async function suspects(store: Store, of: Looked): Promise<Suspect[]> {
  const { classes } = of.manifest;
  const rows = await decodeTable(tables.suspects, await store.readBytes((await clustersOf(store, of)).suspects));
  return rows.map(({ id, name, label, predicted, probability, cluster, cluster_label, cluster_probability }) => ({
    ...{ id, name, label: classes[label] ?? '', predicted: classes[predicted] ?? '', probability, cluster },
    ...{ clusterLabel: classes[cluster_label] ?? '', clusterProbability: cluster_probability },
  }));
}

/** Images of the pool that look alike, group by group. @throws as `suspects` */
export async function nearDuplicates(store: Store, of: Looked): Promise<NearDuplicate[]> {
  const rows = await decodeTable(tables.duplicates, await store.readBytes((await clustersOf(store, of)).duplicates));
  const names = new Map(rows.map(({ id }) => [id, '']));
  if (rows.length > 0)
    for (const shard of of.manifest.shards.pool)
      for await (const items of readGroups(tables.items, await store.fetch(shard.items)))
        for (const { id, name } of items) if (names.has(id)) names.set(id, name);
  return rows
    .map(({ id, group, distance }) => ({ group, id, name: names.get(id) ?? '', distance }))
    .sort((a, b) => a.group - b.group);
}

async function clustersOf(store: Store, { run, clusters }: Looked): Promise<ClustersFile> {
  if (clusters.kind !== 'clusters/2') throw clientErrors.noLists(run);
  return store.readJson(clusters, clustersFile);
}
