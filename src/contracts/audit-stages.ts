import { z } from 'zod';
import {
  auditRefs,
  auditSettings,
  judgement,
  planOutlook,
  poolCounts,
  type Answer,
  type AuditRefs,
  type AuditSettings,
  type AuditSettingsInput,
  type AuditState,
  type Judgement,
  type PlanOutlook,
} from './audit.js';
import { MOST_QUESTIONS } from './questions.js';
import { ref, sha256, type Ref } from './references.js';
import type { RunSettings } from './settings.js';

/*
 * What the audit's workflow and its activities hand each other. Objects of an audit that change or must be found again
 * without its workflow lie under `audits/<run>/` in the store: see `auditPaths`.
 */

/** The labels that an audit is about: of a run's last round. */
export interface AuditSource {
  run: string;
  dataset: Ref;
  history: Ref;
  settings: RunSettings;
}

/** What continue-as-new hands on: a wire format between releases, so it has a version. */
export interface AuditCarried {
  version: 1;
  state: AuditState;
  round: AuditedRound;
}

/** Input of the audit's workflow; `carried` is set by continue-as-new alone. */
export interface AuditInput {
  source: AuditSource;
  audit: number;
  settings: AuditSettingsInput;
  carried?: AuditCarried;
}

/** The round whose labels are audited: what is read of it. */
export interface AuditedRound {
  /** What is frozen: the round's labels, or as an audit before this one corrected them. */
  labels: Ref;
  /** The round's own. */
  base: Ref;
  pool: Ref;
  cutoff: Ref;
  /** Posteriors of the labelled split by the round's model, and how that split was parted: the plan's calibration. */
  labelled: Ref;
  split: Ref;
}

/** Checks the settings and finds the round. */
export interface PrepareAuditInput {
  source: AuditSource;
  audit: number;
  settings: unknown;
}
export interface PrepareAuditOutput {
  settings: AuditSettings;
  round: AuditedRound;
}

/** Which audit of its run the one of these labels is: an opened one that goes on, or a new number. */
export interface NumberAuditInput {
  source: AuditSource;
  settings: unknown;
}
export interface NumberAuditOutput {
  audit: number;
}

/** Lists a round's machine labels in the order of their certainty. */
export const freezeInput = z.strictObject({
  dataset: ref,
  labels: ref,
  pool: ref,
  cutoff: ref,
  salt: z.string(),
  /** Labels of this class alone; absent: of all classes. */
  class: z.string().optional(),
});
export type FreezeInput = z.infer<typeof freezeInput>;
export const freezeOutput = z.strictObject({
  /** Null where no label is the machine's. */
  frozen: ref.nullable(),
  root: sha256.nullable(),
  labels: z.int().nonnegative(),
  positions: ref,
  /** The labels' scores by rank, ascending: 64-bit floats, little-endian. */
  scores: ref,
  questions: ref,
});
export type FreezeOutput = z.infer<typeof freezeOutput>;

/** The file behind a `questions/1` reference: open pool images, the most uncertain first. */
export const questionsFile = z.strictObject({
  format: z.literal('labelloop.questions/1'),
  images: z.array(z.strictObject({ id: z.string(), position: z.int().nonnegative() })).max(MOST_QUESTIONS),
});
export type QuestionsFile = z.infer<typeof questionsFile>;

/** Plans, commits, and writes the ledger line; or takes up an audit that was opened before. */
export interface OpenAuditInput {
  run: string;
  audit: number;
  dataset: Ref;
  round: AuditedRound;
  frozen: FreezeOutput;
  settings: AuditSettings;
  /** The run's. */
  seed: number;
}
export interface OpenAuditOutput {
  /** Null where no plan within the budget certifies anything: nobody is asked. */
  refs: AuditRefs | null;
  outlook: PlanOutlook | null;
  words: string;
}

/** Takes the nonce down, derives the seed, and draws. */
export interface DrawInput {
  run: string;
  audit: number;
  refs: AuditRefs;
  /** Null: this program's. */
  nonce: string | null;
}

/** What an activity made of new answers: the references, the judgement from the log, and what to ask next. */
export interface AuditTurn {
  refs: AuditRefs;
  seen: number;
  judgement: Judgement;
  phase: 'repair' | 'audit';
  words: string;
}

/** Takes answers down and judges anew from the log. */
export interface RecordInput {
  run: string;
  audit: number;
  dataset: Ref;
  refs: AuditRefs;
  answers: Answer[];
}

/** A dry run: hidden labels answer some of what is wanted. */
export interface AnswerByTruthInput {
  run: string;
  audit: number;
  dataset: Ref;
  refs: AuditRefs;
  settings: AuditSettings;
  seed: number;
}

/** Issues the certificate, where something is certified, and corrects the labels. */
export const certifyInput = z.strictObject({
  run: z.string(),
  audit: z.int(),
  dataset: ref,
  labels: ref,
  refs: auditRefs,
  stopped: z.boolean(),
});
export type CertifyInput = z.infer<typeof certifyInput>;
export const certifyOutput = z.strictObject({
  refs: auditRefs,
  /** Id of the certificate; null where nothing is certified. */
  certificate: z.string().nullable(),
  /** Answers of people by now, of every use. */
  answers: z.int(),
  /** The pool by the corrected labels; null where nothing was drawn, and so nothing corrected. */
  pool: poolCounts.nullable(),
  words: z.string(),
});
export type CertifyOutput = z.infer<typeof certifyOutput>;

/** `audits/<run>/<n>/opened.json`: what an audit was opened with, so that it can go on without its workflow. */
export const openedAudit = z.strictObject({
  format: z.literal('labelloop.opened-audit/1'),
  settings: auditSettings,
  labels: ref,
  base: ref,
  refs: auditRefs,
  outlook: planOutlook,
  openedAt: z.string(),
});
export type OpenedAudit = z.infer<typeof openedAudit>;

/** `audits/<run>/<n>/log.json`: the log so far. */
export const auditProgress = z.strictObject({
  format: z.literal('labelloop.audit-progress/1'),
  log: ref,
  seen: z.int(),
  judgement,
});
export type AuditProgress = z.infer<typeof auditProgress>;

const place = z.strictObject({ id: z.string(), position: z.int().nonnegative() });

/**
 * `audits/<run>/<n>/due.json`: what people may be asked now, so that whoever shows images need not judge. A hint: the audit
 * itself decides what it takes.
 */
export const dueFile = z.strictObject({
  format: z.literal('labelloop.due/1'),
  /** Lines of the log when it was written. */
  seen: z.int(),
  /** Most urgent first. */
  due: z.array(place).max(1000),
  /** Wait for a second person, another than `by`. */
  seconds: z.array(place.extend({ by: z.string() })).max(500),
  /** The run's own questions, most useful first. */
  open: z.array(place).max(500),
  /** Who has answered lately. */
  people: z.array(z.string()).max(100),
});
export type DueFile = z.infer<typeof dueFile>;

/** Places of an audit's small objects in the store. Names of runs hold no '/'. */
export const auditPaths = {
  ledger: (run: string): string => `audits/${run}/ledger/`,
  ledgerLine: (run: string, audit: number): string => `audits/${run}/ledger/${String(audit).padStart(6, '0')}.json`,
  opened: (run: string, audit: number): string => `audits/${run}/${audit}/opened.json`,
  seed: (run: string, audit: number): string => `audits/${run}/${audit}/seed.json`,
  log: (run: string, audit: number): string => `audits/${run}/${audit}/log.json`,
  due: (run: string, audit: number): string => `audits/${run}/${audit}/due.json`,
  /** The state at its end: an AuditState. */
  ended: (run: string, audit: number): string => `audits/${run}/${audit}/ended.json`,
};
