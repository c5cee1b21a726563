import { auditWorkflowId } from '../../contracts/names.js';
import { canonicalJson } from '../../contracts/canonical.js';
import { agreementOf } from './agreement.js';
import { commitmentOf, jsonLines, sha256Of } from './digest.js';
import { certificateErrors } from './errors.js';
import { statementOf } from './statement.js';
import type { AuditLine, Certificate, Cut, Judgement, LedgerLine, Protocol, SeedFile } from '../../contracts/audit.js';

/**
 * The log as a bundle has it: without the run's own questions, which no certificate is about, and numbered anew, so that a gap
 * in `seen` is a line that was taken out.
 */
export const exportedLog = (log: readonly AuditLine[]): AuditLine[] =>
  log.filter(({ use }) => use !== 'question').map((line, seen) => ({ ...line, seen }));

/** What a certificate is made of. */
export interface CertificateParts {
  protocol: Protocol;
  seed: SeedFile;
  /** The whole log; questions are left out. */
  log: readonly AuditLine[];
  ledger: readonly LedgerLine[];
  judgement: Judgement;
  /** Class indices of the frozen labels, by rank. */
  labels: ArrayLike<number>;
  /** ISO 8601 */
  issuedAt: string;
  software: string;
}

/**
 * certificate.json of an audit that certified something.
 *
 * @throws AUDIT_INVALID when it did not; CERTIFICATE_INVALID when the parts don't belong together, or the answers show more mistakes than
 *   the claim allows
 */
export function makeCertificate(parts: CertificateParts): Certificate {
  const { protocol, seed, ledger, judgement, labels, issuedAt, software } = parts;
  const { run, dataset, audit, root, epsilon, alpha, totalAlpha } = protocol;
  if (judgement.certified === null) throw certificateErrors.nothingCertified(audit);
  const commitment = commitmentOf(protocol);
  if (seed.commitment !== commitment) throw certificateErrors.mixed('the seed was drawn for another protocol');
  if (ledger[audit - 1]?.protocol !== commitment) throw certificateErrors.mixed('the ledger has another protocol');
  const { size, most } = protocol.cuts[judgement.certified] as Cut;
  const log = exportedLog(parts.log);
  const first = log.filter(({ use }) => use === 'repair' || use === 'audit');
  const corrected = first.filter(({ rank, verdict }) => inside(rank, size) && verdict !== labels[rank]).length;
  if (corrected > most) throw certificateErrors.refuted(corrected, most);
  const claim = { size, most };
  const which = protocol.class === undefined ? {} : { class: protocol.class };
  const panel = {
    answersFrom: protocol.panel.answersFrom,
    people: new Set(log.map(({ by }) => by)).size,
    ...agreementOf(log),
  };
  return {
    format: 'labelloop.certificate/1',
    grade: 'A',
    id: auditWorkflowId(run, audit),
    statement: statementOf({ claim, totalAlpha, panel, ...which }),
    run,
    dataset,
    ...which,
    audit,
    root,
    digests: {
      protocol: commitment,
      seed: sha256Of(canonicalJson(seed)),
      audit: sha256Of(jsonLines(log)),
      ledger: sha256Of(jsonLines(ledger)),
    },
    epsilon,
    alpha,
    totalAlpha,
    claim,
    corrected,
    human: first.filter(({ rank, verdict }) => !inside(rank, size) && typeof verdict === 'number').length,
    panel,
    issuedAt,
    software,
  };
}

const inside = (rank: number | null, size: number): rank is number => rank !== null && rank < size;
