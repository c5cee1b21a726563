import { sizeOf } from './model.js';
import type { Recipe } from '../contracts/learner.js';
import type { Backend, Scalar, Tensor1D } from './backend.js';
import type { Model } from './model.js';

const BETA1 = 0.9;
const BETA2 = 0.99;
const EPSILON = 1e-8;
/** Share of the steps in which the learning rate rises: Adam's second moment is a guess at first. */
const WARM_UP = 0.05;

/** Learning rate of a step: linear warm-up to the peak, then half a cosine down to 0 (Loshchilov and Hutter 2017). */
export function learningRate(
  { learningRate: peak, steps }: Pick<Recipe, 'learningRate' | 'steps'>,
  step: number,
): number {
  const warmUp = Math.max(1, Math.round(steps * WARM_UP));
  if (step < warmUp) return (peak * (step + 1)) / warmUp;
  return (peak / 2) * (1 + Math.cos((Math.PI * (step - warmUp)) / Math.max(1, steps - warmUp)));
}

/** What the optimiser carries from step to step; each [parameters]. */
export type OptimiserState = {
  weights: Tensor1D;
  first: Tensor1D;
  second: Tensor1D;
};

/** What differs from step to step, as numbers or, in a compiled step, as scalars that are fed. */
export interface StepSize<T = number | Scalar> {
  /** Learning rate over the first moment's correction for its start at 0. */
  move: T;
  /** One over the second moment's correction. */
  second: T;
  /** Learning rate times weight decay. */
  decay: T;
}

export function stepSize(
  recipe: Pick<Recipe, 'learningRate' | 'steps' | 'weightDecay'>,
  step: number,
): StepSize<number> {
  const rate = learningRate(recipe, step);
  return {
    move: rate / (1 - BETA1 ** (step + 1)),
    second: 1 / (1 - BETA2 ** (step + 1)),
    decay: rate * recipe.weightDecay,
  };
}

/**
 * One step of AdamW on all parameters as one vector: a dozen ops in all instead of a dozen a parameter. Kernels decay,
 * biases do not. Adam over SGD since its learning rate carries over between image sizes and label counts.
 *
 * @returns the new state; the caller disposes the old one
 * Source: Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2.
 */
export function adamW(
  { tf }: Backend,
  state: OptimiserState,
  gradient: Tensor1D,
  decayed: Tensor1D,
  size: StepSize,
): OptimiserState {
  return tf.tidy(() => {
    const first: Tensor1D = tf.add(tf.mul(state.first, BETA1), tf.mul(gradient, 1 - BETA1));
    const second: Tensor1D = tf.add(tf.mul(state.second, BETA2), tf.mul(tf.square(gradient), 1 - BETA2));
    const move = tf.div(tf.mul(first, size.move), tf.add(tf.sqrt(tf.mul(second, size.second)), EPSILON));
    const decay = tf.mul(tf.mul(state.weights, decayed), size.decay);
    const weights: Tensor1D = tf.sub(tf.sub(state.weights, move), decay);
    return { weights, first, second };
  });
}

/** 1 for the weights that decay (kernels), 0 for the others, [parameters]. */
export function decayMask(model: Model): Float32Array {
  const mask = new Float32Array(sizeOf(model));
  let offset = 0;
  for (const { shape, fanIn } of model.parameters) {
    const size = shape.reduce((a, b) => a * b, 1);
    if (fanIn > 0) mask.fill(1, offset, offset + size);
    offset += size;
  }
  return mask;
}
