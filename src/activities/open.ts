import { protocol } from '../contracts/audit.js';
import { complaintsOf } from '../contracts/complaints.js';
import { unfitFor } from '../contracts/contradictions.js';
import { problem } from '../contracts/errors.js';
import { lessonsOf } from '../contracts/heard.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { Ref } from '../contracts/references.js';
import { runSettings } from '../contracts/settings.js';
import type { RunSettings } from '../contracts/settings.js';
import type { OpenOutput } from '../contracts/stages.js';
import { noTruth } from './audit/hidden-labels.js';
import { answeredLabels } from './begin.js';
import { modelSpecOf, readManifest } from './inputs.js';
import { checkShape, knownRun } from './known-run.js';
import { withAnswers } from './questions/end.js';
import { readDataset } from '../datasets/index.js';
import { inForce, readCorrections } from '../store/index.js';
import type { Correction, Store } from '../store/index.js';

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
  const source = checked.data.adapt && (await sourceOf(store, checked.data, manifest));
  if (!source && manifest.counts.labelled === 0)
    throw problem(
      'SETTINGS_INVALID',
      `dataset '${manifest.name}' has no labelled images to learn from. Move a run's model to it ('labelloop adapt --from RUN --dataset ${manifest.name}'), or import labels.`,
    );
  // A run of this dataset began with its answers, so that what it left has them too.
  const labels = checked.data.labelsFrom
    ? await correctedLabels(store, checked.data.labelsFrom, manifest.name)
    : await answeredLabels(store, manifest);
  const { labelled, pool, test } = manifest.shards;
  return {
    settings: source ? sparing(checked.data, manifest.counts.labelled) : checked.data,
    dataset,
    shards: { labelled: labelled.length, pool: pool.length, test: manifest.testLabels ? test.length : 0 },
    counts: manifest.counts,
    hasTruth: manifest.truth !== null,
    ...(labels ? { labels } : {}),
    ...(source ? { source } : {}),
  };
}

/** The labels of a run with what people said in its audits and to its questions, those that are open among them. */
async function correctedLabels(store: Store, run: string, dataset: string): Promise<Ref> {
  const last = (await readCorrections(store, run)).findLast(({ base }) => base !== null);
  if (!last)
    throw problem(
      'SETTINGS_INVALID',
      `labelsFrom: people have not answered anything about run '${run}' yet, or its audit has not ended. 'labelloop audit show ${run}' says how far one is, 'labelloop review ${run}' asks.`,
    );
  const named = 'protocol' in last.about ? await store.readJson(last.about.protocol, protocol) : null;
  const asked = 'dataset' in last.about ? last.about.dataset : null;
  const labelled = named?.dataset ?? (asked && (await readManifest(store, asked)).name);
  if (labelled !== dataset)
    throw problem(
      'SETTINGS_INVALID',
      `labelsFrom: run '${run}' labelled dataset '${labelled}', whose images are others. Name a run of '${dataset}'.`,
    );
  return labelsAfter(store, last);
}

/** What people's answers made of the labels so far, also while questions are open. */
async function labelsAfter(store: Store, { labels, from, log, about }: Correction): Promise<Ref> {
  if (labels) return labels;
  return 'dataset' in about && log ? (await withAnswers(store, about.dataset, from, log)).labels : from;
}

/** Labelled images below which an adapting run trains on all: what 40 % of fewer calibrate is next to nothing. */
const FEW = 200;

const sparing = (settings: RunSettings, labelled: number): RunSettings =>
  labelled < FEW ? { ...settings, calibrationShare: 0 } : settings;

/** What the model that moves comes with, checked against where it goes. */
async function sourceOf(
  store: Store,
  { adapt, network }: RunSettings,
  manifest: DatasetManifest,
): Promise<OpenOutput['source']> {
  const from = await knownRun(store, adapt?.from ?? '');
  const refuse = (what: string) => {
    throw problem('SETTINGS_INVALID', `dataset '${manifest.name}' ${what}`);
  };
  checkShape(manifest, from);
  if (from.manifest.classes.some((name, c) => manifest.classes[c] !== name))
    refuse(
      `has other classes than run '${from.run}', or in another order: that has ${from.manifest.classes.join(', ')}. Import it again with '--like ${from.manifest.name}'; further classes go behind these.`,
    );
  const spec = await modelSpecOf(store, from.last.model);
  if (spec.network !== network)
    refuse(
      `would get network '${network}', and run '${from.run}' has '${spec.network}'. Pass --network ${spec.network}.`,
    );
  const { dataset, split, labelled, last, manifest: its } = from;
  // What people said after its end, in audits and to questions, is among its labels too.
  const correction = inForce(await readCorrections(store, from.run), last.labels);
  const labels = correction ? await labelsAfter(store, correction) : last.labels;
  return {
    ...{ dataset, split, labels, labelled, labelledShards: its.shards.labelled.length },
    ...{ model: last.model, cutoff: last.cutoff, clusters: last.clusters },
    ...(from.source ? { earlier: lessonsOf(from.source) } : {}),
  };
}
