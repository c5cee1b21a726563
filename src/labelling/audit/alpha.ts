import { auditErrors } from './errors.js';
import type { AuditSettings } from '../../contracts/audit.js';

/** What an audit, opened or not, may be sure of: 1 - confidence, without the dust of the subtraction. */
export const totalAlphaOf = (confidence: number): number => Number((1 - confidence).toPrecision(12));

/** Rounding in sums of alphas; a verifier allows the same. */
const DUST = 1e-12;

/**
 * Alpha of the next audit of a run. Over all audits that are ever opened the sum stays at or below `total`:
 * `single` gives all of it to the first, `series` gives total / (t (t + 1)) to audit t (sum over t = 1, 2, ... is total),
 * `classes` gives total / classes to each, so that there is one for every class (Bonferroni).
 *
 * @param opened alphas of the audits opened so far, passed or not, in the order of the ledger
 * @param classes of the dataset
 * @throws AUDIT_INVALID where the rest is not enough
 */
export function nextAlpha(
  spending: AuditSettings['spending'],
  total: number,
  opened: readonly number[],
  classes = 1,
): number {
  const audit = opened.length + 1;
  const alpha = total / { single: 1, series: audit * (audit + 1), classes }[spending];
  const spent = opened.reduce((sum, each) => sum + each, 0);
  if (spent + alpha > total * (1 + DUST)) throw auditErrors.alphaSpent(audit, alpha, total, spent);
  return alpha;
}

/** Whether the ledger's alphas stay within `total`. */
export const withinAlpha = (total: number, opened: readonly number[]): boolean =>
  opened.reduce((sum, each) => sum + each, 0) <= total * (1 + DUST);
