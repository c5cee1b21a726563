import { datasetManifest } from '../contracts/dataset.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import { LabelloopError } from '../contracts/errors.js';
import type { Ref } from '../contracts/references.js';
import type { AnswerRow } from '../contracts/tables.js';
import { decodeTable, encodeTable, tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { datasetErrors } from './errors.js';
import { register } from './registry.js';

/** What a dataset gets on top. */
export interface Extension {
  /** Names of new classes; they come after those that are there, whose numbers stay. */
  classes: readonly string[];
  /** What people said of images of the pool, by classes old and new; a later answer takes the place of an earlier one. */
  answers?: readonly AnswerRow[];
  /** Name of the new dataset; by default the next free one of NAME-2, NAME-3, … */
  as?: string;
}

/** Names that are tried before giving up: more means that something else is wrong. */
const TRIES = 1000;

/**
 * Makes a dataset with further classes or answers of another one: a manifest that refers to the same images, of which none is
 * copied. The old dataset stays as it is, and so does all that refers to it: runs, labels, history, certificates.
 *
 * The same extension of the same dataset again finds the dataset that it made.
 *
 * @throws SETTINGS_INVALID for a class that is there, an image that the pool has not, or nothing to add; DATASET_EXISTS where
 *   `as` stands for other content
 */
export async function extendDataset(
  store: Store,
  base: { ref: Ref; manifest: DatasetManifest },
  extension: Extension,
): Promise<{ ref: Ref; manifest: DatasetManifest }> {
  const classes = [...base.manifest.classes, ...newClasses(base.manifest, extension.classes)];
  const answers = await mergeAnswers(store, base.manifest, extension.answers ?? [], classes.length);
  for (const name of namesFor(base.manifest, extension.as)) {
    const manifest = datasetManifest.parse({
      ...base.manifest,
      ...{ name, classes, extends: base.ref },
      ...(answers && { answers }),
    });
    const ref = await store.putJson('dataset/1', manifest);
    try {
      await register(store, name, ref, base.manifest.source.path);
      return { ref, manifest };
    } catch (error) {
      const taken = error instanceof LabelloopError && error.code === 'DATASET_EXISTS';
      if (!taken || extension.as !== undefined) throw error;
    }
  }
  throw datasetErrors.exists(base.manifest.name);
}

/** Names are written as an import writes them: without space around, in Unicode's composed form. */
function newClasses(manifest: DatasetManifest, given: readonly string[]): string[] {
  const names = given.map((name) => name.trim().normalize('NFC'));
  const known = new Set(manifest.classes);
  for (const name of names) {
    if (name === '' || known.has(name)) throw datasetErrors.classPresent(name, manifest.classes);
    known.add(name);
  }
  return names;
}

/** The answers of before and the new ones, by id; null without any. */
async function mergeAnswers(
  store: Store,
  manifest: DatasetManifest,
  given: readonly AnswerRow[],
  classes: number,
): Promise<Ref | null> {
  if (given.length === 0 && classes === manifest.classes.length) throw datasetErrors.nothingAdded(manifest.name);
  const before = manifest.answers ? await decodeTable(tables.answers, await store.readBytes(manifest.answers)) : [];
  const byId = new Map([...before, ...given].map(({ id, label }) => [id, label]));
  if (byId.size === 0) return null;
  const strangers = new Set(given.map(({ id }) => id));
  for (const shard of manifest.shards.pool)
    for (const { id } of await decodeTable(tables.items, await store.readBytes(shard.items))) strangers.delete(id);
  const [stranger] = strangers;
  if (stranger !== undefined) throw datasetErrors.answerUnknown(manifest.name, stranger);
  const rows = [...byId].map(([id, label]) => ({ id, label })).sort((a, b) => (a.id < b.id ? -1 : 1));
  const outside = rows.find(({ label }) => !(label >= 0 && label < classes));
  if (outside) throw datasetErrors.optionInvalid('answers', `class ${outside.label}`, `from 0 to ${classes - 1}`);
  return store.putBytes('answers/1', encodeTable(tables.answers, rows));
}

function* namesFor({ name, extends: extended }: DatasetManifest, as: string | undefined): Generator<string> {
  if (as !== undefined) {
    yield as;
    return;
  }
  // shells-2 goes on as shells-3, while an import's own shells-2 becomes shells-2-2.
  const stem = extended ? name.replace(/-\d+$/, '') : name;
  for (let number = 2; number < TRIES; number++) yield `${stem}-${number}`;
}
