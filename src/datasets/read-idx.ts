import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { messageOf } from '../contracts/errors.js';
import { datasetErrors } from './errors.js';
import type { Entry, Source } from './source.js';

/** Magic numbers of the IDX format: unsigned bytes in one and in three dimensions. */
const LABELS_MAGIC = 0x801;
const IMAGES_MAGIC = 0x803;

const IMAGES_HEADER = 16;
const LABELS_HEADER = 8;

/** MNIST's names, as its mirrors spell them. */
const NAME = /^(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$/;

interface IdxFiles {
  images?: string;
  labels?: string;
}

/** Whether the folder holds MNIST's files. */
export const hasIdx = (names: readonly string[]): boolean => names.some((name) => NAME.test(name));

/**
 * Reads a folder with MNIST's file names, plain or gzipped: `train-…` is the training split, `t10k-…` the test split. Images
 * without a labels file are unlabelled. An image's name is `<prefix>/<position>`.
 */
export function idxSource(folder: string): Source {
  return { kind: 'idx', read: () => readFolder(folder) };
}

async function* readFolder(folder: string): AsyncGenerator<Entry> {
  const files: Record<string, IdxFiles> = { train: {}, t10k: {} };
  for (const name of (await readdir(folder)).sort().reverse()) {
    const [, prefix = '', role] = NAME.exec(name) ?? [];
    // Reversed, so that of a file and its gzipped copy the plain one is taken.
    if (role === 'images' || role === 'labels') files[prefix] = { ...files[prefix], [role]: join(folder, name) };
  }
  for (const [prefix, { images, labels }] of Object.entries(files)) {
    if (images === undefined && labels !== undefined) throw datasetErrors.imageUnnamed(labels, 'all');
    if (images !== undefined) yield* readPair(prefix, images, labels);
  }
}

async function* readPair(prefix: string, imagesFile: string, labelsFile?: string): AsyncGenerator<Entry> {
  const labels = labelsFile === undefined ? null : await readLabels(labelsFile);
  const chunks = exactly(openFile(imagesFile), imagesFile);
  try {
    await chunks.next();
    const header = (await chunks.next(IMAGES_HEADER)).value ?? Buffer.alloc(0);
    if (header.length < IMAGES_HEADER || header.readUInt32BE(0) !== IMAGES_MAGIC)
      throw datasetErrors.fileBroken(imagesFile, 'not an IDX file of images (unsigned bytes, 3 dimensions)');
    const [count, height, width] = [header.readUInt32BE(4), header.readUInt32BE(8), header.readUInt32BE(12)];
    if (labels !== null && labels.length !== count)
      throw datasetErrors.fileBroken(
        String(labelsFile),
        `${labels.length} labels for the ${count} images of ${imagesFile}`,
      );
    for (let i = 0; i < count; i++) {
      const pixels = (await chunks.next(height * width)).value;
      if (pixels?.length !== height * width)
        throw datasetErrors.fileBroken(imagesFile, `ends at image ${i} of ${count}`);
      yield {
        type: 'image',
        name: `${prefix}/${i}`,
        file: imagesFile,
        row: i,
        content: { pixels, height, width },
        label: labels === null ? null : String(labels[i]),
        split: prefix === 'train' ? 'train' : 'test',
      };
    }
  } finally {
    await chunks.return(undefined);
  }
}

async function readLabels(file: string): Promise<Uint8Array> {
  const bytes = await readFile(file);
  const plain = await (file.endsWith('.gz') ? promisify(gunzip)(bytes) : bytes);
  if (plain.length < LABELS_HEADER || plain.readUInt32BE(0) !== LABELS_MAGIC)
    throw datasetErrors.fileBroken(file, 'not an IDX file of labels (unsigned bytes, 1 dimension)');
  const count = plain.readUInt32BE(4);
  if (plain.length !== LABELS_HEADER + count)
    throw datasetErrors.fileBroken(file, `${plain.length - LABELS_HEADER} labels where its header says ${count}`);
  return plain.subarray(LABELS_HEADER);
}

function openFile(file: string): Readable {
  const source = createReadStream(file);
  return pipeline(source, file.endsWith('.gz') ? createGunzip() : new PassThrough(), () => undefined);
}

/** Cuts a stream: `next(n)` gives the next n bytes, in a buffer of their own; fewer at its end. The first `next` starts it. */
async function* exactly(stream: Readable, file: string): AsyncGenerator<Buffer, undefined, number> {
  let wanted = yield Buffer.alloc(0);
  let parts: Buffer[] = [];
  let have = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      parts.push(chunk);
      have += chunk.length;
      if (have < wanted) continue;
      let rest = Buffer.concat(parts);
      while (rest.length >= wanted) {
        const piece = Buffer.from(rest.subarray(0, wanted));
        rest = rest.subarray(wanted);
        wanted = yield piece;
      }
      parts = [rest];
      have = rest.length;
    }
  } catch (error) {
    throw datasetErrors.fileBroken(file, messageOf(error));
  }
  yield Buffer.concat(parts);
  return undefined;
}
