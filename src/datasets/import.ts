import { rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { datasetManifest, type DatasetManifest, type ImageShape, type Shard } from '../contracts/dataset.js';
import type { LabelloopError } from '../contracts/errors.js';
import { deriveSeed, RandomStream } from '../contracts/random.js';
import type { Ref } from '../contracts/references.js';
import { encodeTable, tables, type Store } from '../store/index.js';
import { collect, type Collection, type Item, type Skipped } from './collect.js';
import { lookAt } from './decode.js';
import { datasetErrors } from './errors.js';
import { chooseKept } from './keep.js';
import { openSource } from './open-source.js';
import { checkOptions, chooseShape, type CheckedOptions, type ImportOptions } from './options.js';
import { readDataset, register } from './registry.js';
import { storeShards } from './shards.js';
import type { Source } from './source.js';
import { Spool } from './spool.js';
import { numberClasses, survey, type Survey } from './survey.js';

/** Streams of random numbers under the seed's key for `keep`; the numbers never change. */
const STREAMS = { keep: 0, labelled: 1, pool: 2, test: 3 };

/** One labelled image of a class to train from and one for calibration. */
const CLASS_MINIMUM = 2;

const EXAMPLES = 20;

export interface ImportResult {
  ref: Ref;
  manifest: DatasetManifest;
  /** What `skipBad` left out, in the order of the source. */
  skipped: Skipped[];
}

/** The dataset's splits: what is trained from, what is to be labelled, what measures. */
interface Splits {
  labelled: Item[];
  pool: Item[];
  test: Item[];
  /** Images of the pool whose labels were hidden; null where that was not asked for. */
  truth: Item[] | null;
}

/**
 * Imports images from a folder, a manifest or IDX files. Streams: memory holds some hundred bytes an image, pixels wait in
 * a file in the cache's folder. The dataset becomes visible by one last write; a failed import leaves nothing but blobs that
 * nothing refers to.
 *
 * Equal content, options and path name give an equal manifest, wherever and whenever it is imported.
 *
 * @throws DATASET_… with file, row and remedy for the first image that can't be taken, DATASET_EXISTS where the name stands
 *   for other content, SETTINGS_INVALID for a wrong option, CANCELLED
 */
export async function importDataset(store: Store, options: ImportOptions): Promise<ImportResult> {
  const checked = await liken(checkOptions(options), store, options.like);
  const path = resolve(options.path);
  const source = await openSource(path, options.kind);
  const { classes, images, sample } = await surveySource(source, path, checked, options);
  const shape = chooseShape(checked, await looksOf(sample));
  const folder = await store.temporaryFolder();
  const spool = await Spool.create(join(folder, 'pixels'), shape.height * shape.width * shape.channels);
  try {
    const count = counter('read', images, options);
    const reading = { shape, invert: options.invert === true, skipBad: options.skipBad === true };
    const collection = await collect(source, numberClasses(classes), reading, spool, count);
    const splits = split(collection, checked, classes, path);
    const manifest = await storeManifest(store, {
      splits,
      collection,
      classes,
      shape,
      source,
      spool,
      folder,
      checked,
      options,
    });
    const ref = await store.putJson('dataset/1', manifest);
    await register(store, options.name, ref, path);
    return { ref, manifest, skipped: collection.skipped };
  } finally {
    await spool.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The options with what they take from the dataset that this one is to be like. */
async function liken(checked: CheckedOptions, store: Store, like: string | undefined): Promise<ImportPlan> {
  if (like === undefined) return { ...checked, few: false };
  const { classes, image } = (await readDataset(store, like)).manifest;
  const { channels, ...size } = image;
  return { ...checked, classes, size, channels, few: true };
}

/** `few`: classes without a label are no obstacle. */
type ImportPlan = CheckedOptions & { few: boolean };

function surveySource(
  source: Source,
  path: string,
  { classes, few }: ImportPlan,
  options: ImportOptions,
): Promise<Survey> {
  const onProblem = (problem: LabelloopError) => {
    if (options.skipBad !== true) throw problem;
  };
  return survey(source, path, { classes, few }, onProblem, counter('survey', null, options));
}

async function looksOf(sample: Survey['sample']) {
  const looks = [];
  // What is broken is found, and named, when everything is read.
  for (const { content } of sample) looks.push(await lookAt(content).catch(() => null));
  return looks.filter((look) => look !== null);
}

function split(
  { train, test }: Collection,
  { keepLabels, keep, seed, pool: limit, few }: ImportPlan,
  classes: readonly string[],
  path: string,
): Splits {
  const key = deriveSeed(seed, 'keep');
  const streamOf = (name: keyof typeof STREAMS) => new RandomStream(key, STREAMS[name]);
  let labelled = train.filter((item) => item.label !== -1);
  let hidden: Item[] | null = null;
  if (labelled.length === 0 && !few) throw datasetErrors.nothingLabelled(path);
  if (keepLabels !== undefined) {
    if (keepLabels >= labelled.length) throw datasetErrors.keepTooMany(path, keepLabels, labelled.length);
    const labels = labelled.map((item) => item.label);
    const kept = chooseKept(labels, keepLabels, keep, streamOf('keep'));
    hidden = labelled.filter((_, i) => !kept[i]);
    labelled = labelled.filter((_, i) => kept[i]);
  }
  if (!few) checkClasses(labelled, classes, path);
  const unlabelled = train.filter((item) => item.label === -1);
  // Shuffled, so that every shard is a fair sample of its split, whatever the order of the source.
  const pool = streamOf('pool')
    .shuffle([...unlabelled, ...(hidden ?? [])])
    .slice(0, limit);
  const truth = hidden && pool.filter((item) => item.label !== -1);
  streamOf('labelled').shuffle(labelled);
  return { labelled, pool, test: streamOf('test').shuffle([...test]), truth };
}

function checkClasses(labelled: readonly Item[], classes: readonly string[], path: string): void {
  const counts = classes.map(() => 0);
  for (const { label } of labelled) counts[label] = (counts[label] as number) + 1;
  const small = counts.findIndex((count) => count < CLASS_MINIMUM);
  if (small !== -1) throw datasetErrors.classTooSmall(path, classes[small] as string, counts[small] as number);
}

interface Parts {
  splits: Splits;
  collection: Collection;
  classes: string[];
  shape: ImageShape;
  source: Source;
  spool: Spool;
  folder: string;
  checked: CheckedOptions;
  options: ImportOptions;
}

async function storeManifest(store: Store, parts: Parts): Promise<DatasetManifest> {
  const { splits, collection, classes, shape, source, spool, folder, checked, options } = parts;
  const { labelled, pool, test, truth } = splits;
  const count = counter('store', labelled.length + pool.length + test.length, options);
  const shardsOf = (items: Item[]): Promise<Shard[]> =>
    storeShards(store, items, spool, folder, checked.shardSize, count);
  const labelsOf = (items: Item[]): Promise<Ref> => store.putBytes('answers/1', encodeTable(tables.answers, items));
  return datasetManifest.parse({
    format: 'labelloop.dataset/1',
    name: options.name,
    classes,
    image: shape,
    shards: { labelled: await shardsOf(labelled), pool: await shardsOf(pool), test: await shardsOf(test) },
    counts: { labelled: labelled.length, pool: pool.length, test: test.length },
    labels: await labelsOf(labelled),
    testLabels: test.length > 0 ? await labelsOf(test) : null,
    truth: truth && (await labelsOf(truth)),
    dryRun: truth !== null,
    ...(options.invert === true && { inverted: true }),
    // The name alone: the same data in another folder is the same dataset. The pointer has the whole path.
    source: { kind: source.kind, path: basename(options.path) },
    notes: notesOf(collection, resolve(options.path)),
  });
}

function notesOf({ duplicates, testOverlap, skipped, notes }: Collection, root: string): DatasetManifest['notes'] {
  const skips = skipped.map(({ reason }) => `left out: ${reason}`);
  const same = [...testOverlap.map((text) => `left out of training: ${text}`), ...duplicates];
  const examples = [skips, same, notes].flatMap((each) => each.slice(0, EXAMPLES));
  return {
    duplicates: duplicates.length,
    testOverlap: testOverlap.length,
    skipped: skipped.length,
    examples: examples.map((text) => text.replaceAll(`${root}/`, '')),
  };
}

/** Counts images of a phase, tells the caller, and stops where the caller has cancelled. */
function counter(phase: 'survey' | 'read' | 'store', total: number | null, { onProgress, signal }: ImportOptions) {
  let done = 0;
  return (images = 1) => {
    if (signal?.aborted === true) throw datasetErrors.cancelled();
    done = phase === 'survey' ? images : done + images;
    onProgress?.({ phase, done, total });
  };
}
