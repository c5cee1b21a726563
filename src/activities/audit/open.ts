import { auditPaths, auditProgress } from '../../contracts/audit-stages.js';
import type { OpenAuditInput, OpenAuditOutput, OpenedAudit } from '../../contracts/audit-stages.js';
import { seedFile } from '../../contracts/audit.js';
import type { AuditRefs, LedgerLine, Protocol } from '../../contracts/audit.js';
import { canonicalJson } from '../../contracts/canonical.js';
import { problem } from '../../contracts/errors.js';
import { hopelessWords, nonceWords, openedWords } from '../../labelling/audit/words.js';
import { appendToLedger, checkLedger, commitmentOf, ofClass } from '../../labelling/certificate/index.js';
import type { Store } from '../../store/index.js';
import { readManifest } from '../inputs.js';
import { readProtocol } from './books.js';
import { readCalibration } from './calibration.js';
import { readLedger, readOpened, writeLedgerLine } from './ledger.js';
import { planProtocol } from './plan.js';

/**
 * Opens an audit: plans, stores the protocol, and writes its line into the ledger, all before anybody sees an image. One of
 * the same labels and settings that was opened before is taken up where it stopped.
 */
export async function openAudit(input: OpenAuditInput, store: Store): Promise<OpenAuditOutput> {
  const { run, audit, frozen, settings } = input;
  const before = await readOpened(store, run, audit);
  if (before) return takeUp(input, before, store);
  const ledger = await readLedger(store, run);
  if (ledger.length >= audit) throw taken(input);
  if (ledger.length < audit - 1) throw ahead(input, ledger.length + 1);
  await checkConfidence(input, store);
  if (frozen.frozen === null || frozen.root === null)
    return {
      refs: null,
      outlook: null,
      words: `Nobody is asked: the run has no machine labels${ofClass(settings)}, so there is nothing to certify.`,
    };
  const planned = await planProtocol({
    run,
    dataset: await readManifest(store, input.dataset),
    audit,
    root: frozen.root,
    labels: frozen.labels,
    settings,
    ledger,
    calibration: await readCalibration(store, input.dataset, input.round, frozen, settings.class),
    seed: input.seed,
  });
  if (planned.protocol === null)
    return { refs: null, outlook: planned.nearest, words: hopelessWords(settings, frozen.labels, planned) };
  const { protocol, plan } = planned;
  const refs: AuditRefs = {
    frozen: frozen.frozen,
    positions: frozen.positions,
    questions: frozen.questions,
    protocol: await store.putJson('protocol/1', protocol),
    plan: await store.putJson('plan/1', plan),
    seed: null,
    order: null,
    log: null,
    ledger: null,
    certificate: null,
    labels: null,
  };
  const opened: OpenedAudit = {
    format: 'labelloop.opened-audit/1',
    settings,
    labels: input.round.labels,
    base: input.round.base,
    refs,
    outlook: plan.chosen,
    openedAt: new Date().toISOString(),
  };
  // The first to write it has the number; whoever else tries takes that audit up, or is told.
  await store.createPointer(auditPaths.opened(run, audit), opened);
  const first = await readOpened(store, run, audit);
  if (!first) throw problem('STORE_UNAVAILABLE', `${auditPaths.opened(run, audit)} was written and can't be read.`);
  return takeUp(input, first, store);
}

/** Certificates of a run hold together with the confidence that each of them states, so it is one. */
async function checkConfidence({ run, settings }: OpenAuditInput, store: Store): Promise<void> {
  const stated = (await readOpened(store, run, 1))?.settings.confidence ?? settings.confidence;
  if (stated !== settings.confidence)
    throw problem(
      'AUDIT_INVALID',
      `confidence ${settings.confidence} is not that of the run's first audit, and all audits of a run hold together with one. Take --confidence ${stated}.`,
    );
}

async function takeUp(input: OpenAuditInput, opened: OpenedAudit, store: Store): Promise<OpenAuditOutput> {
  const { run, audit, settings, round } = input;
  const same =
    opened.labels.sha256 === round.labels.sha256 && canonicalJson(opened.settings) === canonicalJson(settings);
  if (!same) throw taken(input);
  const protocol = await readProtocol(store, opened.refs);
  await enter(store, protocol, opened);
  const seed = await store.getPointer(auditPaths.seed(run, audit), seedFile);
  const progress = await store.getPointer(auditPaths.log(run, audit), auditProgress);
  const refs: AuditRefs = {
    ...opened.refs,
    seed: seed && (await store.putJson('seed/1', seed)),
    log: progress?.log ?? null,
  };
  const waits = settings.nonceFrom === 'person' && seed === null;
  return { refs, outlook: opened.outlook, words: (waits ? nonceWords : openedWords)(protocol, opened.outlook) };
}

/** Writes the ledger's line, if it is not there: the protocol is committed from here on. */
async function enter(store: Store, protocol: Protocol, { openedAt }: OpenedAudit): Promise<void> {
  const { run, audit, alpha, totalAlpha } = protocol;
  const commitment = commitmentOf(protocol);
  const ledger = await readLedger(store, run);
  const there = ledger[audit - 1];
  if (there === undefined) {
    const line = appendToLedger(ledger, { protocol: commitment, alpha, openedAt }, totalAlpha).at(-1) as LedgerLine;
    await writeLedgerLine(store, run, line);
  }
  const now = await readLedger(store, run);
  checkLedger(now, totalAlpha);
  if (now[audit - 1]?.protocol !== commitment)
    throw problem(
      'CERTIFICATE_INVALID',
      `line ${audit} of the ledger of run '${run}' is of another protocol. Start another audit: labelloop audit start ${run}`,
    );
}

const taken = ({ run, audit }: OpenAuditInput) =>
  problem(
    'AUDIT_INVALID',
    `Audit ${audit} of run '${run}' was opened with other labels or settings. Open another: labelloop audit start ${run} --error 2%`,
  );

/** Its line would be another audit's, and spend that one's alpha. */
const ahead = ({ run, audit }: OpenAuditInput, next: number) =>
  problem(
    'AUDIT_INVALID',
    `Audit ${audit} of run '${run}' can't open: the next is number ${next}. Let it be numbered: labelloop audit start ${run} --error 2%`,
  );
