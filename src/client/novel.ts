import type { Verdict } from '../contracts/audit.js';
import { problem } from '../contracts/errors.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { NamedCluster, NovelCluster, NovelImage, NovelView } from '../contracts/novel.js';
import type { Ref } from '../contracts/references.js';
import { decodeSafetensors, tensorNamed } from '../contracts/safetensors.js';
import { clustersFile, posteriorSet } from '../contracts/stages.js';
import type { RoundRecord } from '../contracts/stages.js';
import type { AnswerRow } from '../contracts/tables.js';
import { correctLabel } from '../labelling/audit/correct.js';
import type { Rows } from '../labelling/kmeans.js';
import { nearestKnown, novelCandidates, reachOf } from '../labelling/novelty.js';
import { decodeTable, readRows, tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { clientErrors } from './errors.js';

/** Images of a cluster that are compared with what is known: their share beyond the reach is known to 4 points then. */
const COMPARED = 200;
/** Known images at most, evenly from all: more move the nearest one little and cost time. */
const KNOWN_MOST = 5_000;

/** What is read of a run. */
export interface NovelSource {
  run: string;
  dataset: Ref;
  manifest: DatasetManifest;
  /** The last round. */
  record: RoundRecord;
  /** Labels in force, with what people said in audits and to questions that have ended. */
  labels: Ref;
  /** What people said since, to questions that are open. */
  said?: ReadonlyMap<string, Verdict> | null;
}

interface Member {
  id: string;
  position: number;
  distance: number;
}

/** A run's clusters with the images in them that are needed; memory holds a place and a distance an image. */
interface Clusters {
  k: number;
  /** [k], root mean squared distance from the centroid. */
  spread: number[];
  /** By cluster, the most central first. */
  members: Member[][];
}

/**
 * The clusters of a run's last round that may be of a class that nobody has labelled, each with its most central images. First
 * those of which the run left most images without a label: where a model moved, classes in another look are far from all that
 * is known, too, and to most of these it has given a label. Figures in docs/novelty.md.
 *
 * @param images of each cluster at most
 * @throws RUN_NO_RESULTS where the run is of a release that did not keep what is needed, or nothing is known to compare with
 */
export async function novelClusters(store: Store, source: NovelSource, images: number): Promise<NovelView> {
  const { run, manifest, record } = source;
  const clusters = await readClusters(store, record);
  const { people, open } = await readLabels(store, source, clusters);
  const known = await knownLatents(store, source, people);
  if (known.n < 2) throw clientErrors.nothingKnown(run);
  const compared = clusters.members.map((members) => evenly(members, COMPARED));
  const latents = await poolLatents(
    store,
    record,
    compared.flat().map(({ position }) => position),
  );
  const distances = await nearestKnown(latents, known);
  const reach = await reachOf(known);
  let at = 0;
  const looks = compared.map((some, cluster) => {
    const own = distances.subarray(at, (at += some.length));
    return {
      ...{ cluster, size: clusters.members[cluster]?.length ?? 0, spread: clusters.spread[cluster] ?? 0 },
      far: own.filter((distance) => distance > reach).length / Math.max(1, own.length),
      distance: own.reduce((sum, distance) => sum + distance, 0) / Math.max(1, own.length),
      open: open[cluster] ?? 0,
    };
  });
  const candidates: NovelCluster[] = [];
  for (const look of novelCandidates(looks).sort((a, b) => b.open - a.open))
    candidates.push({ ...look, images: await named(store, manifest, central(clusters, look.cluster, images)) });
  return {
    ...{ run, dataset: manifest.name, round: record.round, clusters: clusters.k, candidates },
    ...{ known: known.n, reach: Number.isFinite(reach) ? reach : 0 },
  };
}

/** What a person said by naming clusters. */
export interface NovelAnswers {
  /** The run's dataset. */
  dataset: Ref;
  manifest: DatasetManifest;
  /** Images that are answers now, by cluster. */
  taken: { cluster: number; name: string; images: NovelImage[] }[];
  /** What people said of images of the pool before, in audits or when the run began. */
  before: AnswerRow[];
}

/** Characters of an id that name an image. */
const PREFIX = 6;

/**
 * The most central images of clusters that a person names, less those that the person left out.
 *
 * @param options.images of each cluster
 * @param options.not ids, beginnings of ids or names of images that are of another class
 * @throws USAGE for a cluster that the run has not, one that nothing is left of, or an image to leave out that is not among
 *   those that would be taken
 */
export async function novelAnswers(
  store: Store,
  source: NovelSource,
  asked: readonly NamedCluster[],
  { images, not = [] }: { images: number; not?: readonly string[] },
): Promise<NovelAnswers> {
  const { run, dataset, manifest, record } = source;
  const clusters = await readClusters(store, record);
  const shown: NovelAnswers['taken'] = [];
  for (const { cluster, name } of asked) {
    if (!clusters.members[cluster]?.length) throw clientErrors.noCluster(run, cluster, clusters.k);
    shown.push({ cluster, name, images: await named(store, manifest, central(clusters, cluster, images)) });
  }
  const isMeant = (image: NovelImage, text: string): boolean =>
    image.name === text || (text.length >= PREFIX && image.id.startsWith(text));
  const all = shown.flatMap(({ images }) => images);
  const stranger = not.find((text) => !all.some((image) => isMeant(image, text)));
  if (stranger !== undefined) throw clientErrors.notShown(stranger, all.length);
  const taken = shown.map((each) => ({
    ...each,
    images: each.images.filter((image) => !not.some((text) => isMeant(image, text))),
  }));
  const empty = taken.find(({ images }) => images.length === 0);
  if (empty) throw clientErrors.nothingTaken(empty.cluster);
  const { people } = await readLabels(store, source, clusters);
  return { dataset, manifest, taken, before: people.map(({ id, label }) => ({ id, label })) };
}

type Answered = AnswerRow & { position: number };

/** Which images of the pool a person labelled, and how many of each cluster have no label. */
async function readLabels(
  store: Store,
  { labels, said, manifest: { classes } }: NovelSource,
  { k, members }: Clusters,
): Promise<{ people: Answered[]; open: number[] }> {
  const clusterAt = new Int32Array(members.reduce((sum, { length }) => sum + length, 0));
  for (const [cluster, some] of members.entries()) for (const { position } of some) clusterAt[position] = cluster;
  const people: Answered[] = [];
  const open = Array.from({ length: k }, () => 0);
  let position = 0;
  for await (const row of readRows(tables.labels, await store.fetch(labels))) {
    const { id, label, status, source } = said ? correctLabel(row, said.get(row.id), null, null, classes) : row;
    if (status !== 'accepted') open[clusterAt[position] as number]!++;
    else if (source === 'human') people.push({ id, label, position });
    position++;
  }
  return { people, open };
}

const central = ({ members }: Clusters, cluster: number, most: number): Member[] =>
  (members[cluster] ?? []).slice(0, most);

async function readClusters(store: Store, record: RoundRecord): Promise<Clusters> {
  const file = await store.readJson(record.clusters, clustersFile);
  const members = file.clusters.map((): Member[] => []);
  let position = 0;
  for await (const row of readRows(tables.assignments, await store.fetch(file.assignments)))
    members[row.cluster]?.push({ id: row.id, position: position++, distance: row.distance });
  return {
    k: file.clusters.length,
    // Records of before clusters had labels have a spread of 0.
    spread: members.map((some) => Math.sqrt(some.reduce((sum, { distance }) => sum + distance ** 2, 0) / some.length)),
    members: members.map((some) => some.sort((a, b) => a.distance - b.distance || a.position - b.position)),
  };
}

/**
 * Latents of all images that people labelled: of the labelled split, of the pool, and of the run that an adapting one comes
 * from, all by the same model.
 */
async function knownLatents(store: Store, source: NovelSource, people: readonly Answered[]): Promise<Rows> {
  const { record, run } = source;
  if (!record.labelled) throw clientErrors.noLatents(run);
  const parts: Rows[] = [];
  for (const set of [record.labelled, record.sourceLabelled ?? null])
    for (const { features } of set ? (await store.readJson(set, posteriorSet)).shards : [])
      parts.push(await readFeatures(store, features));
  parts.push(await poolLatents(store, record, people.map(({ position }) => position))); // prettier-ignore
  return thinned(joined(parts), KNOWN_MOST);
}

/** Latents of some images of the pool, in the order asked for; a shard is in memory at a time. */
async function poolLatents(store: Store, { pool }: RoundRecord, positions: readonly number[]): Promise<Rows> {
  const order = [...positions.keys()].sort((a, b) => (positions[a] as number) - (positions[b] as number));
  let [data, width, offset, next] = [new Float32Array(), 0, 0, 0];
  for (const shard of (await store.readJson(pool, posteriorSet)).shards) {
    if (next === order.length) break;
    const rows = await readFeatures(store, shard.features);
    if (width === 0) data = new Float32Array(positions.length * (width = rows.width));
    for (; next < order.length; next++) {
      const row = (positions[order[next] as number] as number) - offset;
      if (row >= rows.n) break;
      data.set(rows.data.subarray(row * width, (row + 1) * width), (order[next] as number) * width);
    }
    offset += rows.n;
  }
  return { data, n: width === 0 ? 0 : positions.length, width };
}

async function readFeatures(store: Store, features: Ref): Promise<Rows> {
  const tensor = tensorNamed(decodeSafetensors(await store.readBytes(features)), 'features', 'F32');
  const [n, width] = tensor.shape;
  if (n === undefined || width === undefined)
    throw problem('FORMAT_UNKNOWN', `Blob ${features.sha256} holds no features of shape [n, width].`);
  return { data: tensor.data, n, width };
}

function joined(parts: readonly Rows[]): Rows {
  const filled = parts.filter(({ n }) => n > 0);
  const width = filled[0]?.width ?? 0;
  const data = new Float32Array(filled.reduce((sum, { n }) => sum + n, 0) * width);
  let at = 0;
  for (const part of filled) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { data, n: width === 0 ? 0 : data.length / width, width };
}

function thinned(rows: Rows, most: number): Rows {
  const { width } = rows;
  const chosen = evenly(Array.from({ length: rows.n }, (_, i) => i), most); // prettier-ignore
  const data = new Float32Array(chosen.length * width);
  chosen.forEach((row, i) => data.set(rows.data.subarray(row * width, (row + 1) * width), i * width));
  return { data, n: chosen.length, width };
}

/** At most so many, at even steps from first to last. */
const evenly = <T>(list: readonly T[], most: number): T[] =>
  list.length <= most
    ? [...list]
    : Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)] as T);

/** With the names that the images have in the dataset. */
async function named(
  store: Store,
  { shards: { pool } }: DatasetManifest,
  members: readonly Member[],
): Promise<NovelImage[]> {
  const names = new Map<number, string>();
  for (const shard of pool) {
    const inside = members.filter(({ position: p }) => p >= shard.offset && p < shard.offset + shard.count);
    if (inside.length === 0) continue;
    const items = await decodeTable(tables.items, await store.readBytes(shard.items));
    for (const { position } of inside) names.set(position, items[position - shard.offset]?.name ?? '');
  }
  return members.map(({ id, position, distance }) => ({ id, name: names.get(position) ?? '', position, distance }));
}
