import { sizeOf, volume } from './network.js';
import type { Recipe } from '../contracts/learner.js';
import type { Backend, Tensor, Tensor1D } from './backend.js';
import type { Network } from './network.js';

/** An optimiser works on all parameters as one vector: a dozen ops in all instead of a dozen a parameter. */
export interface Optimiser {
  /** Names of the vectors that it keeps, each [parameters], 0 at first. */
  slots: readonly string[];
  /** Numbers that differ from step to step: what `update` gets as scalars. */
  numbers: readonly string[];
  /** Those numbers at a learning rate and a step, counted from 0. */
  at(rate: number, step: number): Record<string, number>;
  /**
   * @param decayed 1 where a weight decays, 0 elsewhere, [parameters]
   * @returns the new weights and slots
   */
  update(
    backend: Backend,
    given: { weights: Tensor1D; gradient: Tensor1D; decayed: Tensor1D; slots: Record<string, Tensor> },
    numbers: Record<string, Tensor>,
  ): { weights: Tensor1D; slots: Record<string, Tensor1D> };
}

export const optimiserOf = (recipe: Pick<Recipe, 'optimiser' | 'weightDecay'>): Optimiser =>
  recipe.optimiser === 'adamw' ? adamW(recipe.weightDecay) : nesterov(recipe.weightDecay);

const BETA1 = 0.9;
/** Shorter than the usual .999: trainings of about a thousand steps end before that has warmed up. */
const BETA2 = 0.99;
const EPSILON = 1e-8;

/**
 * AdamW. Its moments are kept divided by 1 - beta, which saves two passes over the parameters; rate and epsilon make up
 * for it, so that the step is the published one. Kernels decay, biases do not.
 *
 * Source: Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2.
 */
function adamW(weightDecay: number): Optimiser {
  return {
    slots: ['adam.first', 'adam.second'],
    numbers: ['rate', 'epsilon', 'decay'],
    at(rate, step) {
      const first = (1 - BETA1) / (1 - BETA1 ** (step + 1));
      const root = Math.sqrt((1 - BETA2) / (1 - BETA2 ** (step + 1)));
      return { rate: (rate * first) / root, epsilon: EPSILON / root, decay: rate * weightDecay };
    },
    update({ tf }, { weights, gradient, decayed, slots }, { rate, epsilon, decay }) {
      const first: Tensor1D = tf.add(tf.mul(slots['adam.first'] as Tensor, BETA1), gradient);
      const second: Tensor1D = tf.add(tf.mul(slots['adam.second'] as Tensor, BETA2), tf.square(gradient));
      const move = tf.div(tf.mul(first, rate as Tensor), tf.add(tf.sqrt(second), epsilon as Tensor));
      const shrunk = tf.mul(weights, tf.sub(1, tf.mul(decayed, decay as Tensor)));
      return { weights: tf.sub(shrunk, move), slots: { 'adam.first': first, 'adam.second': second } };
    },
  };
}

const MOMENTUM = 0.9;

/**
 * Stochastic gradient descent with Nesterov's momentum and L2: v' = .9 v - rate g, w' = w + .9 v' - rate g, where g holds
 * weightDecay * w of the kernels.
 *
 * Source: Sutskever et al. 2013, in the form of Keras, with which arXiv 1812.01681 was trained.
 */
function nesterov(weightDecay: number): Optimiser {
  return {
    slots: ['sgd.velocity'],
    numbers: ['rate'],
    at: (rate) => ({ rate }),
    update({ tf }, { weights, gradient, decayed, slots }, { rate }) {
      const regular = tf.add(gradient, tf.mul(weights, tf.mul(decayed, weightDecay)));
      const descent = tf.mul(regular, rate as Tensor);
      const velocity: Tensor1D = tf.sub(tf.mul(slots['sgd.velocity'] as Tensor, MOMENTUM), descent);
      return {
        weights: tf.sub(tf.add(weights, tf.mul(velocity, MOMENTUM)), descent),
        slots: { 'sgd.velocity': velocity },
      };
    },
  };
}

/** Share of the steps in which the learning rate rises: Adam's second moment is a guess at first. */
const WARM_UP = 0.05;
/** Share of the steps that a training still takes when it has converged. */
const ANNEALING = 0.1;

/** When a training that has converged began to end. */
export interface Annealing {
  step: number;
  rate: number;
}

/** The step before which a training that starts annealing at `step` ends. */
export const annealedBy = (steps: number, step: number): number =>
  Math.min(steps, step + Math.max(1, Math.round(steps * ANNEALING)));

/**
 * Learning rate of a step. `cosine`: linear warm-up to the peak, then half a cosine down to 0 (Loshchilov and Hutter
 * 2017); `steps`: a tenth from half, a hundredth from three quarters of the steps on. Annealing: linear from its rate to 0.
 */
export function learningRate(
  { learningRate: peak, steps, schedule }: Pick<Recipe, 'learningRate' | 'steps' | 'schedule'>,
  step: number,
  annealing: Annealing | null = null,
): number {
  if (annealing) {
    const length = annealedBy(steps, annealing.step) - annealing.step;
    return annealing.rate * (1 - (step - annealing.step) / length);
  }
  if (schedule === 'steps') return peak * 10 ** -(Number(step >= steps / 2) + Number(step >= (3 * steps) / 4));
  const warmUp = Math.max(1, Math.round(steps * WARM_UP));
  if (step < warmUp) return (peak * (step + 1)) / warmUp;
  return (peak / 2) * (1 + Math.cos((Math.PI * (step - warmUp)) / Math.max(1, steps - warmUp)));
}

/** 1 for the weights that decay (kernels), 0 for the others, [parameters]. */
export function decayMask(network: Network): Float32Array {
  const mask = new Float32Array(sizeOf(network));
  let offset = 0;
  for (const { shape, fanIn } of network.parameters) {
    const size = volume(shape);
    if (fanIn > 0) mask.fill(1, offset, offset + size);
    offset += size;
  }
  return mask;
}
