import type { AuditLine, Verdict } from '../../contracts/audit.js';

/** How far two people agree over the images that both answered. */
export interface Agreement {
  /** Cohen's kappa; null without an image that two people answered. */
  agreement: number | null;
  /** Images that two people answered. */
  doubled: number;
}

/**
 * Cohen's kappa over the images with a `second` answer: (p_o - p_e) / (1 - p_e), p_o the share on which first and second
 * answer agree, p_e what chance would give with the same shares of classes. "Can't tell" and "no such class" are classes of their
 * own. 1 where all are of one class and agree.
 *
 * Source: Cohen 1960, "A coefficient of agreement for nominal scales".
 */
export function agreementOf(log: readonly AuditLine[]): Agreement {
  const first = new Map<string, Verdict>();
  const pairs: [Verdict, Verdict][] = [];
  for (const { use, id, verdict } of log) {
    const before = first.get(id);
    if (use === 'repair' || use === 'audit') first.set(id, verdict);
    else if (use === 'second' && before !== undefined) pairs.push([before, verdict]);
  }
  const n = pairs.length;
  if (n === 0) return { agreement: null, doubled: 0 };
  const agreed = pairs.filter(([a, b]) => a === b).length;
  const counts = (side: 0 | 1) => {
    const count = new Map<Verdict, number>();
    for (const pair of pairs) count.set(pair[side], (count.get(pair[side]) ?? 0) + 1);
    return count;
  };
  const seconds = counts(1);
  // In whole numbers, so that the only rounding is the last division.
  let chance = 0;
  for (const [verdict, count] of counts(0)) chance += count * (seconds.get(verdict) ?? 0);
  return { agreement: n * n === chance ? 1 : (n * agreed - chance) / (n * n - chance), doubled: n };
}
