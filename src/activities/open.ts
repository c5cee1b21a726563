import { auditState, protocol } from '../contracts/audit.js';
import { auditPaths } from '../contracts/audit-stages.js';
import { complaintsOf } from '../contracts/complaints.js';
import { unfitFor } from '../contracts/contradictions.js';
import { problem } from '../contracts/errors.js';
import type { Ref } from '../contracts/references.js';
import { runSettings } from '../contracts/settings.js';
import type { OpenOutput } from '../contracts/stages.js';
import { readLedger } from './audit/ledger.js';
import { noTruth } from './audit/prepare.js';
import { answeredLabels } from './begin.js';
import { readDataset } from '../datasets/index.js';
import type { Store } from '../store/index.js';

/**
 * Checks the settings and finds the dataset. The first activity of a run, as the workflow's sandbox has no zod: whoever
 * started the run, by whatever tool, gets the message that the CLI would print.
 */
export async function open({ settings }: { settings: unknown }, store: Store): Promise<OpenOutput> {
  const given = settings ?? {};
  const checked = runSettings.safeParse(given);
  if (!checked.success) throw problem('SETTINGS_INVALID', complaintsOf(checked.error, given).join('\n'));
  const { ref: dataset, manifest } = await readDataset(store, checked.data.dataset);
  if (manifest.counts.pool === 0) {
    throw problem(
      'SETTINGS_INVALID',
      `dataset '${manifest.name}' has no unlabelled images, so there is nothing to label. Import some, or keep fewer labels (--keep-labels N).`,
    );
  }
  const unfit = unfitFor(checked.data.network, manifest.image);
  if (unfit !== null)
    throw problem(
      'SETTINGS_INVALID',
      `dataset '${manifest.name}': ${unfit}. Import it again with a smaller --size, or take another network.`,
    );
  if (checked.data.certify && checked.data.certify.answers !== 'people' && !manifest.truth)
    throw noTruth(manifest.name);
  // A run of this dataset began with its answers, so that what it left has them too.
  const labels = checked.data.labelsFrom
    ? await auditedLabels(store, checked.data.labelsFrom, manifest.name)
    : await answeredLabels(store, manifest);
  const { labelled, pool, test } = manifest.shards;
  return {
    settings: checked.data,
    dataset,
    shards: { labelled: labelled.length, pool: pool.length, test: manifest.testLabels ? test.length : 0 },
    counts: manifest.counts,
    hasTruth: manifest.truth !== null,
    ...(labels ? { labels } : {}),
  };
}

/** The labels of a run with what people said in its audits, from the last audit that has ended. */
async function auditedLabels(store: Store, run: string, dataset: string): Promise<Ref> {
  for (let audit = (await readLedger(store, run)).length; audit > 0; audit--) {
    const ended = await store.getPointer(auditPaths.ended(run, audit), auditState);
    if (!ended?.refs?.labels) continue;
    const { dataset: audited } = await store.readJson(ended.refs.protocol, protocol);
    if (audited !== dataset)
      throw problem(
        'SETTINGS_INVALID',
        `labelsFrom: run '${run}' labelled dataset '${audited}', whose images are others. Name a run of '${dataset}'.`,
      );
    return ended.refs.labels;
  }
  throw problem(
    'SETTINGS_INVALID',
    `labelsFrom: run '${run}' has no audit that has ended. 'labelloop audit show ${run}' says how far one is.`,
  );
}
