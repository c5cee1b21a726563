import { canonicalJson } from '../../contracts/canonical.js';
import { sha256Of } from './digest.js';
import { certificateErrors } from './errors.js';
import type { LedgerLine } from '../../contracts/audit.js';

/** What stands for the line before the first. */
const NONE = '0'.repeat(64);

/** Sums of alphas are compared with this relative slack: they are added up in doubles. */
const SLACK = 1e-12;

const digestBefore = (ledger: readonly LedgerLine[]): string => {
  const last = ledger.at(-1);
  return last === undefined ? NONE : sha256Of(canonicalJson(last));
};

/** What the opened audits have spent, whether or not they certified anything. */
export const spentAlpha = (ledger: readonly LedgerLine[]): number => ledger.reduce((sum, { alpha }) => sum + alpha, 0);

/**
 * The ledger with the line of an audit that opens now. Write it before anybody sees an image.
 *
 * @param opened.protocol the commitment: SHA-256 of the canonical protocol
 * @throws AUDIT_INVALID when it would spend more than the run has; CERTIFICATE_INVALID when the ledger does not hold together
 */
export function appendToLedger(
  ledger: readonly LedgerLine[],
  opened: Pick<LedgerLine, 'protocol' | 'alpha' | 'openedAt'>,
  totalAlpha: number,
): LedgerLine[] {
  checkLedger(ledger, totalAlpha);
  const left = totalAlpha - spentAlpha(ledger);
  if (opened.alpha > left + totalAlpha * SLACK) throw certificateErrors.overspent(opened.alpha, left);
  return [...ledger, { audit: ledger.length + 1, before: digestBefore(ledger), ...opened }];
}

/**
 * Checks that the audits are numbered from 1 without a gap, that each line holds the digest of the one before, and that together
 * they spend no more than `totalAlpha`.
 *
 * @throws CERTIFICATE_INVALID, AUDIT_INVALID
 */
export function checkLedger(ledger: readonly LedgerLine[], totalAlpha: number): void {
  ledger.forEach((line, i) => {
    if (line.audit !== i + 1) throw certificateErrors.ledgerBroken(i + 1, `is of audit ${line.audit}`);
    if (line.before !== digestBefore(ledger.slice(0, i)))
      throw certificateErrors.ledgerBroken(i + 1, 'does not hold the digest of the line before it');
  });
  const spent = spentAlpha(ledger);
  if (spent > totalAlpha * (1 + SLACK)) throw certificateErrors.overspent(spent, totalAlpha);
}
