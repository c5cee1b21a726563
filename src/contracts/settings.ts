import { z } from 'zod';
import { auditSettings } from './audit.js';
import { ANSWERS_FROM } from './names.js';
import { auditContradiction, contradictionsOf } from './contradictions.js';
import {
  labelTenures,
  methodOf,
  networkNames,
  posteriorNames,
  presetNames,
  samplingNames,
  scalingNames,
  scoreNames,
  studentNames,
  thresholdRules,
  weightNames,
} from './presets.js';

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

export const presetName = z.enum(presetNames);
export const networkName = z.enum(networkNames);
export const studentName = z.enum(studentNames);
export const posteriorName = z.enum(posteriorNames);
export const samplingName = z.enum(samplingNames);
export const thresholdRule = z.enum(thresholdRules);
export const scoreName = z.enum(scoreNames);
export const weightName = z.enum(weightNames);
export const labelTenure = z.enum(labelTenures);
export const scalingName = z.enum(scalingNames);

/** Settings of an audit as a user writes them: shares may be percentages. */
export const certifySettings = auditSettings
  .extend({
    epsilon: share
      .pipe(z.number().gt(0).lt(0.5))
      .describe('share of the certified labels that may be wrong, as a share or a percentage'),
    confidence: share
      .pipe(z.number().gt(0.5).lt(1))
      .default(0.95)
      .describe('of all audits of the run together, as a share or a percentage'),
  })
  .superRefine((given, context) => {
    const message = auditContradiction(given);
    if (message !== null) context.addIssue({ code: 'custom', path: ['drawing'], message });
  });
export type CertifySettingsInput = z.input<typeof certifySettings>;

/** What brings the model of another run to this run's dataset. */
export const adaptSettings = z.strictObject({
  from: name.describe('run whose model moves to the dataset'),
  ask: z
    .int()
    .min(0)
    .max(5000)
    .default(0)
    .describe('labels that people are asked for before the first round, each where it tells most'),
  answers: z
    .string()
    .regex(ANSWERS_FROM)
    .default('people')
    .describe("people; in a dry run also 'truth', or 'truth:0.02', which errs in 2 % of the answers"),
});

/** Settings as a user may leave them out: what a preset decides is optional. */
const givenSettings = z.strictObject({
  version: z.literal(1).default(1).describe('version of this format'),
  dataset: name.describe('name of an imported dataset'),
  seed: z.int().min(0).max(0xffffffff).default(0).describe('all randomness of the run comes from it'),
  preset: presetName.default('compact').describe('method: what the settings below are by default'),
  network: networkName.optional().describe('network of the students'),
  student: studentName.optional().describe('what a student learns from'),
  rounds: z.int().min(1).max(100).optional().describe('rounds at most'),
  targetError: share
    .pipe(z.number().gt(0).lt(0.5))
    .default(0.02)
    .describe('label error that the cut-off aims at, as a share or a percentage'),
  threshold: thresholdRule.optional().describe('rule for the cut-off'),
  score: scoreName.optional().describe('uncertainty that the cut-off compares'),
  limit: z.number().positive().nullable().optional().describe("the rule's own number: reach, z, n or probability"),
  classwise: z.boolean().optional().describe('a cut-off a class where the calibration labels allow it'),
  calibrationShare: share
    .pipe(z.number().min(0).lt(1))
    .default(0.4)
    .describe('share of the labelled images kept out of training for the cut-off: 200 of 500 (docs/decisions.md)'),
  calibrationMost: z
    .int()
    .min(1)
    .default(500)
    .describe('calibration images at most: 500 tell 2 % from 4 %, more labels teach more than they measure'),
  validationShare: share
    .pipe(z.number().min(0).lt(1))
    .optional()
    .describe('share of the images left for training that choose the best checkpoint'),
  scaling: scalingName.optional().describe('calibration of the mean softmax'),
  posterior: posteriorName.optional().describe("what an image's passes differ in"),
  passes: z.int().min(2).max(1000).optional().describe('stochastic forward passes an image, with posterior mc-dropout'),
  sampling: samplingName.optional().describe('all passes for every image, or as many as its decision needs'),
  members: z.int().min(2).max(20).optional().describe('networks of an ensemble, with posterior ensemble'),
  crossFit: z
    .int()
    .min(2)
    .max(20)
    .optional()
    .describe('folds of the pool, whose labels then come from students that saw other folds; off by default'),
  weights: weightName.optional().describe('weights of pseudo-labels in training'),
  labels: labelTenure.optional().describe('whether later rounds may take pseudo-labels back'),
  steps: z.int().min(1).max(10_000_000).optional().describe("training steps a round; by default the preset's"),
  precision: z.enum(['float32', 'bfloat16']).default('float32').describe('arithmetic of convolutions and products'),
  clustersPerClass: z
    .union([z.int().min(1).max(50), z.literal('auto')])
    .default(3)
    .describe('k-means clusters a class, as one class has several looks; auto: as many as a criterion finds'),
  window: z.int().min(1).max(64).default(4).describe('pool shards in flight at a time'),
  labelsFrom: name
    .optional()
    .describe('audited run of the same dataset whose labels, with what people said, the first student learns from'),
  adapt: adaptSettings.optional().describe('begin with the model of another run; absent: with fresh weights'),
  certify: certifySettings.optional().describe('audit of the last round that certifies its labels; absent: none'),
  salt: z
    .string()
    .max(100)
    .default('')
    .describe('any text; another salt computes every stage anew instead of taking it from the store'),
});

/** The settings' schemas by name, for what lists or explains them. */
export const settingSchemas = givenSettings.shape;

/**
 * Settings of a run, as a user writes them (YAML, JSON, command line) and as the workflow takes them. Everything but the
 * dataset has a default; what depends on the preset is filled in from it (contracts/presets.ts).
 */
export const runSettings = givenSettings
  .superRefine((given, context) => {
    for (const { setting, problem } of contradictionsOf(given))
      context.addIssue({ code: 'custom', path: [setting], message: problem });
  })
  // A model that moves has arrived after one round; a second one gains nothing that was measured (docs/decisions.md).
  .transform((given) => ({ ...given, ...methodOf(given), ...(given.adapt && !given.rounds ? { rounds: 1 } : {}) }));

/** Settings with every default filled in. */
export type RunSettings = z.infer<typeof runSettings>;
/** Settings as a user may write them. */
export type RunSettingsInput = z.input<typeof runSettings>;
