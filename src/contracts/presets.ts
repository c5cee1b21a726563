import type {
  LabelTenure,
  NetworkName,
  PosteriorName,
  PresetName,
  SamplingName,
  ScalingName,
  ScoreName,
  StudentName,
  ThresholdRule,
  WeightName,
} from './settings.js';

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
  // Coverage stopped growing there on MNIST.
  rounds: 3,
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

type Given = { [K in keyof Method]?: Method[K] | undefined } & { preset: PresetName };

/** The method of a preset, with what the user set otherwise. */
export function methodOf(given: Given): Method {
  const preset = PRESETS[given.preset];
  const method = Object.fromEntries(
    (Object.keys(preset) as (keyof Method)[]).map((key) => [key, given[key] ?? preset[key]]),
  ) as unknown as Method;
  return {
    ...method,
    score: SCORES[method.threshold] ?? method.score,
    limit: given.limit ?? LIMITS[method.threshold] ?? null,
  };
}
