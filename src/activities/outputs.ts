import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobKind, Ref } from '../contracts/references.js';
import { writeTable } from '../store/index.js';
import type { Store, TableSpec } from '../store/index.js';

/** Stores a table by way of a file: a row group is in memory at a time, however large the pool is. */
export async function storeTable<Row extends object>(
  store: Store,
  kind: BlobKind,
  spec: TableSpec<Row>,
  rows: Iterable<Row> | AsyncIterable<Row>,
): Promise<Ref> {
  const folder = await store.temporaryFolder();
  try {
    const path = join(folder, 'table.parquet');
    await writeTable(path, spec, rows);
    return await store.putFile(kind, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
