import type { AuditLine, Certificate, Verdict } from '../../contracts/audit.js';
import type { LabelRow } from '../../contracts/tables.js';

/** What people said first of each image; a second answer serves the agreement alone. */
export function firstVerdicts(log: readonly AuditLine[]): Map<string, Verdict> {
  const first = new Map<string, Verdict>();
  for (const { use, id, verdict } of log) if (use !== 'second' && !first.has(id)) first.set(id, verdict);
  return first;
}

/**
 * A label with what people said of its image, and the certificate that it is under. Where people could not tell, or no class
 * fits, the image is open.
 */
export function correctLabel(
  row: LabelRow,
  verdict: Verdict | undefined,
  rank: number | null,
  certificate: Pick<Certificate, 'id' | 'claim'> | null,
  classes: readonly string[],
): LabelRow {
  if (typeof verdict === 'number') {
    const change = row.status !== 'accepted' ? 'accept' : row.label === verdict ? 'keep' : 'flip';
    const given = { label: verdict, class: classes[verdict] as string };
    return { ...row, ...given, status: 'accepted', change, source: 'human', model: '', certificate: '' };
  }
  if (verdict !== undefined)
    return {
      ...row,
      status: row.status === 'accepted' ? 'open' : row.status,
      change: row.status === 'accepted' ? 'revoke' : 'none',
      ...{ label: -1, class: '', source: '', round: 0, model: '', certificate: '' },
    };
  return certificate !== null && rank !== null && rank < certificate.claim.size
    ? { ...row, certificate: certificate.id }
    : row;
}
