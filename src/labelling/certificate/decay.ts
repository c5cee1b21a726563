import type { Certificate } from '../../contracts/audit.js';

/** What happened to the certified labels after the freeze. */
export interface LaterChanges {
  /** Labels of the certified set that were changed, other than by the audit's corrections. */
  changed: number;
  /** Machine labels that were added to the certified set. */
  added: number;
  /** Labels that left it. */
  revoked: number;
}

/** A claim: at most `most` of `size` labels are wrong. */
export interface Claim {
  size: number;
  most: number;
}

/**
 * What a certificate still says of the labels that there are now, without a new audit: each changed or added label may be
 * wrong, one that left can only have been wrong, and the mistakes that the audit found are corrected. So at most
 * K - corrected + changed + added of them are wrong.
 *
 * @param withdrawn labels of the claim that people in the audit could not tell or found no class for: the images are open,
 * and no label of theirs is there to be right or wrong
 */
export function claimAfter(
  { claim, corrected }: Pick<Certificate, 'claim' | 'corrected'>,
  { changed, added, revoked }: LaterChanges,
  withdrawn: number,
): Claim {
  const size = Math.max(0, claim.size - withdrawn + added - revoked);
  return { size, most: Math.min(size, claim.most - corrected + changed + added) };
}
