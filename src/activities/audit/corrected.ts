import type { PoolCounts } from '../../contracts/audit.js';
import type { Ref } from '../../contracts/references.js';
import type { LabelRow } from '../../contracts/tables.js';
import { readRows, tables } from '../../store/index.js';
import type { Store } from '../../store/index.js';
import { storeTable } from '../outputs.js';

const COUNTED_AS = { accepted: 'labelled', open: 'open', outlier: 'outliers' } as const;

/** Writes a pool's labels anew, each as `correct` has it, and counts them. */
export async function storeCorrected(
  store: Store,
  labels: Ref,
  correct: (row: LabelRow) => LabelRow,
): Promise<{ labels: Ref; pool: PoolCounts }> {
  const pool: PoolCounts = { labelled: 0, open: 0, outliers: 0 };
  const corrected = async function* (): AsyncGenerator<LabelRow> {
    for await (const row of readRows(tables.labels, await store.fetch(labels))) {
      const after = correct(row);
      pool[COUNTED_AS[after.status]]++;
      yield after;
    }
  };
  return { labels: await storeTable(store, 'labels/2', tables.labels, corrected()), pool };
}
