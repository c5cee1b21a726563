import { problem } from '../../contracts/errors.js';
import type { ShiftOpened, ShiftWorkflowInput } from '../../contracts/shift.js';
import { LEAST_KNOWN } from '../../labelling/shift.js';
import { readDataset } from '../../datasets/index.js';
import type { Store } from '../../store/index.js';
import { readSplit } from '../inputs.js';
import { checkShape, knownRun } from '../known-run.js';

/**
 * Finds a run and a dataset by their names, and checks that the run's model can look at it.
 *
 * @throws RUN_NO_RESULTS, DATASET_UNKNOWN, SETTINGS_INVALID
 */
export async function openShift({ run, dataset }: ShiftWorkflowInput, store: Store): Promise<ShiftOpened> {
  const known = await knownRun(store, run);
  if (!known.sampling) throw again(run, 'was made by an earlier release and does not say how it looks at images');
  const { ref, manifest } = await readDataset(store, dataset);
  checkShape(manifest, known);
  const { calibration } = await readSplit(store, known.split);
  if (calibration.length < LEAST_KNOWN)
    throw problem(
      'SETTINGS_INVALID',
      `run '${run}' has ${calibration.length} calibration images, and ${LEAST_KNOWN} are the fewest to compare with: its model was trained on all others. Start one with more labels or a larger calibrationShare.`,
    );
  const split = manifest.counts.pool > 0 ? 'pool' : 'labelled';
  const { last, sampling, labelled, split: parts } = known;
  return {
    known: { dataset: known.dataset, split: parts, labelled, clusters: last.clusters },
    seen: { dataset: ref, split },
    shards: manifest.shards[split].length,
    models: [last.model, ...last.members],
    sampling,
    round: last.round,
    trainedOn: ref.sha256 === known.dataset.sha256,
  };
}

const again = (run: string, what: string) =>
  problem(
    'RUN_NO_RESULTS',
    `Run '${run}' ${what}. Start it again with the same settings, which takes what is done from the store.`,
  );
