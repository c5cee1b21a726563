import path from 'node:path';
import { recipeOf } from '../src/learner/recipe.js';
import { CLASSES, IMAGE } from './data.js';
import type { SampleTask, TrainTask } from '../src/contracts/learner.js';

/*
 * The one place of the benches that knows what the learner's tasks look like.
 */

export const NETWORKS = ['compact'] as const;
export type Network = (typeof NETWORKS)[number];
export const isNetwork = (name: string): name is Network => (NETWORKS as readonly string[]).includes(name);

export const PASSES = 30;
/** No checkpoint within a measurement. */
const NEVER = 1e6;

export const trainTask = (
  network: Network,
  data: string,
  items: 'items-train' | 'items-round',
  steps?: number,
): TrainTask => {
  const recipe = recipeOf(network, IMAGE);
  return {
    kind: 'train',
    model: { preset: network, image: IMAGE, classes: CLASSES },
    recipe: { ...recipe, steps: steps ?? recipe.steps },
    seed: [1, 2],
    shards: [path.join(data, 'pixels')],
    items: path.join(data, items),
    resume: null,
    output: path.join(data, `model-${process.pid}`),
    checkpoint: path.join(data, `checkpoint-${process.pid}`),
    checkpointSeconds: NEVER,
  };
};

export const sampleTask = (model: string, pixels: string, count: number): SampleTask => ({
  kind: 'sample',
  model,
  pixels,
  count,
  offset: 0,
  passes: PASSES,
  seed: [3, 4],
  output: `${model}-posterior`,
});
