import { z } from 'zod';
import { ANSWERS_FROM } from './names.js';
import { ref, sha256 } from './references.js';

/*
 * An audit: labels are frozen, a protocol is committed, a nonce from outside decides the draw, people answer blind, and a
 * certificate comes out that anyone can check. Words: a *freeze* is the list of machine labels that an audit is about; a
 * label's *rank* is its place in it, 0 the most certain; a *cut* is a prefix of the ranks; an *answer* is what a person
 * said of one image. Protocol and proofs: docs/certificate.md.
 */

/** How an audit decides: evidence that may be looked at after every answer, or at a few sizes fixed beforehand. */
export const instruments = ['betting', 'looks'] as const;
export const instrument = z.enum(instruments);
export type Instrument = z.infer<typeof instrument>;

/** How the audited images are drawn: all alike, or the uncertain ones more often. */
export const drawings = ['uniform', 'uncertainty'] as const;
export const drawing = z.enum(drawings);

/** A line of labels.jsonl: a frozen machine label. Lines stand in the order of rank; line number = rank. */
export const frozenLabel = z.strictObject({
  id: z.string(),
  /** Digest of the image as the model saw it: of its model-sized pixels. */
  image: sha256,
  /** Class index. */
  label: z.int().nonnegative(),
  rank: z.int().nonnegative(),
});
export type FrozenLabel = z.infer<typeof frozenLabel>;

/**
 * A look of a group-sequential test: after this many answers of a cut, it is certified if at most `allowed` of them are
 * wrong; -1: it can't be at this look.
 */
export const look = z.strictObject({ answers: z.int().positive(), allowed: z.int().min(-1) });
export type Look = z.infer<typeof look>;

/** A cut: the labels of rank 0 to `size` - 1. It is certified when at most `most` of them are wrong. */
export const cut = z.strictObject({
  size: z.int().positive(),
  /** floor(epsilon * size) */
  most: z.int().nonnegative(),
  /** With instrument `looks`, in ascending order of answers; else empty. */
  looks: z.array(look).max(20),
});
export type Cut = z.infer<typeof cut>;

/** protocol.json: all that is fixed before the draw; its digest stands in the ledger. */
export const protocol = z.strictObject({
  format: z.literal('labelloop.protocol/1'),
  run: z.string(),
  dataset: z.string(),
  classes: z.array(z.string()),
  /** The class that every frozen label says; absent: labels of all classes. */
  class: z.string().optional(),
  /** Which opened audit of the run this is, from 1. */
  audit: z.int().positive(),
  /** Merkle root over the lines of labels.jsonl. */
  root: sha256,
  /** Lines of labels.jsonl. */
  labels: z.int().positive(),
  /** Share of a cut that may be wrong. */
  epsilon: z.number().gt(0).lt(0.5),
  /** 1 - confidence of all audits of this run together. */
  totalAlpha: z.number().gt(0).lt(1),
  /** What this audit spends of it. */
  alpha: z.number().gt(0).lt(1),
  instrument,
  /** `uncertainty`: rank r weighs 2^b with the largest b of 0 to 4 for which r >= labels - floor(labels / 4^b). */
  drawing,
  /** With instrument `betting`: the shares of the largest bet, averaged over; one that is listed twice counts twice. */
  bets: z.array(z.number().gt(0).lt(1)).max(20),
  /** Tested from the first on, each only after all before it were certified; sizes ascend. */
  cuts: z.array(cut).min(1).max(20),
  /** The ranks from `from` to `from + count - 1` are checked by people, one and all, before the audit; every cut ends at or before `from`. */
  repair: z.strictObject({ from: z.int().nonnegative(), count: z.int().nonnegative() }),
  /** Answers at most: repair and audit together. */
  budget: z.int().positive(),
  /** Where the nonce comes from: this program after the commitment, or typed in by a person. */
  nonceFrom: z.enum(['program', 'person']),
  panel: z.strictObject({
    /** What counts as wrong besides another class: always these. */
    countsAsWrong: z.tuple([z.literal('unsure'), z.literal('none')]),
    /** Share of the audited images that a second person answers too, for the agreement; the first answer counts. */
    double: z.number().min(0).max(1),
    /** `truth`: a dry run, in which hidden labels answered for people. */
    answersFrom: z.enum(['people', 'truth']),
  }),
  software: z.string(),
});
export type Protocol = z.infer<typeof protocol>;

/** What a person said: a class index, that they can't tell, or that no class fits. */
export const verdict = z.union([z.int().nonnegative(), z.literal('unsure'), z.literal('none')]);
export type Verdict = z.infer<typeof verdict>;

/** Who answered, when, and how long it took. */
export const answerMeta = {
  /** A pseudonym is enough. */
  by: z.string().min(1).max(100),
  /** ISO 8601 */
  at: z.string(),
  seconds: z.number().nonnegative(),
};
/** An answer as it is given. */
export const answer = z.strictObject({ id: z.string(), verdict, ...answerMeta });
export type Answer = z.infer<typeof answer>;

export const answerUses = ['repair', 'audit', 'second', 'question'] as const;
export const answerUse = z.enum(answerUses);
export type AnswerUse = z.infer<typeof answerUse>;

/**
 * A line of audit.jsonl and of the file behind `audit-log/1`: an answer in the order in which it was taken down. `audit`
 * answers count for the cuts that hold them; a `second` one of the same image serves the agreement alone; a `question` is
 * about a pool image that no certificate is about.
 */
export const auditLine = z.strictObject({
  /** From 0, without gaps. */
  seen: z.int().nonnegative(),
  use: answerUse,
  /** null for a question. */
  rank: z.int().nonnegative().nullable(),
  ...answer.shape,
});
export type AuditLine = z.infer<typeof auditLine>;

/** seed.json: seed = SHA-256 of the text of root (64 hex digits) with the nonce's text (UTF-8) after it. */
export const seedFile = z.strictObject({
  format: z.literal('labelloop.seed/1'),
  /** SHA-256 of the canonical protocol: committed before the nonce was known. */
  commitment: sha256,
  committedAt: z.string(),
  nonce: z.string().min(8).max(1000),
  revealedAt: z.string(),
  seed: sha256,
});
export type SeedFile = z.infer<typeof seedFile>;

/** A line of ledger.jsonl: an audit that was opened, whether or not it certified anything. */
export const ledgerLine = z.strictObject({
  audit: z.int().positive(),
  /** SHA-256 of the canonical line before it; 64 zeros for the first. */
  before: sha256,
  protocol: sha256,
  alpha: z.number().gt(0).lt(1),
  openedAt: z.string(),
});
export type LedgerLine = z.infer<typeof ledgerLine>;

/** What the answers so far say of one cut. */
export const cutJudgement = z.strictObject({
  size: z.int(),
  /** Its audited labels, as far as their order has no gap; and the wrong ones of these. */
  audited: z.int(),
  wrong: z.int(),
  /** Betting: the e-value's greatest so far; looks: null. Certified from 1 / alpha on. */
  evidence: z.number().nullable(),
  status: z.enum(['certified', 'open', 'failed', 'untested']),
  /** Audited when it was certified; null before. */
  certifiedAt: z.int().nullable(),
});
export type CutJudgement = z.infer<typeof cutJudgement>;

/** What an audit has come to: a function of protocol, draw order and answers alone. */
export const judgement = z.strictObject({
  cuts: z.array(cutJudgement),
  /** Index of the largest certified cut; null: none. */
  certified: z.int().nullable(),
  /** certified: all cuts; budget: no answers left; failed: a cut can't be certified any more; open: goes on. */
  outcome: z.enum(['open', 'certified', 'budget', 'failed']),
  /** Answers taken by use; what is left of the budget. */
  answers: z.strictObject({ repair: z.int(), audit: z.int(), left: z.int() }),
});
export type Judgement = z.infer<typeof judgement>;

/** certificate.json: grade A, the only one that is called a certificate. */
export const certificate = z.strictObject({
  format: z.literal('labelloop.certificate/1'),
  grade: z.literal('A'),
  id: z.string(),
  /** The claim in words, for people. */
  statement: z.string(),
  run: z.string(),
  dataset: z.string(),
  /** The protocol's: the claim is about labels of this class alone. */
  class: z.string().optional(),
  audit: z.int().positive(),
  root: sha256,
  /** SHA-256 of the canonical protocol, and of seed.json, audit.jsonl and ledger.jsonl as they stand. */
  digests: z.strictObject({ protocol: sha256, seed: sha256, audit: sha256, ledger: sha256 }),
  epsilon: z.number(),
  alpha: z.number(),
  totalAlpha: z.number(),
  /** At most `most` of the `size` labels of least rank are wrong. */
  claim: z.strictObject({ size: z.int().positive(), most: z.int().nonnegative() }),
  /** Mistakes that people found among these and that were corrected afterwards: at most `most` - `corrected` are left. */
  corrected: z.int().nonnegative(),
  /** Labels beyond these (repaired, or audited in a wider cut) that people gave, and that the claim is therefore not about. */
  human: z.int().nonnegative(),
  panel: z.strictObject({
    answersFrom: z.enum(['people', 'truth']),
    people: z.int().nonnegative(),
    /** Cohen's kappa over images that two people answered; null where there are none. */
    agreement: z.number().nullable(),
    doubled: z.int().nonnegative(),
  }),
  issuedAt: z.string(),
  software: z.string(),
});
export type Certificate = z.infer<typeof certificate>;

/** signature.json: Ed25519 over the bytes of certificate.json. */
export const signature = z.strictObject({
  format: z.literal('labelloop.signature/1'),
  /** PEM (SPKI) */
  publicKey: z.string(),
  /** Base64 */
  signature: z.string(),
});
export type Signature = z.infer<typeof signature>;

/** What a planner expects of a plan: answers in all at the true errors that calibration makes likely. */
export const planOutlook = z.strictObject({
  instrument,
  repair: z.int(),
  /** Labels that it would certify. */
  size: z.int(),
  expected: z.number(),
  /** 90th percentile. */
  percentile90: z.number(),
  /** Chance that the budget suffices. */
  success: z.number(),
});
export type PlanOutlook = z.infer<typeof planOutlook>;

/** The chosen plan beside those that were considered; kept with the protocol for people to read. */
export const planFile = z.strictObject({
  format: z.literal('labelloop.plan/1'),
  chosen: planOutlook,
  considered: z.array(planOutlook).max(200),
});
export type PlanFile = z.infer<typeof planFile>;

/** Settings of an audit as a run's settings hold them (`certify`) or `labelloop audit start` takes them. */
export const auditSettings = z.strictObject({
  epsilon: z.number().gt(0).lt(0.5).describe('share of the certified labels that may be wrong'),
  confidence: z.number().gt(0.5).lt(1).default(0.95).describe('of all audits of the run together'),
  budget: z.int().min(20).max(1_000_000).default(400).describe('answers of people at most'),
  instrument: z
    .enum(['auto', ...instruments])
    .default('auto')
    .describe('the cheapest valid plan, or this instrument'),
  drawing: drawing.default('uniform').describe('audited images: all alike, or uncertain ones more often'),
  class: z.string().optional().describe('audit the labels of this class alone; absent: of all classes'),
  spending: z
    .enum(['single', 'series', 'classes'])
    .default('single')
    .describe(
      'one audit gets all of 1 - confidence, audit t gets 1/(t(t+1)) of it, or each audit of a class its share of it',
    ),
  repair: z
    .union([z.literal('auto'), z.int().nonnegative()])
    .default('auto')
    .describe('riskiest labels to check first'),
  double: z.number().min(0).max(1).default(0.1).describe('share of audited images that two people answer'),
  nonceFrom: z.enum(['program', 'person']).default('program').describe('who gives the nonce of the draw'),
  answers: z
    .string()
    .regex(ANSWERS_FROM)
    .default('people')
    .describe("people; in a dry run also 'truth', or 'truth:0.02', which errs in 2 % of the answers"),
});
export type AuditSettings = z.infer<typeof auditSettings>;
export type AuditSettingsInput = z.input<typeof auditSettings>;

/** References to an audit's parts in the store, as its workflow carries them. */
export const auditRefs = z.strictObject({
  frozen: ref,
  /** Where the frozen images lie in the pool, by rank: 32-bit integers, little-endian. */
  positions: ref,
  /** Open pool images that people may be asked about, most useful first: see questionsFile. */
  questions: ref,
  protocol: ref,
  plan: ref,
  seed: ref.nullable(),
  /** Draw order: the ranks that are drawn from, one after the other; JSON array. */
  order: ref.nullable(),
  log: ref.nullable(),
  ledger: ref.nullable(),
  certificate: ref.nullable(),
  /** The run's labels with what people said in them; once the audit has ended. */
  labels: ref.nullable(),
});
export type AuditRefs = z.infer<typeof auditRefs>;

/** `waits for`: what an audit needs of people now. */
export const auditPhases = ['freeze', 'nonce', 'repair', 'audit', 'certify', 'done'] as const;
export const auditPhase = z.enum(auditPhases);
export type AuditPhase = z.infer<typeof auditPhase>;

/** Images of the pool by what its labels say of them. */
export const poolCounts = z.strictObject({
  labelled: z.int().nonnegative(),
  open: z.int().nonnegative(),
  outliers: z.int().nonnegative(),
});
export type PoolCounts = z.infer<typeof poolCounts>;

/** Answer of the audit workflow's `audit` query and of its `answer` update. Under 16 KiB. */
export const auditState = z.strictObject({
  run: z.string(),
  audit: z.int(),
  phase: auditPhase,
  refs: auditRefs.nullable(),
  settings: auditSettings,
  /** Lines of the log so far; doubles as the version of the state. */
  seen: z.int(),
  judgement: judgement.nullable(),
  outlook: planOutlook.nullable(),
  /** What a person would read: what is certified, what is waited for, what it would cost to get further. */
  words: z.string(),
  /** The pool by `refs.labels`; absent while there are none. */
  pool: poolCounts.optional(),
});
export type AuditState = z.infer<typeof auditState>;

/** One image for a person: nothing tells which queue it is from. */
export interface Question {
  id: string;
  name: string;
  /** Where its image is: the shard and the position in it. */
  shard: number;
  index: number;
  /** A second person's turn: another one has answered it. */
  again: boolean;
}
