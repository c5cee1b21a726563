import { z } from 'zod';
import { splitName } from './dataset.js';
import { heard } from './heard.js';
import { ref } from './references.js';
import type { Ref } from './references.js';
import { posteriorName } from './settings.js';

/** A two-sample test of equal laws. */
export const shiftTest = z.strictObject({
  /** What was compared: pixels see a change of the camera, latents one of what the model looks at. */
  of: z.enum(['pixels', 'latents']),
  /** Permutation p-value. */
  p: z.number(),
  /** It differs at p up to this: its part of 5 %; null where it is shown and does not decide. */
  level: z.number().nullable(),
  /** Images on either side. */
  known: z.int(),
  seen: z.int(),
});
export type ShiftTest = z.infer<typeof shiftTest>;

/** A cluster whose share of the images changed, or whose images lie elsewhere in it, by more than chance. */
export const movedCluster = z.strictObject({
  cluster: z.int(),
  /** Class of the cluster; -1 where it is open. */
  label: z.int(),
  /** Share of the known images in it, and of the new ones. */
  knownShare: z.number(),
  seenShare: z.number(),
  /** Distance between the means of the new images and of the known ones in it, in spreads; null where a side has none. */
  moved: z.number().nullable(),
});
export type MovedCluster = z.infer<typeof movedCluster>;

/** Whether images are of the same law as those that a model knows. Grade C: a test that does not reject proves nothing. */
export const shiftSummary = z.strictObject({
  tests: z.array(shiftTest),
  /** Some test rejects at its part of the level. */
  differs: z.boolean(),
  /** New images that lie outside every cluster, and as many as the known ones let expect. */
  outside: z.int(),
  expectedOutside: z.number(),
  /** Clusters that moved most, at most 20. */
  moved: z.array(movedCluster).max(20),
  /**
   * The new images look like negatives of the known ones: shares of either that are bright where the known images' mean is
   * bright. Absent: they don't.
   */
  negative: z.strictObject({ known: z.number(), seen: z.number() }).optional(),
});
export type ShiftSummary = z.infer<typeof shiftSummary>;

/** The file behind a `shift/1` reference. */
export const shiftFile = z.strictObject({
  format: z.literal('labelloop.shift/1'),
  summary: shiftSummary,
  /** Images outside every cluster, the farthest first. */
  outside: z
    .array(z.strictObject({ id: z.string(), position: z.int(), cluster: z.int(), distance: z.number() }))
    .max(200),
  /** Class of each cluster, -1 where it is open. */
  labels: z.array(z.int()),
  /** Two coordinates an image for a picture of the latents, known images and new ones; see labelling/embed.ts. */
  picture: z.array(z.strictObject({ x: z.number(), y: z.number(), label: z.int(), known: z.boolean() })).max(4000),
});
export type ShiftFile = z.infer<typeof shiftFile>;

/** How a run looks at images; its posteriors are compared with others' that were made so. */
export const sampling = z.strictObject({
  posterior: posteriorName,
  passes: z.int(),
  precision: z.enum(['float32', 'bfloat16']),
});
export type Sampling = z.infer<typeof sampling>;

/** Compares the calibration images of a run with the images of a split. */
export const shiftInput = z.strictObject({
  /** What the model knows: the run's dataset, how it was parted, posteriors of its labelled split, its clusters. */
  known: z.strictObject({ dataset: ref, split: ref, labelled: ref, clusters: ref }),
  /** What is compared with it: posteriors by the same model. */
  seen: z.strictObject({ dataset: ref, split: splitName, posteriors: ref }),
  /** The model was trained on what is compared, so its latents don't decide (docs/shift.md). */
  trainedOn: z.boolean(),
  /** Whether the latents are laid out for a picture, which takes some seconds. */
  picture: z.boolean(),
  seed: z.int(),
  salt: z.string(),
});
export type ShiftInput = z.infer<typeof shiftInput>;
/** Null where the run has too few calibration images to tell. */
export const shiftOutput = z.strictObject({ summary: shiftSummary.nullable(), shift: ref.nullable() });
export type ShiftOutput = z.infer<typeof shiftOutput>;

/** What a run leaves in the store under its own name after each round, for those that build on it: `runs/<run>.json`. */
export const runPointer = z.strictObject({
  format: z.literal('labelloop.run/1'),
  dataset: ref,
  split: ref,
  /** Posteriors of the labelled split by the last round's model. */
  labelled: ref,
  history: ref,
  /** Absent where a release before wrote it. */
  sampling: sampling.optional(),
  /** What an adapting run's students heard beside the dataset's labels. */
  source: heard.optional(),
});
export type RunPointer = z.infer<typeof runPointer>;
export const runPointerPath = (run: string): string => `runs/${run}.json`;

/** Input of the workflow `shift`: are a dataset's images of the law that a run's model knows? */
export interface ShiftWorkflowInput {
  run: string;
  dataset: string;
  seed?: number;
  salt?: string;
}

/** What the workflow is told of run and dataset by its first activity. */
export interface ShiftOpened {
  known: ShiftInput['known'];
  seen: Omit<ShiftInput['seen'], 'posteriors'>;
  shards: number;
  models: Ref[];
  sampling: Sampling;
  /** Which round the models are of. */
  round: number;
  trainedOn: boolean;
}

/** Answer of the workflow's `status` query. */
export interface ShiftState {
  stage: 'open' | 'sample' | 'shift';
  shards: { done: number; total: number };
}

/** What the workflow returns. */
export interface ShiftWorkflowOutput {
  summary: ShiftSummary;
  shift: Ref;
  dataset: Ref;
}
