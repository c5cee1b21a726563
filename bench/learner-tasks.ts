import path from 'node:path';
import { recipeOf, specOf } from '../src/learner/recipe.js';
import { CLASSES, IMAGE } from './data.js';
import type { SampleTask, TrainTask } from '../src/contracts/learner.js';

/*
 * The one place of the benches that knows what the learner's tasks look like.
 */

export const NETWORKS = ['compact', 'densenet'] as const;
export type Network = (typeof NETWORKS)[number];
export const isNetwork = (name: string): name is Network => (NETWORKS as readonly string[]).includes(name);

export const PASSES = 30;
/** No checkpoint within a measurement. */
const NEVER = 1e6;

/** Training images of the two tasks: what an epoch is, for recipes that count in epochs. */
const ITEMS = 500;

export const trainTask = (
  network: Network,
  data: string,
  items: 'items-train' | 'items-round',
  steps?: number,
  precision: TrainTask['recipe']['precision'] = 'float32',
): TrainTask => {
  const recipe = recipeOf({
    ...{ network, image: IMAGE, precision, items: ITEMS, pool: 0, round: network === 'densenet' ? 2 : 1 },
    student: network === 'densenet' ? 'supervised' : 'augmented',
  });
  return {
    kind: 'train',
    // Growth 12 at the batch of the later rounds: what the peers train.
    model: specOf(network, IMAGE, CLASSES, 1),
    recipe: { ...recipe, steps: steps ?? recipe.steps },
    seed: [1, 2],
    shards: [path.join(data, 'pixels')],
    items: path.join(data, items),
    validation: null,
    unlabelled: [],
    initial: null,
    anchors: null,
    resume: null,
    output: path.join(data, `model-${process.pid}`),
    checkpoint: path.join(data, `checkpoint-${process.pid}`),
    checkpointSeconds: NEVER,
  };
};

export const sampleTask = (
  model: string,
  pixels: string,
  count: number,
  precision: SampleTask['precision'] = 'float32',
  sequential: SampleTask['sequential'] = null,
): SampleTask => ({
  kind: 'sample',
  models: [model],
  posterior: 'mc-dropout',
  pixels,
  count,
  offset: 0,
  passes: PASSES,
  sequential,
  precision,
  seed: [3, 4],
  output: `${model}-posterior`,
});
