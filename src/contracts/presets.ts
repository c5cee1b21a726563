/*
 * The names that settings are made of, and what each preset stands for. Free of zod.
 */

export const presetNames = ['compact', 'resnet', 'dbst-2019', 'st', 'dst', 'dest', 'supervised'] as const;
export type PresetName = (typeof presetNames)[number];

export const networkNames = ['compact', 'resnet', 'densenet'] as const;
export type NetworkName = (typeof networkNames)[number];

/** How a student learns: from labels and pseudo-labels as they are, augmented, or from the pool too (FixMatch). */
export const studentNames = ['supervised', 'augmented', 'consistency'] as const;
export type StudentName = (typeof studentNames)[number];

/** What the passes of an image differ in: dropout's masks, the members of an ensemble, or nothing (one pass). */
export const posteriorNames = ['mc-dropout', 'ensemble', 'softmax'] as const;
export type PosteriorName = (typeof posteriorNames)[number];

/** How many passes a pool image gets: all, or as many as its decision needs (docs/methods.md). */
export const samplingNames = ['fixed', 'sequential'] as const;
export type SamplingName = (typeof samplingNames)[number];

/** Rules for the cut-off; all but `target-error` are of the literature and control no error. */
export const thresholdRules = [
  'target-error',
  'iqr',
  'median',
  'z-score',
  'modified-z-score',
  'max-of-n',
  'top-n',
  'probability',
  'ups',
  'all',
] as const;
export type ThresholdRule = (typeof thresholdRules)[number];

/** What a cut-off compares; small is certain (contracts/scores.ts has the formulas). */
export const scoreNames = [
  'predictive-entropy',
  'aleatoric',
  'mutual-information',
  'log-variance',
  'total-uncertainty',
  'kwon-aleatoric',
  'kwon-epistemic',
  'max-softmax',
  'variation-ratio',
  'ups',
] as const;
export type ScoreName = (typeof scoreNames)[number];

/** Weight of a pseudo-label in the loss, from the total uncertainty U of arXiv 1812.01681. */
export const weightNames = ['none', 'exp-sqrt-u', 'annealed'] as const;
export type WeightName = (typeof weightNames)[number];

/** Whether a later round may take a pseudo-label back. */
export const labelTenures = ['revocable', 'permanent'] as const;
export type LabelTenure = (typeof labelTenures)[number];

/** What turns the mean softmax into calibrated probabilities. */
export const scalingNames = ['none', 'temperature', 'vector'] as const;
export type ScalingName = (typeof scalingNames)[number];

/** The settings that a preset decides. */
export interface Method {
  network: NetworkName;
  student: StudentName;
  rounds: number;
  threshold: ThresholdRule;
  score: ScoreName;
  /** Number of the rule: see LIMITS. Null where the rule has none. */
  limit: number | null;
  classwise: boolean;
  validationShare: number;
  scaling: ScalingName;
  posterior: PosteriorName;
  passes: number;
  sampling: SamplingName;
  members: number;
  weights: WeightName;
  labels: LabelTenure;
}

/** Recommended: what won on labelled data (docs/benchmarks.md). */
const recommended: Method = {
  network: 'compact',
  student: 'consistency',
  // On MNIST a second round labels .4 points more at 1 % error, a third nothing (docs/benchmarks.md).
  rounds: 2,
  threshold: 'target-error',
  score: 'predictive-entropy',
  limit: null,
  classwise: false,
  validationShare: 0,
  scaling: 'temperature',
  posterior: 'mc-dropout',
  // As in arXiv 1812.01681.
  passes: 30,
  sampling: 'fixed',
  members: 5,
  weights: 'none',
  labels: 'revocable',
};

/** Self-training without a Bayesian part: one deterministic pass. */
const plain: Method = { ...recommended, student: 'supervised', posterior: 'softmax', score: 'max-softmax', rounds: 5 };

const PRESETS: Record<PresetName, Method> = {
  compact: recommended,
  resnet: { ...recommended, network: 'resnet' },
  /** Ribeiro et al. 2018, with the honest choice wherever the published code has a defect (methods in docs/methods.md). */
  'dbst-2019': {
    ...recommended,
    network: 'densenet',
    student: 'supervised',
    rounds: 5,
    threshold: 'iqr',
    score: 'total-uncertainty',
    validationShare: 0.2,
    scaling: 'none',
    weights: 'exp-sqrt-u',
  },
  /** Plain self-training: the target error's cut-off on the softmax. */
  st: plain,
  /** Deterministic self-training, softmax > .99: DST of Ribeiro et al. 2018. */
  dst: { ...plain, threshold: 'probability' },
  /** Deep ensembles of 5, the paper's U and fence: DEST of Ribeiro et al. 2018. */
  dest: { ...plain, posterior: 'ensemble', threshold: 'iqr', score: 'total-uncertainty' },
  /** The labels alone, once: what all the rest must beat. */
  supervised: { ...plain, rounds: 1 },
};

/** Numbers of the rules as published: Ribeiro et al.'s code, and .99 of its DST. */
const LIMITS: Partial<Record<ThresholdRule, number>> = {
  iqr: 1.5,
  'z-score': 1,
  'modified-z-score': 3,
  'max-of-n': 100,
  'top-n': 100,
  probability: 0.99,
};

/** Scores that a rule is defined on, whatever the settings say. */
const SCORES: Partial<Record<ThresholdRule, ScoreName>> = { probability: 'max-softmax', ups: 'ups' };

/** The score that a rule is defined on; undefined where it takes any. */
export const requiredScore = (rule: ThresholdRule): ScoreName | undefined => SCORES[rule];

/** The number of a rule as published; null where it has none. */
export const limitOf = (rule: ThresholdRule): number | null => LIMITS[rule] ?? null;

/** A preset and what the user set otherwise. */
export type GivenMethod = { [K in keyof Method]?: Method[K] | undefined } & { preset: PresetName };

/** The method of a preset, with what the user set otherwise. */
export function methodOf(given: GivenMethod): Method {
  const preset = PRESETS[given.preset];
  const method = Object.fromEntries(
    (Object.keys(preset) as (keyof Method)[]).map((key) => [key, given[key] ?? preset[key]]),
  ) as unknown as Method;
  return {
    ...method,
    score: requiredScore(method.threshold) ?? method.score,
    limit: given.limit ?? limitOf(method.threshold),
  };
}
