import { createHash } from 'node:crypto';
import { canonicalJson } from '../../contracts/canonical.js';
import type { FrozenLabel } from '../../contracts/audit.js';

/** What a leaf's hash begins with, and an inner node's: so that no node can be passed off as a leaf. */
const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

/**
 * A Merkle tree over lines in the shape of RFC 6962, 2.1: leaf = SHA-256(00, line), node = SHA-256(01, left, right), and the
 * left part of n leaves is the largest power of two below n. Lines come one at a time; it holds log2(n) hashes.
 */
export class MerkleTree {
  /** Roots of complete subtrees, the largest first; `sizes` are their leaves. */
  private readonly roots: Buffer[] = [];
  private readonly sizes: number[] = [];

  /** @param line without its line feed */
  add(line: string): void {
    this.roots.push(createHash('sha256').update(LEAF).update(line).digest());
    this.sizes.push(1);
    while (this.sizes.length > 1 && this.sizes.at(-1) === this.sizes.at(-2)) this.join();
  }

  /** The root in hex; of nothing: SHA-256 of nothing. The tree takes no more lines afterwards. */
  root(): string {
    if (this.roots.length === 0) return createHash('sha256').digest('hex');
    while (this.roots.length > 1) this.join();
    return (this.roots[0] as Buffer).toString('hex');
  }

  private join(): void {
    const right = this.roots.pop() as Buffer;
    const left = this.roots.pop() as Buffer;
    this.roots.push(createHash('sha256').update(NODE).update(left).update(right).digest());
    this.sizes.push((this.sizes.pop() as number) + (this.sizes.pop() as number));
  }
}

/** The Merkle root over lines (without their line feeds), in hex. A million take some seconds. */
export function merkleRoot(lines: Iterable<string>): string {
  const tree = new MerkleTree();
  for (const line of lines) tree.add(line);
  return tree.root();
}

/** A label as its line of labels.jsonl, without the line feed. */
export const frozenLine = (label: FrozenLabel): string => canonicalJson(label);
