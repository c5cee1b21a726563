import { deriveSeed, RandomStream } from '../contracts/random.js';
import type { ModelSpec, SeedPair } from '../contracts/learner.js';
import type { Backend, Tensor, Tensor1D, Tensor2D, Tensor4D } from './backend.js';

/** A trained tensor of a network. */
export interface ParameterSpec {
  name: string;
  shape: number[];
  /** Inputs of one output unit, for He's initialisation; 0: the parameter starts at `start`. */
  fanIn: number;
  /** Gain of the initialisation: 2 before a rectifier (He et al. 2015), less where the outputs should start small. */
  gain: number;
  /** Where a parameter without a fan-in starts; by default 0. */
  start?: number;
  /** Of a kernel: the output positions of a picture at which it is applied. */
  places?: number;
}

/** A batch normalisation's moving mean and variance, each [width]; they start at 0 and 1. */
export interface StatisticSpec {
  name: string;
  width: number;
}

/** What a network gives for n rows. */
export interface Output {
  /** Penultimate layer, [n, featureWidth]: what is clustered. */
  features: Tensor2D;
  /** [n, classes] */
  logits: Tensor2D;
  /** s, log of the logits' variance, [n] */
  logVariance: Tensor1D;
}

/**
 * One way through a network. All that changes from step to step comes in as tensors, so that a pass can be traced into a
 * graph (graph.ts).
 */
export interface Pass {
  backend: Backend;
  /** In the order of `Network.parameters`. */
  weights: readonly Tensor[];
  /** In the order of `Network.statistics`: mean and variance of each in turn. */
  statistics: readonly Tensor1D[];
  /** Which mean and variance batch normalisation takes: this batch's (training), or the moving ones. */
  normalisation: 'batch' | 'moving';
  /**
   * Dropout number `layer`'s mask, 0 where dropped and 1 / (1 - rate) where kept; null where nothing is dropped. A shape
   * with a 1 shares what it draws along that axis.
   */
  mask(shape: number[], layer: number): Tensor | null;
  /**
   * Told by batch normalisation number `index` what it saw: this batch's mean and (unbiased) variance, [width]. They go
   * with the scope that the pass runs in, as in tf.valueAndGrads: keep what is needed after it.
   */
  observe?(index: number, mean: Tensor1D, variance: Tensor1D): void;
}

/** A network: a list of parameters and pure functions. */
export interface Network {
  spec: ModelSpec;
  parameters: readonly ParameterSpec[];
  /** Empty without batch normalisation. */
  statistics: readonly StatisticSpec[];
  featureWidth: number;
  /** Dropout layers, numbered from 0. */
  dropouts: number;
  /** All before the first dropout: it runs once an image, however many passes are sampled. [n, ...] -> [n, ...] */
  trunk(pass: Pass, x: Tensor4D): Tensor;
  /** The rest, of which passes differ. Rows are independent but for `normalisation: 'batch'`. */
  head(pass: Pass, trunk: Tensor): Output;
  /**
   * `passes` passes of each image at once, with `normalisation: 'moving'`, where that is cheaper than `head` on repeated
   * rows. Rows of the output are image-major: row image * passes + pass.
   */
  heads?(pass: Pass, trunk: Tensor, passes: number): Output;
}

export const volume = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Number of trained weights. */
export const sizeOf = ({ parameters }: Pick<Network, 'parameters'>): number =>
  parameters.reduce((sum, { shape }) => sum + volume(shape), 0);

/**
 * Multiply-accumulates of one forward pass of one image: those of convolutions and dense layers, as is usual, and as
 * published, where a network reaches the same with less.
 */
export const macs = ({ parameters }: Pick<Network, 'parameters'>): number =>
  parameters.reduce((sum, { shape, places = 0 }) => sum + volume(shape) * places, 0);

/** Fresh weights, one after the other in the parameters' order: normal with variance gain / fan-in. */
export function initialWeights(network: Network, seed: Readonly<SeedPair>): Float32Array {
  const weights = new Float32Array(sizeOf(network));
  let offset = 0;
  network.parameters.forEach(({ shape, fanIn, gain, start = 0 }, index) => {
    const size = volume(shape);
    if (fanIn > 0) {
      const random = new RandomStream(deriveSeed(seed, 'initialise', index));
      const deviation = Math.sqrt(gain / fanIn);
      for (let i = 0; i < size; i++) weights[offset + i] = deviation * random.normal();
    } else {
      weights.fill(start, offset, offset + size);
    }
    offset += size;
  });
  return weights;
}

/** Fresh moving statistics, one vector: mean 0 and variance 1 of each batch normalisation in turn. */
export function initialStatistics({ statistics }: Network): Float32Array {
  return Float32Array.from(
    statistics.flatMap(({ width }) => [...new Array<number>(width).fill(0), ...new Array<number>(width).fill(1)]),
  );
}

/** The parameters' tensors out of the one vector that the optimiser works on. */
export function splitWeights({ tf }: Backend, { parameters }: Network, weights: Tensor1D): Tensor[] {
  const parts = tf.split(
    weights,
    parameters.map(({ shape }) => volume(shape)),
  );
  return parameters.map(({ shape }, i) => (parts[i] as Tensor).reshape(shape));
}

/** Mean and variance of each batch normalisation in turn, out of the one vector; [] where there are none. */
export function splitStatistics({ tf }: Backend, { statistics }: Network, vector: Tensor1D | null): Tensor1D[] {
  if (vector === null || statistics.length === 0) return [];
  return tf.split(
    vector,
    statistics.flatMap(({ width }) => [width, width]),
  );
}
