import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { datasetErrors } from './errors.js';
import { folderSource } from './read-folder.js';
import { hasIdx, idxSource } from './read-idx.js';
import { manifestSource } from './read-manifest.js';
import type { Source, SourceKind } from './source.js';

const MANIFESTS: Record<string, 'csv' | 'jsonl'> = {
  '.csv': 'csv',
  '.tsv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};

/**
 * Finds out what is at `path` and how it is read. A folder is IDX where it has MNIST's files, follows its manifest where it
 * has a `metadata.csv` or `metadata.jsonl`, and is a folder a class otherwise.
 *
 * @throws DATASET_INVALID where nothing is there, DATASET_FORMAT_UNKNOWN where it is nothing known
 */
export async function openSource(path: string, kind?: SourceKind): Promise<Source> {
  const stats = await stat(path).catch(() => null);
  if (stats === null) throw datasetErrors.sourceMissing(path);
  if (!stats.isDirectory()) {
    const manifest = kind ?? MANIFESTS[extname(path).toLowerCase()];
    if (manifest !== 'csv' && manifest !== 'jsonl') throw datasetErrors.formatUnknown(path);
    return manifestSource(manifest, path);
  }
  const names = await readdir(path);
  if (kind === 'idx' || (kind === undefined && hasIdx(names))) return idxSource(path);
  for (const format of ['csv', 'jsonl'] as const) {
    const manifest = `metadata.${format}`;
    if (names.includes(manifest) && (kind ?? format) === format) return manifestSource(format, join(path, manifest));
  }
  if (kind === 'csv' || kind === 'jsonl') throw datasetErrors.formatUnknown(path);
  return folderSource(path);
}
