import type { ImageShape } from '../contracts/dataset.js';
import type { Recipe } from '../contracts/learner.js';
import type { PresetName } from '../contracts/settings.js';

/**
 * The training recipe of a preset, for a new dataset without tuning. It stands with the learner's client since the
 * activity host needs it and must not load `learning`. A stage's key names the preset alone: a change here raises the
 * version of `train`.
 */
export function recipeOf(preset: PresetName, image: ImageShape): Recipe {
  return { ...RECIPES[preset], batch: batchFor(image) };
}

const RECIPES = {
  compact: {
    steps: 1200,
    learningRate: 2e-3,
    weightDecay: 0.02,
    dropout: 0.5,
    draws: 20,
    humanShare: 0.25,
    augment: { shift: 0.07, rotation: 12, scale: 0.1, erase: 0.3 },
  },
} as const satisfies Record<PresetName, Omit<Recipe, 'batch'>>;

/** Images of up to 64 x 64 take the whole batch; larger ones take less, so that the activations fit into memory. */
function batchFor({ height, width }: ImageShape): number {
  return Math.max(16, Math.min(96, Math.floor((96 * 4 * 64 * 64) / (height * width))));
}
