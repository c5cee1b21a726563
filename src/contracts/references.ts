import { z } from 'zod';

/** Kinds of stored blobs; the number is the version of the format, so that a reader can refuse what it can't read. */
export const blobKinds = [
  'dataset/1',
  'pixels/1',
  'items/1',
  'originals/1',
  'answers/1',
  'split/1',
  'split/2',
  'model/1',
  'model/2',
  'posteriors/1',
  'posteriors/2',
  'features/1',
  'posterior-set/1',
  'cutoff/1',
  'cutoff/2',
  'clusters/1',
  'clusters/2',
  'duplicates/1',
  'suspects/1',
  'shift/1',
  'assignments/1',
  'labels/1',
  'labels/2',
  'history/1',
  'comparison/1',
  'checkpoint/1',
  'checkpoint/2',
  'frozen/1',
  'positions/1',
  'scores/1',
  'questions/1',
  'protocol/1',
  'plan/1',
  'seed/1',
  'draw-order/1',
  'audit-log/1',
  'ledger/1',
  'certificate/1',
] as const;

export const blobKind = z.enum(blobKinds);
export type BlobKind = z.infer<typeof blobKind>;

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hex');

/** What flows between stages instead of data: a blob's kind, digest and size. The blob is at `sha256/<2 hex>/<64 hex>`. */
export const ref = z.strictObject({ kind: blobKind, sha256, bytes: z.int().nonnegative() });
export type Ref = z.infer<typeof ref>;
