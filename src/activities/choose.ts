import type { QuestionsFile } from '../contracts/audit-stages.js';
import { deriveSeed } from '../contracts/random.js';
import type { Ref } from '../contracts/references.js';
import { chooseOutput, clustersFile } from '../contracts/stages.js';
import type { ChooseInput, ChooseOutput, ClustersFile } from '../contracts/stages.js';
import { labellingErrors } from '../labelling/errors.js';
import { representatives } from '../labelling/representatives.js';
import type { Askable } from '../labelling/representatives.js';
import { decodeTable, readColumns, readGroups, tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { readSet } from './inputs.js';
import { stage } from './stage.js';

const NO_GROUP = -1;

/** Chooses what people are asked about: one image stands for its cluster. Sixteen bytes an image of the pool are in memory. */
export const choose = stage<ChooseInput, ChooseOutput>('choose', 1, chooseOutput, async (input, { store, beating }) =>
  beating(async () => {
    const file = await store.readJson(input.clusters, clustersFile);
    const pool = await readPool(store, input, file);
    const seed = deriveSeed(input.seed, 'choose', input.round);
    const positions = representatives(pool, file.clusters, { limit: input.limit, seed });
    const ids = await idsAt(store, file.assignments, positions);
    const questions: QuestionsFile = {
      format: 'labelloop.questions/1',
      images: positions.map((position) => ({ id: ids.get(position) as string, position })),
    };
    return { questions: await store.putJson('questions/1', questions) };
  }),
);

async function readPool(store: Store, input: ChooseInput, file: ClustersFile): Promise<Askable> {
  const { shards } = await readSet(store, input.pool);
  const total = shards.reduce((sum, { count }) => sum + count, 0);
  const pool: Askable = {
    cluster: new Int32Array(total),
    distance: new Float32Array(total),
    open: new Uint8Array(total),
    askable: new Uint8Array(total),
    group: new Int32Array(total).fill(NO_GROUP),
  };
  const alike = await decodeTable(tables.duplicates, await store.readBytes(file.duplicates));
  const groups = new Map(alike.map(({ id, group }) => [id, group]));
  let position = 0;
  for await (const rows of readGroups(tables.assignments, await store.fetch(file.assignments)))
    for (const { id, cluster, distance, outlier } of rows) {
      pool.cluster[position] = cluster;
      pool.distance[position] = distance;
      pool.group[position] = groups.get(id) ?? NO_GROUP;
      pool.open[position] = pool.askable[position] = outlier ? 0 : 1;
      position++;
    }
  if (position !== total) throw labellingErrors.rowsMismatch(total, 1, position);
  if (input.labels) await closeLabelled(store, input.labels, pool);
  return pool;
}

/** What has a label needs none, and near-duplicates of what people answered would be answered alike. */
async function closeLabelled(store: Store, labels: Ref, pool: Askable): Promise<void> {
  const answered = new Set<number>();
  let position = 0;
  for await (const rows of readColumns(tables.labels, await store.fetch(labels), ['status', 'source']))
    for (const { status, source } of rows) {
      if (status === 'accepted') pool.open[position] = pool.askable[position] = 0;
      if (source === 'human') answered.add(pool.group[position] as number);
      position++;
    }
  answered.delete(NO_GROUP);
  pool.group.forEach((group, i) => {
    if (answered.has(group)) pool.askable[i] = 0;
  });
}

/** Ids of some positions, a row group in memory at a time. */
async function idsAt(store: Store, assignments: Ref, positions: readonly number[]): Promise<Map<number, string>> {
  const wanted = new Set(positions);
  const ids = new Map<number, string>();
  let position = 0;
  for await (const rows of readColumns(tables.assignments, await store.fetch(assignments), ['id']))
    for (const { id } of rows) {
      if (wanted.has(position)) ids.set(position, id);
      position++;
    }
  return ids;
}
