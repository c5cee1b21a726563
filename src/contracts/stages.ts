import { z } from 'zod';
import { splitName } from './dataset.js';
import { conditional } from './grades.js';
import { heard } from './heard.js';
import { ref } from './references.js';
import { sampling, shiftSummary } from './shift.js';
import {
  labelTenure,
  networkName,
  posteriorName,
  runSettings,
  scalingName,
  scoreName,
  studentName,
  thresholdRule,
  weightName,
} from './settings.js';

/** What a run needs to know of its dataset; the manifest itself stays in the store. */
export const openOutput = z.strictObject({
  settings: runSettings,
  dataset: ref,
  shards: z.strictObject({ labelled: z.int(), pool: z.int(), test: z.int() }),
  counts: z.strictObject({ labelled: z.int(), pool: z.int(), test: z.int() }),
  hasTruth: z.boolean(),
  /** Labels to begin with: of the run that `labelsFrom` names, else the answers of the dataset; absent: none. */
  labels: ref.optional(),
  /** What the run that `adapt` names left: its model moves, its labelled images are shown on; absent: starts afresh. */
  source: z
    .strictObject({
      ...heard.shape,
      model: ref,
      cutoff: ref,
      /** Posteriors of its labelled images by that model, and its clusters: what this dataset is compared with. */
      labelled: ref,
      clusters: ref,
      /** Shards of its labelled images. */
      labelledShards: z.int(),
    })
    .optional(),
});
export type OpenOutput = z.infer<typeof openOutput>;

/** The run's seed and the round: each stage derives its key from them (contracts/random.ts). */
const seeding = { seed: z.int(), round: z.int().nonnegative() };

/** Parts the labelled images into training, validation and calibration, balanced over the classes. */
export const splitInput = z.strictObject({
  dataset: ref,
  calibrationShare: z.number(),
  /** Images that calibrate at most; absent in runs of releases before this limit. */
  calibrationMost: z.int().optional(),
  /** Of what calibration leaves. */
  validationShare: z.number(),
  seed: z.int(),
  salt: z.string(),
});
export type SplitInput = z.infer<typeof splitInput>;
export const splitOutput = z.strictObject({ split: ref, train: z.int(), validation: z.int(), calibration: z.int() });
export type SplitOutput = z.infer<typeof splitOutput>;

/** The file behind a `split/2` reference: positions in the labelled split, ascending. */
export const splitFile = z.strictObject({
  format: z.enum(['labelloop.split/1', 'labelloop.split/2']),
  train: z.array(z.int()),
  /** Choose the best checkpoint; empty where the last one counts, absent in split/1. */
  validation: z.array(z.int()).default([]),
  calibration: z.array(z.int()),
});
export type SplitFile = z.infer<typeof splitFile>;

/** Trains the round's student from human labels and, from round 2 on, the pseudo-labels of the round before. */
export const trainInput = z.strictObject({
  dataset: ref,
  split: ref,
  labels: ref.nullable(),
  network: networkName,
  student: studentName,
  weights: weightName,
  steps: z.int().nullable(),
  precision: z.enum(['float32', 'bfloat16']),
  /** Which network of an ensemble: each starts from other weights and sees other batches. */
  member: z.int().nonnegative(),
  /** A fold of the pool (labelling/folds.ts) of which this student sees neither pseudo-labels nor images. */
  leftOut: z.strictObject({ folds: z.int(), fold: z.int() }).optional(),
  /** `adapt`: that of a student that is moved to a new dataset (learner/recipe.ts). */
  recipe: z.literal('adapt').optional(),
  /**
   * Datasets whose training images join with people's labels: what the student knew, it goes on hearing. Their images are
   * of the same shape, their classes are the dataset's first ones.
   */
  source: heard.optional(),
  /** A model whose weights the training starts from; absent: fresh ones. */
  initial: ref.optional(),
  /** `clusters/2`: pulls the features of pseudo-labelled images to the centroids of their clusters, where these have the same label. */
  anchors: ref.optional(),
  ...seeding,
  salt: z.string(),
});
export type TrainInput = z.infer<typeof trainInput>;
export const trainOutput = z.strictObject({
  model: ref,
  steps: z.int(),
  loss: z.number(),
  /** Why it ended before its last step. */
  stopped: z.enum(['converged', 'validation']).nullable(),
  validationAccuracy: z.number().nullable(),
  parameters: z.int(),
  images: z.int(),
});
export type TrainOutput = z.infer<typeof trainOutput>;

/** Scores one shard. */
export const sampleInput = z.strictObject({
  dataset: ref,
  split: splitName,
  shard: z.int(),
  /** One model, or the members of an ensemble. */
  models: z.array(ref).min(1).max(20),
  /** The models are those of the folds, and each image is scored by that of its own fold alone. */
  crossFit: z.literal(true).optional(),
  posterior: posteriorName,
  passes: z.int(),
  precision: z.enum(['float32', 'bfloat16']),
  /** Passes go where this cut-off needs them; null: all images get all. */
  cutoff: ref.nullable(),
  ...seeding,
  salt: z.string(),
});
export type SampleInput = z.infer<typeof sampleInput>;
export const sampleOutput = z.strictObject({
  posteriors: ref,
  features: ref,
  count: z.int(),
  /** Passes in all. */
  passes: z.int(),
});
export type SampleOutput = z.infer<typeof sampleOutput>;

/** Gathers the shards' references of one split into one object, so that no payload grows with the pool. */
export const gatherInput = sampleInput.omit({ shard: true }).extend({ shards: z.int() });
export type GatherInput = z.infer<typeof gatherInput>;
export const gatherOutput = z.strictObject({ set: ref.nullable(), missing: z.array(z.int()).max(500) });
export type GatherOutput = z.infer<typeof gatherOutput>;
/** The file behind a `posterior-set/1` reference. */
export const posteriorSet = z.strictObject({
  format: z.literal('labelloop.posterior-set/1'),
  shards: z.array(sampleOutput),
});
export type PosteriorSet = z.infer<typeof posteriorSet>;

/**
 * What calibration images that steer the run say of a cut-off's label error (contracts/grades.ts). Grade C: rounds look at
 * the same images again and again, and the students have learnt from the pool; it steers and promises nothing. Releases up to
 * 0.2.0 wrote the same as B.
 */
export const estimate = z.strictObject({
  grade: z.enum(['B', 'C']).transform(() => 'C' as const),
  accepted: z.int().describe('calibration images under the cut-off'),
  errors: z.int().describe('of these, wrongly labelled'),
  error: z.number().describe('(errors + 1/2) / (accepted + 1)'),
  upper: z.number().describe('95 % Clopper-Pearson limit, exact only for a cut-off fixed beforehand'),
  coverage: z.number().describe('share of the calibration images under the cut-off'),
});
export type Estimate = z.infer<typeof estimate>;

/** Confidence against accuracy on calibration images, in equal-width bins of confidence. */
export const reliability = z.strictObject({
  /** Expected calibration error, 15 bins (Guo et al. 2017). */
  ece: z.number(),
  /** Mean negative log-likelihood, nats. */
  nll: z.number(),
  bins: z.array(z.strictObject({ count: z.int(), confidence: z.number(), accuracy: z.number() })),
});
export type Reliability = z.infer<typeof reliability>;

/** Turns mean softmax p into calibrated probabilities: softmax(scale * ln p + bias). `temperature`: all scales are 1 / T. */
export const scalingFile = z.strictObject({
  method: scalingName,
  /** [classes] */
  scale: z.array(z.number()),
  /** [classes] */
  bias: z.array(z.number()),
  /** As sampled, and scaled: of images that the scaling was not fitted on (cross-fitted). */
  before: reliability,
  after: reliability,
});
export type ScalingFile = z.infer<typeof scalingFile>;

/** Chooses the cut-off and the calibration of the mean softmax from labelled images. */
export const thresholdInput = z.strictObject({
  dataset: ref,
  split: ref,
  /** Posteriors of the labelled split. */
  labelled: ref,
  rule: thresholdRule,
  score: scoreName,
  limit: z.number().nullable(),
  classwise: z.boolean(),
  targetError: z.number(),
  scaling: scalingName,
  /** Half of the calibration images wait for the release: leave them out. */
  holdBack: z.literal(true).optional(),
  /** The cut-off to take where there are too few calibration images to choose one: that of the run that `adapt` names. */
  borrowed: ref.optional(),
  seed: z.int(),
  salt: z.string(),
});
export type ThresholdInput = z.infer<typeof thresholdInput>;
export const cutoffFile = z.strictObject({
  format: z.literal('labelloop.cutoff/2'),
  score: scoreName,
  rule: thresholdRule,
  /** By predicted class, accept below or at it; -1 accepts nothing. All the same where the cut-off is not class-wise. */
  values: z.array(z.number()),
  classwise: z.boolean(),
  /** Rule `top-n`: accept this many of the pool's most certain images, whatever `values` say; null for all other rules. */
  top: z.int().nullable(),
  scaling: scalingFile,
  estimate,
});
export type CutoffFile = z.infer<typeof cutoffFile>;
/** What a round's record keeps of `scaling`. */
export const calibrationError = z.strictObject({ before: z.number(), after: z.number() });
/** `value`: the largest of `values`. */
export const thresholdOutput = z.strictObject({
  cutoff: ref,
  value: z.number(),
  estimate,
  calibrationError,
  /** The cut-off is the borrowed one; absent: chosen from calibration images of the run. */
  borrowed: z.literal(true).optional(),
});
export type ThresholdOutput = z.infer<typeof thresholdOutput>;

/** Makes the conditional estimate of cross-fitted labels, and the cut-off that it is of; refused, the steering one stays. */
export const releaseInput = thresholdInput.omit({ holdBack: true }).extend({
  /** Cross-fitted posteriors; `labelled` is too. */
  pool: ref,
  folds: z.int().min(2),
  /** Which release of the split it is, from 1. */
  release: z.int().positive(),
});
export type ReleaseInput = z.infer<typeof releaseInput>;
export const releaseOutput = thresholdOutput.extend({ conditional });
export type ReleaseOutput = z.infer<typeof releaseOutput>;

/**
 * Groups the pool in the model's penultimate features, labels the groups, and lists what lies outside: outliers,
 * near-duplicates, and human labels that their group and the model deny.
 */
export const clusterInput = z.strictObject({
  dataset: ref,
  pool: ref,
  /** `auto`: as many as the criterion of labelling/choose-k.ts finds. */
  clustersPerClass: z.union([z.int(), z.literal('auto')]),
  /** Posteriors of the labelled split and how it was parted; absent in runs of releases before clusters had labels. */
  labelled: ref.optional(),
  split: ref.optional(),
  /** Labels in force: those that people gave count as labelled images do. */
  labels: ref.nullable().optional(),
  /**
   * Where nobody has labelled anything yet: the dataset whose labelled images have the shares of the classes. Clusters get
   * the labels by which the classes come to these shares (labelling/balance.ts).
   */
  sharesOf: ref.optional(),
  ...seeding,
  salt: z.string(),
});
export type ClusterInput = z.infer<typeof clusterInput>;
/** What a round's record keeps of its clusters. */
export const clusterCounts = z.strictObject({
  clusters: z.int(),
  /** Clusters whose label is open: mixed, or without a labelled image and a confident teacher's label. */
  mixed: z.int(),
  outliers: z.int(),
  /** Pool images that a near-duplicate of theirs comes before. */
  duplicates: z.int(),
  /** Human labels listed for review. */
  suspects: z.int(),
});
export type ClusterCounts = z.infer<typeof clusterCounts>;
export const clusterOutput = z.strictObject({
  clusters: ref,
  /** What `clusters` refers to, named here too: a stage whose parts are lost is computed again. */
  parts: z.array(ref),
  counts: clusterCounts,
});
export type ClusterOutput = z.infer<typeof clusterOutput>;

/** Chooses the images whose answers are expected to gain most labels, by the clusters that they are in. */
export const chooseInput = z.strictObject({
  dataset: ref,
  clusters: ref,
  pool: ref,
  /** Labels in force: who has answered, and what needs no answer; null: nothing is labelled yet. */
  labels: ref.nullable(),
  /** Questions at most. */
  limit: z.int().min(1).max(5000),
  ...seeding,
  salt: z.string(),
});
export type ChooseInput = z.infer<typeof chooseInput>;
/** `questions`: a questionsFile (contracts/audit-stages.ts), the most useful first. */
export const chooseOutput = z.strictObject({ questions: ref });
export type ChooseOutput = z.infer<typeof chooseOutput>;

/** Counts of a round's labels over the pool; `accepted` is all labels now in force, `open` those left for people. */
export const labelCounts = z.strictObject({
  accepted: z.int(),
  added: z.int(),
  kept: z.int(),
  flipped: z.int(),
  revoked: z.int(),
  open: z.int(),
  outliers: z.int(),
});
export type LabelCounts = z.infer<typeof labelCounts>;

/** One group of pool images in the latent space. Distances are Euclidean, of L2-normalised features: 0 to 2. */
export const clusterRecord = z.strictObject({
  size: z.int(),
  /** Distance from the centroid above which an image is an outlier. */
  radius: z.number(),
  /** Root mean squared distance of its images from the centroid. */
  spread: z.number(),
  /** Class that the posterior of its label gives most; -1 where that is too little (mixed, empty). */
  label: z.int(),
  /** Posterior mean of that class's share, or of the greatest share where the label is open (Dirichlet). */
  probability: z.number(),
  /** Images in it that people labelled. */
  labelled: z.int(),
});
export type ClusterRecord = z.infer<typeof clusterRecord>;

/** The file behind a `clusters/2` reference. */
export const clustersFile = z.strictObject({
  format: z.literal('labelloop.clusters/2'),
  /** safetensors: `centroids` [k, width], of L2-normalised features. */
  centroids: ref,
  /** [k] */
  clusters: z.array(clusterRecord),
  /** What the number of clusters was chosen by: the criterion at each k that was tried; empty where it was given. */
  criterion: z.array(z.strictObject({ k: z.int(), value: z.number() })),
  /** Parquet, a row an image of the pool: see AssignmentRow. */
  assignments: ref,
  /** Parquet, a row an image: see DuplicateRow. */
  duplicates: ref,
  /** Parquet, a row a human label: see SuspectRow. */
  suspects: ref,
});
export type ClustersFile = z.infer<typeof clustersFile>;

/** Decides every pool image anew: accept, keep, flip, revoke. */
export const relabelInput = z.strictObject({
  dataset: ref,
  pool: ref,
  cutoff: ref,
  clusters: ref,
  previous: ref.nullable(),
  model: ref,
  /** By fold, where the labels are cross-fitted. */
  foldModels: z.array(ref).optional(),
  /** Tells the foldings of runs apart; with `foldModels`. */
  seed: z.int().optional(),
  /**
   * What else an adapting run asks of a label. `people`: a person gave it; `clusters`: it is the cluster's, whatever the model says; `agreement`: model and
   * cluster agree. Absent: the model's, under the cut-off.
   */
  by: z.enum(['people', 'clusters', 'agreement']).optional(),
  tenure: labelTenure,
  round: z.int(),
  salt: z.string(),
});
export type RelabelInput = z.infer<typeof relabelInput>;
export const relabelOutput = z.strictObject({ labels: ref, counts: labelCounts });
export type RelabelOutput = z.infer<typeof relabelOutput>;

/** One round, as it is kept in the run's history file. */
export const roundRecord = z.strictObject({
  round: z.int().positive(),
  model: ref,
  labels: ref,
  cutoff: ref,
  clusters: ref,
  pool: ref,
  counts: labelCounts,
  estimate,
  loss: z.number(),
  /** Further members of an ensemble; `model` is the first. */
  members: z.array(ref).default([]),
  /** Why the student's training ended before its last step. */
  stopped: z.enum(['converged', 'validation']).nullable().default(null),
  /** What the last round of a run with `crossFit` came to; null in all other rounds. */
  conditional: conditional.nullable().default(null),
  /** What the clusters came to; null in records of before. */
  clustering: clusterCounts.nullable().default(null),
  /** Whether labelled images and pool are of one law; null in records of before, and without calibration images. */
  shift: shiftSummary.nullable().default(null),
  /** The pictures to it: `shift/1`. */
  shiftFile: ref.nullable().default(null),
  /**
   * An adapting run's comparisons (`shift/1`) with the images that its model comes from, before anything was trained and in the
   * last round; null in all other rounds.
   */
  moved: z.strictObject({ before: ref.nullable(), after: ref.nullable() }).nullable().default(null),
  /** Posteriors of the labelled split; null in records of before. */
  labelled: ref.nullable().default(null),
  /** Posteriors of the labelled images of the run that `adapt` names, by this round's model; null in all but the last round of such a run. */
  sourceLabelled: ref.nullable().default(null),
  /** Expected calibration error of the mean softmax before and after scaling; null in records of before, and where the cut-off is another run's. */
  calibrationError: calibrationError.nullable().default(null),
  /** Mean passes a pool image. */
  passes: z.number().nullable().default(null),
  testAccuracy: z.number().nullable(),
  /** Null without calibration images. */
  calibrationAccuracy: z.number().nullable(),
  /** Seconds of work, by stage; 0 where the stage came from the store. */
  seconds: z.record(z.string(), z.number()),
  /** Stages whose result was in the store already. */
  fromStore: z.array(z.string()),
});
export type RoundRecord = z.infer<typeof roundRecord>;

/** The file behind a `history/1` reference: all rounds so far. */
export const historyFile = z.strictObject({ format: z.literal('labelloop.history/1'), rounds: z.array(roundRecord) });
export type HistoryFile = z.infer<typeof historyFile>;

/** Measures the round on test and calibration images and adds it to the history. */
export const evaluateInput = z.strictObject({
  dataset: ref,
  split: ref,
  labelled: ref,
  test: ref.nullable(),
  history: ref.nullable(),
  record: roundRecord.omit({ testAccuracy: true, calibrationAccuracy: true }),
  /** How the run looks at images; absent in runs that a release before began. */
  sampling: sampling.optional(),
  /** What an adapting run's students hear beside the dataset's labels. */
  source: heard.optional(),
});
export type EvaluateInput = z.infer<typeof evaluateInput>;
export const evaluateOutput = z.strictObject({ history: ref, testAccuracy: z.number().nullable() });
export type EvaluateOutput = z.infer<typeof evaluateOutput>;

/** A share with its exact 95 % interval (Clopper-Pearson). */
export const interval = z.strictObject({ lower: z.number(), upper: z.number() });
export type Interval = z.infer<typeof interval>;

/** One round against the pool's true labels. */
export const truthRecord = z.strictObject({
  coverage: z.number().describe('labelled share of the pool'),
  labelError: z.number().nullable().describe('wrong share of the labels in force; null without labels'),
  labelErrorInterval: interval.nullable(),
  kappa: z.number().nullable().describe("Cohen's kappa of the labels in force with the truth"),
  testAccuracy: z.number().nullable(),
  aurc: z.number().nullable().default(null).describe('area under the risk-coverage curve of predictive entropy'),
  coverageAt: z
    .array(z.strictObject({ error: z.number(), coverage: z.number() }))
    .default([])
    .describe('coverage that the best cut-off would have at a label error'),
});
export type TruthRecord = z.infer<typeof truthRecord>;

/** The closing comparison: the only reader of the hidden labels. */
export const compareInput = z.strictObject({ dataset: ref, history: ref, salt: z.string() });
export type CompareInput = z.infer<typeof compareInput>;
export const comparisonFile = z.strictObject({
  format: z.literal('labelloop.comparison/1'),
  rounds: z.array(truthRecord),
  /** confusion[truth][label] of the last round's labels in force. */
  confusion: z.array(z.array(z.int())),
});
export type ComparisonFile = z.infer<typeof comparisonFile>;
export const compareOutput = z.strictObject({ comparison: ref, last: truthRecord });
export type CompareOutput = z.infer<typeof compareOutput>;

/** What every stage's activity returns: its output and where it came from. */
export interface StageResult<Output> {
  output: Output;
  /** The stage's address in the store. */
  key: string;
  /** The result was in the store already. */
  cached: boolean;
  /** Seconds of work of the attempt that made the result; 0 where it was cached. */
  seconds: number;
}
