import { z } from 'zod';
import { imageShape } from './dataset.js';
import { presetName } from './settings.js';

/** Two 32-bit words; every random number of a task follows from them and a counter. */
export const seedPair = z.tuple([z.int().min(0).max(0xffffffff), z.int().min(0).max(0xffffffff)]);
export type SeedPair = z.infer<typeof seedPair>;

/** What a network is made from; stored in the checkpoint's metadata. */
export const modelSpec = z.strictObject({ preset: presetName, image: imageShape, classes: z.int().min(2) });
export type ModelSpec = z.infer<typeof modelSpec>;

/** Training recipe; each preset has one, a run may override the steps. */
export const recipe = z.strictObject({
  steps: z.int().positive(),
  batch: z.int().positive(),
  /** Peak learning rate; warm-up and cosine decay to 0 over `steps`. */
  learningRate: z.number().positive(),
  weightDecay: z.number().nonnegative(),
  dropout: z.number().min(0).lt(1),
  /** Draws of the logits in the heteroscedastic loss. */
  draws: z.int().positive(),
  /** Share of each batch that comes from human labels, where there are pseudo-labels. */
  humanShare: z.number().gt(0).max(1),
  /**
   * Random distortions, each uniform up to its limit: `shift` as a share of the side, `rotation` in degrees, `scale` as a
   * share; `erase` is the probability that a rectangle is erased.
   */
  augment: z.strictObject({ shift: z.number(), rotation: z.number(), scale: z.number(), erase: z.number() }),
});
export type Recipe = z.infer<typeof recipe>;

/**
 * Trains fresh weights. All paths are files on the learner's disk.
 * - `shards`: pixel files (uint8, [count, height, width, channels]).
 * - `items`: safetensors with `shard`, `row`, `label` (int32), `weight` (float32), `human` (uint8: 1 = a person's label), all [n].
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
  resume: z.string().nullable(),
  output: z.string(),
  checkpoint: z.string(),
  /** Seconds between checkpoints: what a crash can cost. */
  checkpointSeconds: z.number().positive(),
});
export type TrainTask = z.infer<typeof trainTask>;

/**
 * Scores the images of one pixel file with `passes` stochastic forward passes. Writes `output`, safetensors, float32:
 * `p` [n, classes] mean softmax, `predictive_entropy`, `aleatoric` (mean entropy of a pass), `epistemic` (mutual
 * information), `log_variance` (mean of exp s, A1's aleatoric), `probability_std` (standard deviation over the passes of
 * the predicted class's probability), all [n]; `features` [n, width], penultimate, mean over the passes.
 */
export const sampleTask = z.strictObject({
  kind: z.literal('sample'),
  model: z.string(),
  pixels: z.string(),
  count: z.int().positive(),
  /** Position of the first image in its split: masks follow from the image's position, not from the shard's cut. */
  offset: z.int().nonnegative(),
  passes: z.int().min(1),
  seed: seedPair,
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
  parameters: z.int(),
  seconds: z.number(),
});
export type TrainResult = z.infer<typeof trainResult>;

export const sampleResult = z.strictObject({ count: z.int(), width: z.int(), seconds: z.number() });
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
