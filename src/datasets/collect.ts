import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { ImageShape } from '../contracts/dataset.js';
import type { LabelloopError } from '../contracts/errors.js';
import { decodeImage } from './decode.js';
import { datasetErrors, place } from './errors.js';
import { mapOrdered } from './ordered.js';
import type { Content, Source, SourceImage } from './source.js';
import type { Spool } from './spool.js';
import { problemOf } from './survey.js';

/** Enough to keep the decoder's threads busy while files are read; each holds one file and its pixels. */
const CONCURRENCY = 4 * availableParallelism();

const ID_DIGITS = 32;

/** All that is kept in memory of an image: some hundred bytes. */
export interface Item {
  /** First 32 hex digits of the SHA-256 of the file, or of the pixels where there are no files. */
  id: string;
  name: string;
  /** Class number, -1 where unlabelled. */
  label: number;
  /** Position of the pixels in the spool. */
  position: number;
  /** The image's file; null where its pixels are all there is. */
  path: string | null;
  /** Where the user finds it. */
  file: string;
  row: number | undefined;
}

export interface Skipped {
  file: string;
  row?: number;
  reason: string;
}

/** What was read: the images of each split, a content once, in the order of the source. */
export interface Collection {
  train: Item[];
  test: Item[];
  duplicates: string[];
  testOverlap: string[];
  notes: string[];
  skipped: Skipped[];
}

type Loaded = { problem: LabelloopError } | { id: string; pixels: Uint8Array };

/** How images are read: see `ImportOptions`. */
export interface Reading {
  shape: ImageShape;
  invert: boolean;
  skipBad: boolean;
}

/** Reads, decodes and spools every image, and settles which are the same. */
export async function collect(
  source: Source,
  classes: ReadonlyMap<string, number>,
  { shape, invert, skipBad }: Reading,
  spool: Spool,
  onImage: () => void,
): Promise<Collection> {
  const items = { train: new Map<string, Item>(), test: new Map<string, Item>() };
  const found = { duplicates: [] as string[], testOverlap: [] as string[], notes: [] as string[] };
  const skipped: Skipped[] = [];
  const contested = new Set<Item>();

  const skip = ({ file, row }: { file: string; row?: number | undefined }, problem: LabelloopError) => {
    if (!skipBad) throw problem;
    skipped.push({ file, ...(row === undefined ? {} : { row }), reason: problem.message });
  };

  const add = async (image: SourceImage, id: string, pixels: Uint8Array) => {
    const label = image.label === null ? -1 : (classes.get(image.label) as number);
    const split = items[image.split];
    const first = split.get(id);
    if (!first) return void split.set(id, itemOf(image, id, label, await spool.append(pixels)));
    const at = place(image.file, image.row);
    const firstAt = place(first.file, first.row);
    if (first.label !== -1 && label !== -1 && first.label !== label) {
      const [own, other] = [label, first.label].map((number) => nameOf(classes, number));
      skip(image, datasetErrors.labelConflict(at, String(own), firstAt, String(other)));
      // Nobody knows which of the two is right.
      if (!contested.has(first)) skip(first, datasetErrors.labelConflict(firstAt, String(other), at, String(own)));
      contested.add(first);
      return;
    }
    found.duplicates.push(`${at} has the content of ${firstAt}`);
    if (first.label === -1) first.label = label;
  };

  const load = async (entry: Parameters<typeof problemOf>[0]) => {
    if (entry.type === 'note') return { entry, loaded: null };
    const problem = problemOf(entry, classes);
    if (problem || entry.type === 'problem') return { entry, loaded: problem && { problem } };
    return { entry, loaded: await loadImage(entry, shape, invert) };
  };

  for await (const { entry, loaded } of mapOrdered(source.read(), CONCURRENCY, load)) {
    if (entry.type === 'note') found.notes.push(entry.text);
    else if (loaded && 'problem' in loaded) skip(entry, loaded.problem);
    else if (loaded && entry.type === 'image') {
      await add(entry, loaded.id, loaded.pixels);
      onImage();
    }
  }
  await spool.flush();

  for (const item of contested)
    for (const split of [items.train, items.test]) if (split.get(item.id) === item) split.delete(item.id);
  for (const [id, test] of items.test) {
    const train = items.train.get(id);
    if (!train) continue;
    items.train.delete(id);
    found.testOverlap.push(
      `${place(train.file, train.row)} has the content of test image ${place(test.file, test.row)}`,
    );
  }
  return { train: [...items.train.values()], test: [...items.test.values()], ...found, skipped };
}

async function loadImage(image: SourceImage, shape: ImageShape, invert: boolean): Promise<Loaded> {
  const at = place(image.file, image.row);
  const { content } = image;
  try {
    if ('pixels' in content) return { id: idOf(content.pixels), pixels: await fit(content, shape, invert) };
    const bytes = await readFile(content.path);
    return { id: idOf(bytes), pixels: await decodeImage(bytes, shape, invert) };
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (missing && 'path' in content) return { problem: datasetErrors.imageMissing(at, content.path) };
    return { problem: datasetErrors.imageBroken(at, error) };
  }
}

/** Pixels that have the shape already are taken as they are. */
async function fit(
  content: Extract<Content, { pixels: Uint8Array }>,
  shape: ImageShape,
  invert: boolean,
): Promise<Uint8Array> {
  const { width, height, pixels } = content;
  const fits = !invert && width === shape.width && height === shape.height && shape.channels === 1;
  return fits ? pixels : decodeImage(content, shape, invert);
}

export const idOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, ID_DIGITS);

function itemOf(image: SourceImage, id: string, label: number, position: number): Item {
  const { name, file, row, content } = image;
  return { id, name, label, position, path: 'path' in content ? content.path : null, file, row };
}

const nameOf = (classes: ReadonlyMap<string, number>, number: number): string | undefined =>
  [...classes].find(([, each]) => each === number)?.[0];
