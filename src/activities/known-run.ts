import { problem } from '../contracts/errors.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import { runPointer, runPointerPath } from '../contracts/shift.js';
import type { RunPointer } from '../contracts/shift.js';
import { historyFile } from '../contracts/stages.js';
import type { RoundRecord } from '../contracts/stages.js';
import type { Store } from '../store/index.js';
import { readManifest } from './inputs.js';

/** A run as those find it that build on it: what it left in the store after its last round. */
export interface KnownRun extends RunPointer {
  run: string;
  manifest: DatasetManifest;
  last: RoundRecord;
}

/** @throws RUN_NO_RESULTS where no round of such a run has ended */
export async function knownRun(store: Store, run: string): Promise<KnownRun> {
  const pointer = await store.getPointer(runPointerPath(run), runPointer);
  const last = pointer && (await store.readJson(pointer.history, historyFile)).rounds.at(-1);
  if (!pointer || !last)
    throw problem(
      'RUN_NO_RESULTS',
      `No run '${run}' has left a model. 'labelloop run list' shows the runs; one of an earlier release is started again with the same settings, which takes what is done from the store.`,
    );
  return { ...pointer, run, manifest: await readManifest(store, pointer.dataset), last };
}
