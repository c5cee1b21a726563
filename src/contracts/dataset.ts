import { z } from 'zod';
import { ref } from './references.js';
import { name } from './settings.js';

/** Height, width and channels of the model-sized pixels. */
export const imageShape = z.strictObject({
  height: z.int().min(8).max(512),
  width: z.int().min(8).max(512),
  channels: z.union([z.literal(1), z.literal(3)]),
});
export type ImageShape = z.infer<typeof imageShape>;

export const splitNames = ['labelled', 'pool', 'test'] as const;
export const splitName = z.enum(splitNames);
export type SplitName = z.infer<typeof splitName>;

/**
 * A run of consecutive images of one split.
 * - `pixels`: uint8, [count, height, width, channels], nothing else in the file.
 * - `items`: Parquet, a row an image in the same order: `id` (32 hex, of the content), `name` (the user's path or id).
 * - `originals`: WebDataset tar `<id>.<extension>` of the files as they came, null where the pixels are the original.
 */
export const shard = z.strictObject({
  index: z.int().nonnegative(),
  /** Position of the shard's first image in its split. */
  offset: z.int().nonnegative(),
  count: z.int().positive(),
  pixels: ref,
  items: ref,
  originals: ref.nullable(),
});
export type Shard = z.infer<typeof shard>;

/** The shard that holds an image of its split; undefined beyond the last. */
export const shardAt = (shards: readonly Shard[], position: number): Shard | undefined =>
  shards.find(({ offset, count }) => position >= offset && position < offset + count);

/**
 * A dataset in the store. Labels stand apart from the images, each set in a Parquet file of `id`, `label` (int32):
 * `labels` of the labelled split (every step may read them), `testLabels` (read by `evaluate` alone), `truth` (labels of
 * the pool that were hidden at import, read by the closing comparison alone).
 */
export const datasetManifest = z.strictObject({
  format: z.literal('labelloop.dataset/1'),
  name,
  classes: z.array(z.string()).min(2).max(10_000),
  image: imageShape,
  shards: z.strictObject({ labelled: z.array(shard), pool: z.array(shard), test: z.array(shard) }),
  counts: z.strictObject({ labelled: z.int(), pool: z.int(), test: z.int() }),
  labels: ref,
  testLabels: ref.nullable(),
  truth: ref.nullable(),
  /** Labels that people gave images of the pool (`answers/1`): a run on this dataset begins with them. Absent: none. */
  answers: ref.optional(),
  /** The manifest that this one adds classes or answers to. Absent: an import. */
  extends: ref.optional(),
  /** The pool's true labels were known and hidden: figures against the truth are a dry run, not field use. */
  dryRun: z.boolean(),
  /** The pixels are the negatives of the images that were imported. */
  inverted: z.literal(true).optional(),
  source: z.strictObject({ kind: z.enum(['folder', 'csv', 'jsonl', 'idx']), path: z.string() }),
  /** What the import found and the user should know; counts are exact, examples at most 20. */
  notes: z.strictObject({
    duplicates: z.int(),
    testOverlap: z.int(),
    skipped: z.int(),
    examples: z.array(z.string()).max(60),
  }),
});
export type DatasetManifest = z.infer<typeof datasetManifest>;
