import { deriveSeed, RandomStream } from '../contracts/random.js';
import { convRelu, dense } from './layers.js';
import type { ImageShape } from '../contracts/dataset.js';
import type { ModelSpec, SeedPair } from '../contracts/learner.js';
import type { Backend, Tensor, Tensor1D, Tensor2D, Tensor4D } from './backend.js';

/** Width of the penultimate layer: the features that are clustered. */
export const FEATURE_WIDTH = 128;
/** Halving stops at this side: what is left is small enough for a dense layer, and still says where things are. */
const LAST_SIDE = 7;
/** Channels of the convolutions, one a halving; the last is repeated for larger images. */
const CHANNELS = [32, 64, 96, 128];

export interface ParameterSpec {
  name: string;
  shape: number[];
  /** Inputs of one output unit, for He's initialisation; 0 starts the parameter at 0. */
  fanIn: number;
  /** Gain of the initialisation: 2 before a rectifier (He et al. 2015), less where the outputs should start small. */
  gain: number;
}

interface Convolution {
  name: string;
  stride: number;
  pool: boolean;
}

/**
 * The network of a preset, as a list of parameters and two functions.
 *
 * `compact`, a small Bayesian CNN: a strided 5x5 convolution, then 3x3 convolutions with 2x2 max pooling until the
 * picture is at most 7x7, a dense layer of 128, and two heads: logits, and one log-variance s an image. Dropout stands
 * before the dense layers alone, so that the convolutions, nearly all of the work, run once an image however many
 * passes are sampled.
 */
export interface Model {
  spec: ModelSpec;
  parameters: ParameterSpec[];
  /** Width of what the trunk returns. */
  width: number;
  /** Convolutions; deterministic. [n, height, width, channels] -> [n, width] */
  trunk(backend: Backend, weights: readonly Tensor[], x: Tensor4D): Tensor2D;
  /**
   * Dense layers, with dropout as the caller wants it before each.
   * `drop(x, layer)`: layer 0 is the trunk's output, layer 1 the features.
   */
  head(
    backend: Backend,
    weights: readonly Tensor[],
    trunk: Tensor2D,
    drop: (x: Tensor2D, layer: number) => Tensor2D,
  ): { features: Tensor2D; logits: Tensor2D; logVariance: Tensor1D };
}

export function createModel(spec: ModelSpec): Model {
  const { convolutions, parameters, height, width, channels } = planTrunk(spec.image);
  const flat = height * width * channels;
  const trunkParameters = parameters.length;
  parameters.push(
    ...layerParameters('dense', [flat, FEATURE_WIDTH], 2),
    ...layerParameters('logits', [FEATURE_WIDTH, spec.classes], 0.1),
    ...layerParameters('log_variance', [FEATURE_WIDTH, 1], 0.1),
  );
  return {
    spec,
    parameters,
    width: flat,
    trunk(backend, weights, x) {
      let h = x;
      convolutions.forEach(({ stride, pool }, i) => {
        const [kernel, bias] = weights.slice(2 * i, 2 * i + 2) as [Tensor4D, Tensor1D];
        h = convRelu(backend, h, kernel, bias, stride, i === 0 ? 'constant' : 'differentiable');
        if (pool) h = backend.tf.maxPool(h, 2, 2, 'same');
      });
      return h.reshape([x.shape[0], flat]);
    },
    head(backend, weights, trunk, drop) {
      const [w1, b1, w2, b2, w3, b3] = weights.slice(trunkParameters) as [
        ...[Tensor2D, Tensor1D],
        ...[Tensor2D, Tensor1D],
        ...[Tensor2D, Tensor1D],
      ];
      const features = backend.tf.relu(dense(backend, drop(trunk, 0), w1, b1));
      const dropped = drop(features, 1);
      return {
        features,
        logits: dense(backend, dropped, w2, b2),
        logVariance: dense(backend, dropped, w3, b3).reshape([trunk.shape[0]]),
      };
    },
  };
}

const layerParameters = (name: string, shape: number[], gain: number): ParameterSpec[] => [
  { name: `${name}.kernel`, shape, fanIn: shape.slice(0, -1).reduce((a, b) => a * b, 1), gain },
  { name: `${name}.bias`, shape: [shape[shape.length - 1] as number], fanIn: 0, gain: 0 },
];

function planTrunk(image: ImageShape) {
  let { height, width } = image;
  let channels: number = image.channels;
  const convolutions: Convolution[] = [];
  const parameters: ParameterSpec[] = [];
  const add = (side: number, stride: number, pool: boolean): void => {
    const name = `conv${convolutions.length + 1}`;
    const out = CHANNELS[Math.min(convolutions.length, CHANNELS.length - 1)] as number;
    parameters.push(...layerParameters(name, [side, side, channels, out], 2));
    convolutions.push({ name, stride, pool });
    channels = out;
    const factor = stride * (pool ? 2 : 1);
    height = Math.ceil(height / factor);
    width = Math.ceil(width / factor);
  };
  // Below 16 pixels a stride would throw away what little there is.
  add(5, Math.max(height, width) > 2 * LAST_SIDE ? 2 : 1, false);
  do add(3, 1, Math.max(height, width) > LAST_SIDE);
  while (Math.max(height, width) > LAST_SIDE);
  return { convolutions, parameters, height, width, channels };
}

/** Number of weights. */
export const sizeOf = (model: Model): number =>
  model.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

/** Fresh weights, one after the other in the parameters' order: normal with variance gain / fan-in; biases 0. */
export function initialWeights(model: Model, seed: Readonly<SeedPair>): Float32Array {
  const weights = new Float32Array(sizeOf(model));
  let offset = 0;
  model.parameters.forEach(({ shape, fanIn, gain }, index) => {
    const size = shape.reduce((a, b) => a * b, 1);
    if (fanIn > 0) {
      const random = new RandomStream(deriveSeed(seed, 'initialise', index));
      const deviation = Math.sqrt(gain / fanIn);
      for (let i = 0; i < size; i++) weights[offset + i] = deviation * random.normal();
    }
    offset += size;
  });
  return weights;
}

/** The parameters' tensors out of the one vector that the optimiser works on. */
export function splitWeights({ tf }: Backend, model: Model, weights: Tensor1D): Tensor[] {
  return tf.tidy(() => {
    const sizes = model.parameters.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    const parts = tf.split(weights, sizes);
    return model.parameters.map(({ shape }, i) => (parts[i] as Tensor).reshape(shape));
  });
}
