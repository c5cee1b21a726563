import { createHash } from 'node:crypto';
import { sha256Of } from './digest.js';

/**
 * The seed of the draw: SHA-256 of the text of `root` (64 hex digits) with the nonce's text (UTF-8) after it, in hex. By hand:
 * `printf %s%s ROOT NONCE | sha256sum`.
 *
 * Root and nonce together, so that neither who froze the labels nor who gave the nonce can choose the draw alone.
 */
export const drawSeed = (root: string, nonce: string): string => sha256Of(root + nonce);

/**
 * The order in which the labels of rank 0 to `limit` - 1 are drawn: by SHA-256 of `seed:id` (text, UTF-8), smallest first, equal
 * ones by id (UTF-16 code units). A uniform random permutation; what it leaves of the first k ranks is one too, so that one
 * order serves all cuts.
 *
 * @param ids by rank
 * @returns the ranks, in the order of the draw
 */
export function drawOrder(seed: string, ids: readonly string[], limit: number = ids.length): Uint32Array {
  const keys = ids.slice(0, limit).map((id) => createHash('sha256').update(`${seed}:${id}`).digest());
  // The first 48 bits are exact in a double and decide but one comparison in millions; the rest is for those.
  const heads = Float64Array.from(keys, (key) => key.readUIntBE(0, 6));
  const idOf = (rank: number) => ids[rank] as string;
  return Uint32Array.from(keys.keys()).sort(
    (a, b) =>
      (heads[a] as number) - (heads[b] as number) ||
      Buffer.compare(keys[a] as Buffer, keys[b] as Buffer) ||
      (idOf(a) < idOf(b) ? -1 : Number(idOf(a) > idOf(b))),
  );
}
