import { auditSettings } from '../../contracts/audit.js';
import type { AuditSettings } from '../../contracts/audit.js';
import type {
  AuditSource,
  AuditedRound,
  NumberAuditInput,
  NumberAuditOutput,
  PrepareAuditInput,
  PrepareAuditOutput,
} from '../../contracts/audit-stages.js';
import { canonicalJson } from '../../contracts/canonical.js';
import { auditContradiction } from '../../contracts/contradictions.js';
import { problem } from '../../contracts/errors.js';
import type { Ref } from '../../contracts/references.js';
import { historyFile, splitOutput } from '../../contracts/stages.js';
import type { RoundRecord } from '../../contracts/stages.js';
import { inForce, readCorrections } from '../../store/index.js';
import type { Store } from '../../store/index.js';
import { gather } from '../gather.js';
import { readManifest } from '../inputs.js';
import { withAnswers } from '../questions/end.js';
import { split } from '../split.js';
import { addressOf } from '../stage.js';
import { noTruth } from './hidden-labels.js';
import { readLedger, readOpened } from './ledger.js';
import { classIndex } from './one-class.js';

/** Checks an audit's settings and finds what it is about, from the run's settings and its history alone. */
export async function prepareAudit(
  { source, audit, settings }: PrepareAuditInput,
  store: Store,
): Promise<PrepareAuditOutput> {
  const checked = await checkSettings(settings, source, store);
  const round = await findRound(source, store);
  return { settings: checked, round: { ...round, labels: await labelsBefore(store, source, audit, round.base) } };
}

/**
 * Which number the audit at a run's end has: that of one of the same labels and settings, which it takes up where it stopped,
 * or the next.
 */
export async function numberAudit({ source, settings }: NumberAuditInput, store: Store): Promise<NumberAuditOutput> {
  const checked = await checkSettings(settings, source, store);
  const { labels } = await lastRound(source, store);
  const ledger = await readLedger(store, source.run);
  for (const { audit } of ledger.toReversed()) {
    const opened = await readOpened(store, source.run, audit);
    if (opened?.base.sha256 === labels.sha256 && canonicalJson(opened.settings) === canonicalJson(checked))
      return { audit };
  }
  return { audit: ledger.length + 1 };
}

/**
 * The labels as people's answers left them in audits and questions before: what people said is no machine's label any more.
 * An audit that goes on is about those that it was opened with.
 */
async function labelsBefore(store: Store, { run, dataset }: AuditSource, audit: number, base: Ref): Promise<Ref> {
  const opened = await readOpened(store, run, audit);
  if (opened?.base.sha256 === base.sha256) return opened.labels;
  const before = inForce(await readCorrections(store, run), base);
  if (before === null) return base;
  if (before.labels || !before.log) return before.labels ?? before.from;
  // Questions that nobody ended.
  return (await withAnswers(store, dataset, before.from, before.log)).labels;
}

async function checkSettings(settings: unknown, { dataset }: AuditSource, store: Store): Promise<AuditSettings> {
  const checked = auditSettings.safeParse(settings);
  if (!checked.success) {
    const complaints = checked.error.issues.map(
      ({ path, message }) => `audit: ${path.join('.') || 'settings'}: ${message}.`,
    );
    throw problem('SETTINGS_INVALID', complaints.join('\n'));
  }
  const contradiction = auditContradiction(checked.data);
  if (contradiction !== null)
    throw problem('SETTINGS_INVALID', `audit: drawing '${checked.data.drawing}' ${contradiction}.`);
  const manifest = await readManifest(store, dataset);
  if (checked.data.answers !== 'people' && !manifest.truth) throw noTruth(manifest.name);
  if (checked.data.class !== undefined) classIndex(manifest, checked.data.class);
  else if (checked.data.spending === 'classes') throw noClass(manifest.classes.length);
  return checked.data;
}

/** Spending by class of an audit of all labels: it would get a part of 1 - confidence for nothing. */
const noClass = (classes: number) =>
  problem(
    'SETTINGS_INVALID',
    `spending 'classes' gives an audit of one class 1/${classes} of 1 - confidence, and this one is of all classes. Name a class (--class NAME), or spend otherwise (--spending series).`,
  );

async function lastRound({ run, history }: AuditSource, store: Store): Promise<RoundRecord> {
  const last = (await store.readJson(history, historyFile)).rounds.at(-1);
  if (!last) throw problem('RUN_NO_RESULTS', `Run '${run}' has no labels to audit: no round of it has ended.`);
  return last;
}

/** The round, and by their addresses what calibrates the plan: how the labelled images were parted, and their posteriors. */
async function findRound(source: AuditSource, store: Store): Promise<Omit<AuditedRound, 'labels'>> {
  const { dataset, settings } = source;
  const last = await lastRound(source, store);
  const manifest = await readManifest(store, dataset);
  // As the workflow asks for it: addresses follow from inputs.
  const { calibrationShare, calibrationMost, validationShare, seed, salt } = settings;
  const parted = await store.lookup(
    addressOf(split, { dataset, calibrationShare, calibrationMost, validationShare, seed, salt }),
  );
  const { set } = await gather(
    {
      dataset,
      split: 'labelled',
      models: [last.model, ...last.members],
      posterior: settings.posterior,
      passes: settings.passes,
      precision: settings.precision,
      cutoff: null,
      seed,
      round: last.round,
      salt,
      shards: manifest.shards.labelled.length,
    },
    store,
  );
  if (!parted || !set)
    throw problem(
      'RUN_NO_RESULTS',
      `The calibration of run '${source.run}' is no longer in the store, or another release made it. Start the run again with the same settings: only what is missing is computed.`,
    );
  return {
    base: last.labels,
    pool: last.pool,
    cutoff: last.cutoff,
    labelled: set,
    split: splitOutput.parse(parted.output).split,
  };
}
