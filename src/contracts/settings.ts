import { z } from 'zod';

/** A share between 0 and 1; `0.02`, `'0.02'` and `'2%'` are the same. */
export const share = z
  .union([z.number(), z.string()])
  .transform((value, context) => {
    if (typeof value === 'number') return value;
    const text = value.trim();
    const number = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
    if (text === '' || !Number.isFinite(number))
      context.addIssue(`'${value}' is neither a share (0.02) nor a percentage (2%)`);
    return number;
  })
  .pipe(z.number());

/** Names of datasets and runs: they become object keys and workflow ids. */
export const name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,99}$/,
    "lower-case letters, digits, '.', '_' and '-', at most 100, first a letter or digit",
  );

export const presetNames = ['compact'] as const;
export const presetName = z.enum(presetNames);
export type PresetName = z.infer<typeof presetName>;

/**
 * Settings of a run, as a user writes them (YAML, JSON, command line) and as the workflow takes them. Everything but the
 * dataset has a default.
 */
export const runSettings = z.strictObject({
  version: z.literal(1).default(1).describe('version of this format'),
  dataset: name.describe('name of an imported dataset'),
  seed: z.int().min(0).max(0xffffffff).default(0).describe('all randomness of the run comes from it'),
  preset: presetName.default('compact').describe('model and training recipe'),
  rounds: z.int().min(1).max(100).default(3).describe('rounds at most; 3 is where coverage stopped growing on MNIST'),
  targetError: share
    .pipe(z.number().gt(0).lt(0.5))
    .default(0.02)
    .describe('label error that the cut-off aims at, as a share or a percentage'),
  threshold: z
    .enum(['target-error', 'fence'])
    .default('target-error')
    .describe("cut-off rule: the calibration labels' error, or the upper Tukey fence of arXiv 1812.01681's code"),
  calibrationShare: share
    .pipe(z.number().gt(0).lt(1))
    .default(0.4)
    .describe('share of the labelled images kept out of training for the cut-off: 200 of 500 (docs/decisions.md)'),
  passes: z
    .int()
    .min(2)
    .max(1000)
    .default(30)
    .describe('stochastic forward passes an image; 30 as in arXiv 1812.01681'),
  steps: z.int().min(1).max(10_000_000).optional().describe("training steps a round; by default the preset's"),
  clustersPerClass: z.int().min(1).max(50).default(3).describe('k-means clusters a class: one class has several looks'),
  window: z.int().min(1).max(64).default(4).describe('pool shards in flight at a time'),
  salt: z
    .string()
    .max(100)
    .default('')
    .describe('any text; another salt computes every stage anew instead of taking it from the store'),
});

/** Settings with every default filled in. */
export type RunSettings = z.infer<typeof runSettings>;
/** Settings as a user may write them. */
export type RunSettingsInput = z.input<typeof runSettings>;
