import { problem } from '../contracts/errors.js';
import type { DatasetManifest, ImageShape } from '../contracts/dataset.js';
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

/** @throws SETTINGS_INVALID where the run's model can't look at the dataset's images */
export function checkShape({ name, image: here }: DatasetManifest, { run, manifest }: KnownRun): void {
  const there = manifest.image;
  if (here.height === there.height && here.width === there.width && here.channels === there.channels) return;
  throw problem(
    'SETTINGS_INVALID',
    `dataset '${name}' has images of ${shapeOf(here)}, and the model of run '${run}' takes ${shapeOf(there)}. Import it again with '--like ${manifest.name}', or with --size ${there.height}x${there.width} ${there.channels === 1 ? '--grey' : '--colour'}.`,
  );
}

const shapeOf = ({ height, width, channels }: ImageShape): string => `${height} x ${width} x ${channels}`;
