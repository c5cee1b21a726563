import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Question } from '../../contracts/audit.js';
import type { DatasetManifest } from '../../contracts/dataset.js';
import type { Store } from '../../store/index.js';
import { datasetErrors } from '../errors.js';
import { imagesOf } from '../images.js';

/**
 * Writes the images of questions into a folder, as they came or else as PNG, named by their ids: nothing but the image tells
 * anything. A shard is read once, and one image is in memory at a time.
 *
 * @returns file names by id
 */
export async function writeTaskImages(
  store: Store,
  manifest: DatasetManifest,
  questions: readonly Pick<Question, 'id' | 'shard' | 'index'>[],
  folder: string,
): Promise<Map<string, string>> {
  await mkdir(folder, { recursive: true });
  const names = new Map<string, string>();
  const byShard = new Map<number, Map<number, string>>();
  for (const { id, shard, index } of questions)
    byShard.set(shard, (byShard.get(shard) ?? new Map<number, string>()).set(index, id));
  for (const [index, ids] of byShard) {
    const shard = manifest.shards.pool[index];
    if (!shard) throw datasetErrors.fileBroken(manifest.name, `there is no pool shard ${index}`);
    for await (const image of imagesOf(store, manifest, shard, new Set(ids.keys()))) {
      const id = ids.get(image.index) as string;
      const name = `${id}${image.extension}`;
      await writeFile(join(folder, name), image.bytes);
      names.set(id, name);
    }
  }
  return names;
}
