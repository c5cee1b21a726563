import { z } from 'zod';
import { datasetManifest, type DatasetManifest } from '../contracts/dataset.js';
import { ref, type Ref } from '../contracts/references.js';
import type { Store } from '../store/index.js';
import { datasetErrors } from './errors.js';

const PREFIX = 'datasets/';

/** The object `datasets/<name>.json`: under which name a manifest is known, and where it came from. */
const datasetPointer = z.strictObject({
  format: z.literal('labelloop.dataset-pointer/1'),
  name: z.string(),
  manifest: ref,
  path: z.string(),
  importedAt: z.iso.datetime(),
});
export type DatasetPointer = z.infer<typeof datasetPointer>;

const pointerPath = (name: string): string => `${PREFIX}${name}.json`;

/**
 * Makes a stored manifest known under its name. The same content again is fine.
 *
 * @throws DATASET_EXISTS where the name stands for other content
 */
export async function register(store: Store, name: string, manifest: Ref, path: string): Promise<void> {
  const format = 'labelloop.dataset-pointer/1';
  const importedAt = new Date().toISOString();
  if (await store.createPointer(pointerPath(name), { format, name, manifest, path, importedAt })) return;
  const existing = await store.getPointer(pointerPath(name), datasetPointer);
  if (existing?.manifest.sha256 !== manifest.sha256) throw datasetErrors.exists(name);
}

/**
 * The dataset of that name.
 *
 * @throws DATASET_UNKNOWN where there is none
 */
export async function readDataset(store: Store, name: string): Promise<{ ref: Ref; manifest: DatasetManifest }> {
  const pointer = await store.getPointer(pointerPath(name), datasetPointer);
  if (!pointer) throw datasetErrors.unknown(name, await namesOf(store));
  return { ref: pointer.manifest, manifest: await store.readJson(pointer.manifest, datasetManifest) };
}

/** All datasets of the store, by name. */
export async function listDatasets(store: Store): Promise<DatasetPointer[]> {
  const names = await namesOf(store);
  const pointers = await Promise.all(names.map((name) => store.getPointer(pointerPath(name), datasetPointer)));
  return pointers.filter((pointer) => pointer !== null);
}

const namesOf = async (store: Store): Promise<string[]> =>
  (await store.listPointers(PREFIX)).map((path) => path.slice(PREFIX.length).replace(/\.json$/, ''));
