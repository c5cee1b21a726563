import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { LabelRow } from '../contracts/tables.js';
import type { Store } from '../store/index.js';
import { exportLabels } from './export.js';
import { imagesOf } from './images.js';
import { splitOf, UNLABELLED } from './source.js';

/**
 * Writes the labelled images of the pool into a folder a class, `<folder>/<class>/<id>.<extension>`, as `dataset import`
 * and other tools read it, and all rows beside them into `labels.csv`. The images are the files as they came where the
 * import kept them, else PNG of the model-sized pixels. A shard's rows are in memory at a time.
 *
 * @param rows the pool's labels, in its order
 * @returns images written
 */
export async function exportFolder(
  store: Store,
  manifest: DatasetManifest,
  rows: AsyncIterable<LabelRow>,
  folder: string,
): Promise<number> {
  await mkdir(folder, { recursive: true });
  let images = 0;
  async function* passing(): AsyncGenerator<LabelRow> {
    const source = rows[Symbol.asyncIterator]();
    for (const shard of manifest.shards.pool) {
      const labelled = new Map<number, LabelRow>();
      for (let index = 0; index < shard.count; index++) {
        const next = await source.next();
        if (next.done === true) return;
        if (next.value.status === 'accepted') labelled.set(index, next.value);
        yield next.value;
      }
      for await (const { index, extension, bytes } of imagesOf(store, manifest, shard, new Set(labelled.keys()))) {
        const row = labelled.get(index) as LabelRow;
        const place = join(folder, folderName(row.class));
        await mkdir(place, { recursive: true });
        await writeFile(join(place, `${row.id}${extension}`), bytes);
        images++;
      }
    }
  }
  await exportLabels(passing(), 'csv', createWriteStream(join(folder, 'labels.csv')));
  return images;
}

/** What Windows or POSIX forbids in the name of a folder; `%` because it marks what was replaced. */
const FORBIDDEN = /[/\\:*?"<>|%\p{Cc}]|^\.|[. ]$/gu;

/**
 * A class as the name of a folder: what is forbidden there, and names that stand for something else than a class (`test`,
 * `unlabelled`), are written as in URLs (`a/b` is `a%2Fb`).
 */
export function folderName(className: string): string {
  const escaped = className.replace(FORBIDDEN, escape);
  const taken = splitOf(className) !== null || UNLABELLED.has(className.toLowerCase());
  return taken ? escape(escaped[0] as string) + escaped.slice(1) : escaped;
}

const escape = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
