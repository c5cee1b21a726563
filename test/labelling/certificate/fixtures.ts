import { judge } from '../../../src/labelling/audit/index.js';
import {
  appendToLedger,
  commitmentOf,
  createSigningKey,
  drawOrder,
  drawSeed,
  frozenLine,
  makeCertificate,
  merkleRoot,
  sha256Of,
} from '../../../src/labelling/certificate/index.js';
import type { AuditLine, Cut, FrozenLabel, LedgerLine, Protocol, SeedFile } from '../../../src/contracts/audit.js';
import type { BundleParts } from '../../../src/labelling/certificate/index.js';

/** One key for all tests: making one costs more than a signature. */
export const key = createSigningKey();

const CLASSES = 10;

/** What an audit is made of in a test; `wrong` ranks have a true class that is not their label. */
export interface AuditCase {
  labels: number;
  wrong?: (rank: number) => boolean;
  epsilon: number;
  cuts: number[];
  instrument?: Protocol['instrument'];
  drawing?: Protocol['drawing'];
  /** With looks: of each cut. */
  looks?: (size: number, most: number) => Cut['looks'];
  repair?: number;
  /** Share of images with a second answer. */
  double?: number;
  /** Answers beyond what the last certified cut took. */
  late?: number;
  /** Audits that were opened before this one, at alpha 0.01 each. */
  before?: number;
  alpha?: number;
  /** Index of the class that all labels say; else they take turns. */
  class?: number;
  answersFrom?: Protocol['panel']['answersFrom'];
}

const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + 1000 * second).toISOString();

/** A bundle of a simulated audit that goes on until all cuts are certified, or their labels are used up. */
export function auditedBundle(audited: AuditCase): BundleParts {
  const { labels: n, wrong = () => false, epsilon, cuts, instrument = 'betting', drawing = 'uniform' } = audited;
  const { repair = 0, double = 0, late = 0, before = 0, alpha = 0.05 - 0.01 * before } = audited;
  const frozen: FrozenLabel[] = Array.from({ length: n }, (_, rank) => ({
    id: `image-${(rank * 7919) % n}-${rank}`,
    image: sha256Of(`pixels of ${rank}`),
    label: audited.class ?? (rank * 31) % CLASSES,
    rank,
  }));
  const lines = frozen.map(frozenLine);
  const classes = Array.from({ length: CLASSES }, (_, i) => `class ${i}`);
  const protocol: Protocol = {
    format: 'labelloop.protocol/1',
    run: 'shells-1',
    dataset: 'shells',
    classes,
    ...(audited.class === undefined ? {} : { class: classes[audited.class] }),
    audit: before + 1,
    root: merkleRoot(lines),
    labels: n,
    epsilon,
    totalAlpha: 0.05,
    alpha,
    instrument,
    drawing,
    bets: instrument === 'betting' ? [0.95, 0.8, 0.6, 0.4, 0.2] : [],
    cuts: cuts.map((size) => {
      const most = Math.floor(epsilon * size);
      return { size, most, looks: audited.looks?.(size, most) ?? [] };
    }),
    repair: { from: n - repair, count: repair },
    budget: n,
    nonceFrom: 'person',
    panel: { countsAsWrong: ['unsure', 'none'], double, answersFrom: audited.answersFrom ?? 'people' },
    software: 'labelloop 0.2.0',
  };
  const nonce = 'thirteen dice: 2463511653214';
  const seed: SeedFile = {
    format: 'labelloop.seed/1',
    commitment: commitmentOf(protocol),
    committedAt: at(10),
    nonce,
    revealedAt: at(20),
    seed: drawSeed(protocol.root, nonce),
  };
  let ledger: LedgerLine[] = [];
  for (let i = 0; i < before; i++)
    ledger = appendToLedger(ledger, { protocol: sha256Of(`audit ${i}`), alpha: 0.01, openedAt: at(i) }, 0.05);
  ledger = appendToLedger(ledger, { protocol: seed.commitment, alpha, openedAt: at(11) }, 0.05);

  const order = drawOrder(
    protocol,
    seed.seed,
    frozen.map(({ id }) => id),
  );
  const log: AuditLine[] = [];
  const take = (use: AuditLine['use'], rank: number, by: string) => {
    const { id, label } = frozen[rank] as FrozenLabel;
    const seen = log.length;
    const verdict = !wrong(rank) ? label : rank % 3 === 0 ? 'unsure' : rank % 3 === 1 ? 'none' : (label + 1) % CLASSES;
    log.push({ seen, use, rank, id, verdict, by, at: at(100 + seen), seconds: 1.5 });
  };
  log.push({ seen: 0, use: 'question', rank: null, id: 'elsewhere', verdict: 3, by: 'ada', at: at(90), seconds: 2 });
  for (let i = 0; i < repair; i++) take('repair', protocol.repair.from + i, 'ada');
  const repaired = new Set(Array.from({ length: repair }, (_, i) => protocol.repair.from + i));
  const answers = new Map<number, boolean>();
  const state = () => judge(protocol, order, { audit: answers, repaired });
  let judgement = state();
  let beyond = 0;
  // Cut after cut, each in draw order, as the audit asks.
  for (const { size } of protocol.cuts)
    for (const rank of order) {
      if (rank >= size || answers.has(rank)) continue;
      const stands = judgement.cuts.find((cut) => cut.size === size);
      if (stands?.status !== 'open' && (judgement.outcome !== 'certified' || beyond++ >= late)) break;
      answers.set(rank, !wrong(rank));
      take('audit', rank, 'ada');
      if (answers.size * double >= log.filter(({ use }) => use === 'second').length + 1) take('second', rank, 'grace');
      judgement = state();
    }
  const certificate = makeCertificate({
    protocol,
    seed,
    log,
    ledger,
    judgement,
    labels: frozen.map(({ label }) => label),
    issuedAt: at(1e6),
    software: 'labelloop 0.2.0',
  });
  return { certificate, protocol, seed, log, ledger, labels: lines.map((line) => `${line}\n`).join('') };
}
