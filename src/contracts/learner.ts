import { z } from 'zod';
import { imageShape } from './dataset.js';
import { networkName, posteriorName, scoreName, studentName } from './settings.js';

/** Two 32-bit words; every random number of a task follows from them and a counter. */
export const seedPair = z.tuple([z.int().min(0).max(0xffffffff), z.int().min(0).max(0xffffffff)]);
export type SeedPair = z.infer<typeof seedPair>;

/** What a network is made from; stored in the checkpoint's metadata. */
export const modelSpec = z.strictObject({
  network: networkName,
  image: imageShape,
  classes: z.int().min(2),
  /** DenseNet's growth rate k; null for the other networks. */
  growth: z.int().positive().nullable(),
});
export type ModelSpec = z.infer<typeof modelSpec>;
export type { NetworkName } from './presets.js';

/**
 * Random distortions, each uniform up to its limit: `shift` as a share of the side, `rotation` in degrees, `scale` as a
 * share; `erase` and `flip` are the probabilities that a rectangle is erased and that left and right are swapped. Without
 * rotation and scale shifts go by whole pixels.
 */
const distortion = z.strictObject({
  shift: z.number(),
  rotation: z.number(),
  scale: z.number(),
  erase: z.number(),
  flip: z.number(),
});
export type DistortionLimits = z.infer<typeof distortion>;

/** Training recipe; each preset has one, a run may override the steps. */
export const recipe = z.strictObject({
  student: studentName,
  steps: z.int().positive(),
  /** Labelled (and pseudo-labelled) images a step. */
  batch: z.int().positive(),
  optimiser: z.enum(['adamw', 'sgd']),
  /** Peak learning rate. */
  learningRate: z.number().positive(),
  /** `cosine`: warm-up, then half a cosine down to 0; `steps`: a tenth at half and at three quarters of the steps. */
  schedule: z.enum(['cosine', 'steps']),
  /** Decoupled with adamw, L2 on the loss's gradient with sgd; kernels alone. */
  weightDecay: z.number().nonnegative(),
  dropout: z.number().min(0).lt(1),
  /** Draws of the logits in the heteroscedastic loss. */
  draws: z.int().positive(),
  /** Share of each batch that comes from human labels, where there are pseudo-labels; null: all alike, as they come. */
  humanShare: z.number().gt(0).max(1).nullable(),
  /** a in the normalised loss 1 / (1 + a) (L_h + a (avg L_h / avg L_p) L_p); Zoph et al. 2020. Null: one mean over all. */
  pseudoWeight: z.number().positive().nullable(),
  /** Classes weigh max count / own count. */
  classWeights: z.boolean(),
  /** Weight lambda of the pull of features to their centroids (learning/pull.ts); absent: none. With `anchors` alone. */
  pull: z.number().positive().optional(),
  /** Distortion of training images (and of the weak view); null: images as they are. */
  weak: distortion.nullable(),
  /** RandAugment for the strong view or, without one, for all images: operations an image, and their magnitude, 0 to 1. */
  strong: z.strictObject({ operations: z.int().nonnegative(), magnitude: z.number().min(0).max(1) }).nullable(),
  /** Consistency of weak and strong views of pool images: FixMatch; null for other students. */
  consistency: z
    .strictObject({
      /** Pool images a labelled one of the batch: mu. */
      ratio: z.int().positive(),
      /** Weak view's probability above which its class teaches the strong view: tau. */
      threshold: z.number(),
      thresholds: z.enum(['fixed', 'flexmatch', 'freematch']),
      /** Weight of the unlabelled loss: lambda_u. */
      weight: z.number().positive(),
      /** Weak views' probabilities are brought to a uniform share of the classes (distribution alignment); absent: as they are. */
      aligned: z.literal(true).optional(),
    })
    .nullable(),
  /** Decay of the weights' moving average, which is what the model keeps; 0: the last weights. */
  averaging: z.number().min(0).lt(1),
  /** Steps between two looks at the validation images, where there are any; the best checkpoint is kept. */
  validateEvery: z.int().positive(),
  /** Looks without a better one, or windows of the loss without a lower one, that end a training early; 0: never. */
  patience: z.int().nonnegative(),
  precision: z.enum(['float32', 'bfloat16']),
});
export type Recipe = z.infer<typeof recipe>;

/**
 * Trains fresh weights, or those of `initial` on. All paths are files on the learner's disk.
 * - `shards`: pixel files (uint8, [count, height, width, channels]).
 * - `items`: safetensors with `shard`, `row`, `label` (int32), `weight` (float32), `human` (uint8: 1 = a person's label), all [n];
 *   with `anchors` also `anchor` (int32, [n]): the centroid that an item's features are pulled to, -1 for none.
 * - `validation`: such a file of the images that choose the best checkpoint, or null.
 * - `unlabelled`: pixel files of pool images that a consistency student learns from; [] for other students.
 * - `initial`: a model whose weights and moving statistics the training starts from. It takes the same images through the
 *   same network; its classes are the task's first ones, and what more there are start fresh. Null: all starts fresh.
 * - `anchors`: safetensors with `anchors` (float32, [k, width]), L2-normalised centroids; null without a pull.
 * - `resume`: a checkpoint that this same task wrote before, or null.
 * - `output`: where the model goes; `checkpoint`: the prefix of the checkpoints, `<checkpoint>.<step>`, of which the two
 *   newest stay. All are written to a temporary name, then renamed.
 */
export const trainTask = z.strictObject({
  kind: z.literal('train'),
  model: modelSpec,
  recipe,
  seed: seedPair,
  shards: z.array(z.string()),
  items: z.string(),
  validation: z.string().nullable(),
  unlabelled: z.array(z.string()),
  initial: z.string().nullable().default(null),
  anchors: z.string().nullable().default(null),
  resume: z.string().nullable(),
  output: z.string(),
  checkpoint: z.string(),
  /** Seconds between checkpoints: what a crash can cost. */
  checkpointSeconds: z.number().positive(),
});
export type TrainTask = z.infer<typeof trainTask>;

/** When an image has had enough passes: its decision against the cut-off is settled. */
export const sequentialRule = z.strictObject({
  score: scoreName,
  /** Cut-offs by predicted class; accept at or below. */
  cutoffs: z.array(z.number()),
  /** Passes that every image gets, and the most that one gets. */
  least: z.int().positive(),
  most: z.int().positive(),
  /** Standard errors between score and cut-off that settle a decision after `least` passes; falls to 0 at `most`. */
  settled: z.number().positive(),
});
export type SequentialRule = z.infer<typeof sequentialRule>;

/** docs/benchmarks.md has the curve: agreement with a 1,000-pass reference as of 30 fixed passes, at a third of them. */
export const SEQUENTIAL_PASSES = { least: 5, most: 120, settled: 2 } as const;

/**
 * Scores the images of one pixel file with `passes` stochastic forward passes of each model. Writes `output`, safetensors,
 * float32: `p` [n, classes] mean softmax; `predictive_entropy`, `aleatoric` (mean entropy of a pass), `epistemic` (mutual
 * information), `log_variance` (mean of exp s, A1's aleatoric), `probability_std` (standard deviation over the passes of
 * the predicted class's probability), `variation_ratio` (share of passes that predict another class than the most
 * frequent one), `kwon_aleatoric`, `kwon_epistemic` (traces, Kwon et al. 2018), `passes` (how many it took), all [n];
 * `features` [n, width], penultimate, mean over the passes, of the first model.
 */
export const sampleTask = z.strictObject({
  kind: z.literal('sample'),
  /** One model, or the members of an ensemble. */
  models: z.array(z.string()).min(1),
  posterior: posteriorName,
  pixels: z.string(),
  count: z.int().positive(),
  /** Position of the first image in its split: masks follow from the image's position, not from the shard's cut. */
  offset: z.int().nonnegative(),
  /** Of one model, under mc-dropout; 1 otherwise. */
  passes: z.int().min(1),
  /** Null: all images get all `passes`. */
  sequential: sequentialRule.nullable(),
  seed: seedPair,
  precision: z.enum(['float32', 'bfloat16']),
  output: z.string(),
});
export type SampleTask = z.infer<typeof sampleTask>;

export const learnerTask = z.discriminatedUnion('kind', [trainTask, sampleTask]);
export type LearnerTask = z.infer<typeof learnerTask>;

/** What a learner runs on. */
export const deviceInfo = z.strictObject({
  backend: z.string(),
  device: z.enum(['cpu', 'gpu']),
  name: z.string(),
  libtensorflow: z.string(),
  threads: z.int().positive(),
  cuda: z.string().nullable(),
});
export type DeviceInfo = z.infer<typeof deviceInfo>;

/** Progress of a task; `done` and `total` are steps (train) or images (sample). */
export const taskProgress = z.strictObject({
  done: z.int().nonnegative(),
  total: z.int().positive(),
  imagesPerSecond: z.number().nonnegative(),
  loss: z.number().nullable(),
});
export type TaskProgress = z.infer<typeof taskProgress>;

export const trainResult = z.strictObject({
  steps: z.int(),
  resumedAt: z.int().describe('step the task went on from; 0 = from the start'),
  loss: z.number().describe('mean loss of the last 50 steps'),
  stopped: z.enum(['converged', 'validation']).nullable().describe('why it ended before its last step'),
  validationAccuracy: z.number().nullable().describe('of the kept checkpoint'),
  parameters: z.int(),
  seconds: z.number(),
});
export type TrainResult = z.infer<typeof trainResult>;

export const sampleResult = z.strictObject({ count: z.int(), width: z.int(), passes: z.int(), seconds: z.number() });
export type SampleResult = z.infer<typeof sampleResult>;

/** Parent to learner. */
export const learnerRequest = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('run'), id: z.int(), task: learnerTask }),
  /** Stop the task; a training task writes a checkpoint first. */
  z.strictObject({ type: z.literal('stop'), id: z.int() }),
]);
export type LearnerRequest = z.infer<typeof learnerRequest>;

/** Learner to parent. */
export const learnerMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready'), device: deviceInfo }),
  z.strictObject({ type: z.literal('progress'), id: z.int(), progress: taskProgress }),
  z.strictObject({ type: z.literal('checkpoint'), id: z.int(), step: z.int(), path: z.string() }),
  z.strictObject({ type: z.literal('done'), id: z.int(), result: z.union([trainResult, sampleResult]) }),
  z.strictObject({ type: z.literal('stopped'), id: z.int() }),
  z.strictObject({ type: z.literal('failed'), id: z.int(), code: z.string(), message: z.string() }),
]);
export type LearnerMessage = z.infer<typeof learnerMessage>;

/** How a task reports while it works. */
export interface TaskListener {
  onProgress?(progress: TaskProgress): void;
  /**
   * A checkpoint file is complete on disk. It stays until two newer ones are written, so read it at once; in process the
   * next is not written before the returned promise settles. A rejection fails the task.
   */
  onCheckpoint?(checkpoint: { step: number; path: string }): Promise<void>;
  /** Abort to stop: a training task writes a last checkpoint (reported as usual) before it rejects with `CANCELLED`. */
  signal?: AbortSignal;
}

/** A device that trains and samples: in a child process, or in this one for tests. */
export interface Learner {
  device(): Promise<DeviceInfo>;
  train(task: TrainTask, listener?: TaskListener): Promise<TrainResult>;
  sample(task: SampleTask, listener?: TaskListener): Promise<SampleResult>;
  close(): Promise<void>;
}
