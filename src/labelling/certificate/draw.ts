import { createHash } from 'node:crypto';
import { sha256Of } from './digest.js';
import type { Protocol } from '../../contracts/audit.js';

/**
 * The seed of the draw: SHA-256 of the text of `root` (64 hex digits) with the nonce's text (UTF-8) after it, in hex. By hand:
 * `printf %s%s ROOT NONCE | sha256sum`.
 *
 * Root and nonce together, so that neither who froze the labels nor who gave the nonce can choose the draw alone.
 */
export const drawSeed = (root: string, nonce: string): string => sha256Of(root + nonce);

/** What decides when a label is drawn: SHA-256 of the text `seed:id` (UTF-8), in hex. */
export const drawHash = (seed: string, id: string): string =>
  createHash('sha256').update(`${seed}:${id}`).digest('hex');

/**
 * The order in which the labels of rank 0 to `repair.from` - 1 are drawn. Drawing `uniform`: by drawHash, smallest first: a
 * uniform random permutation; what it leaves of the first k ranks is one too, so that one order serves all cuts.
 *
 * @param ids by rank; unique
 * @returns the ranks, in the order of the draw
 */
export function drawOrder(
  { repair }: Pick<Protocol, 'drawing' | 'labels' | 'repair'>,
  seed: string,
  ids: readonly string[],
): Uint32Array {
  const hashes = ids.slice(0, repair.from).map((id) => drawHash(seed, id));
  return Uint32Array.from(hashes.keys()).sort((a, b) => ((hashes[a] as string) < (hashes[b] as string) ? -1 : 1));
}
