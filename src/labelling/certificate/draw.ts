import { drawOrder as orderByHash } from '../audit/index.js';
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
export const drawHash = (seed: string, id: string): string => sha256Of(`${seed}:${id}`);

/**
 * The order in which the labels of rank 0 to `repair.from` - 1 are drawn. Drawing `uniform`: by drawHash, smallest first, which
 * is a uniform random permutation; drawing `uncertainty`: by the same hashes, as the weights of src/labelling/audit/weighted.ts
 * have it. What an order leaves of the first k ranks is an order of these of the same law, so that one serves all cuts.
 *
 * @param ids by rank; unique
 * @returns the ranks, in the order of the draw
 */
export function drawOrder(
  { drawing, labels, repair }: Pick<Protocol, 'drawing' | 'labels' | 'repair'>,
  seed: string,
  ids: readonly string[],
): Uint32Array {
  const hashes = ids.slice(0, repair.from).map((id) => drawHash(seed, id));
  return orderByHash(drawing, hashes, labels);
}
