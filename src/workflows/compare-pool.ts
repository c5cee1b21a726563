import { patched } from '@temporalio/workflow';
import type { Ref } from '../contracts/references.js';
import type { Adapting } from '../contracts/run.js';
import type { RoundRecord } from '../contracts/stages.js';
import type { Control } from './control.js';
import { stages } from './stages.js';
import type { Ledger, Opened } from './steps.js';

type Compared = Pick<RoundRecord, 'shift' | 'shiftFile'>;

/**
 * How the pool of an adapting run looks beside the images that its model comes from, through that model: whether there is
 * anything to adapt to, and a picture of where it begins.
 */
export async function compareWithSource(
  control: Control,
  { dataset, settings }: Opened,
  ledger: Ledger,
  { source, pool }: { source: Adapting['source']; pool: Ref },
): Promise<Ref | null> {
  const { shift } = ledger.take(
    'shift',
    await control.stage('shift', (summary) =>
      stages.shift.executeWithOptions({ summary }, [
        {
          known: { dataset: source.dataset, split: source.split, labelled: source.labelled, clusters: source.clusters },
          seen: { dataset, split: 'pool', posteriors: pool },
          trainedOn: false,
          picture: true,
          seed: settings.seed,
          salt: settings.salt,
        },
      ]),
    ),
  );
  return shift;
}

/** The same through the student of the last round; null in rounds that did not look at the source's images. */
export async function compareAfter(
  control: Control,
  run: Opened,
  ledger: Ledger,
  { labelled, pool, clusters }: { labelled: Ref | null; pool: Ref; clusters: Ref },
): Promise<Ref | null> {
  if (!run.adapting || labelled === null) return null;
  return compareWithSource(control, run, ledger, { source: { ...run.adapting.source, labelled, clusters }, pool });
}

/**
 * Whether calibration images and pool are of one law: in the first round, so that people hear of it before all the others,
 * and in the last, with a picture of what the final model sees. What lies between tells nothing new.
 */
export async function comparePool(
  control: Control,
  run: Opened,
  ledger: Ledger,
  { labelled, pool, clusters }: { labelled: Ref; pool: Ref; clusters: Ref },
): Promise<Compared> {
  const { dataset, split, settings, round, budget } = run;
  const last = round === settings.rounds;
  if ((round > 1 && !last) || budget.calibration === 0 || !patched('shift')) return { shift: null, shiftFile: null };
  const { summary, shift } = ledger.take(
    'shift',
    await control.stage('shift', (words) =>
      stages.shift.executeWithOptions({ summary: words }, [
        {
          known: { dataset, split, labelled, clusters },
          seen: { dataset, split: 'pool', posteriors: pool },
          trainedOn: true,
          picture: last,
          seed: settings.seed,
          salt: settings.salt,
        },
      ]),
    ),
  );
  return { shift: summary, shiftFile: shift };
}
