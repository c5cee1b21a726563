import { drop } from '../dropout.js';
import { biasRelu, convRelu, dense } from '../layers.js';
import { volume } from '../network.js';
import type { ImageShape } from '../../contracts/dataset.js';
import type { ModelSpec } from '../../contracts/learner.js';
import type { Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '../backend.js';
import type { Network, Output, ParameterSpec, Pass } from '../network.js';

/** Width of the penultimate layer: the features that are clustered. */
const FEATURE_WIDTH = 128;
/** Halving stops at this side: what is left is small enough for a dense layer, and still says where things are. */
const LAST_SIDE = 7;
/** Channels of the convolutions, one a halving; the last is repeated for larger images. */
const CHANNELS = [32, 64, 96, 128];

interface Convolution {
  stride: number;
  pool: boolean;
}

/**
 * A small Bayesian CNN: a strided 5x5 convolution, then 3x3 convolutions with 2x2 max pooling until the picture is at
 * most 7x7, a dense layer of 128, and two heads: logits, and one log-variance s an image.
 *
 * Dropout stands before the dense layers alone, so that the convolutions run once an image however many passes are
 * sampled. The first drops whole channels (Tompson et al. 2015, arXiv 1411.4280): a pass is then a sum of the kept
 * channels' shares of the dense layer, which `heads` computes once an image.
 */
export function compact(spec: ModelSpec): Network {
  const { convolutions, parameters, places, channels } = plan(spec.image);
  const first = parameters.length;
  parameters.push(
    ...layerParameters('dense', [places * channels, FEATURE_WIDTH], 2),
    ...layerParameters('logits', [FEATURE_WIDTH, spec.classes], 0.1),
    ...layerParameters('log_variance', [FEATURE_WIDTH, 1], 0.1),
  );
  const ends = ({ backend, weights }: Pass, features: Tensor2D, dropped: Tensor2D): Output => {
    const [w2, b2, w3, b3] = weights.slice(first + 2) as [Tensor2D, Tensor1D, Tensor2D, Tensor1D];
    return {
      features,
      logits: dense(backend, dropped, w2, b2),
      logVariance: dense(backend, dropped, w3, b3).reshape([features.shape[0]]),
    };
  };
  return {
    spec,
    parameters,
    statistics: [],
    featureWidth: FEATURE_WIDTH,
    dropouts: 2,
    /** [n, height, width, channels] -> [n, places, channels] */
    trunk({ backend, weights }, x) {
      let h = x;
      convolutions.forEach(({ stride, pool }, i) => {
        const [kernel, bias] = weights.slice(2 * i, 2 * i + 2) as [Tensor4D, Tensor1D];
        h = convRelu(backend, h, kernel, bias, stride, i === 0 ? 'constant' : 'differentiable');
        if (pool) h = backend.tf.maxPool(h, 2, 2, 'same');
      });
      return h.reshape([x.shape[0], places, channels]);
    },
    head(pass, trunk) {
      const n = trunk.shape[0];
      const [w1, b1] = pass.weights.slice(first) as [Tensor2D, Tensor1D];
      const kept = drop(pass, trunk, 0, [n, 1, channels]).reshape<Tensor2D>([n, places * channels]);
      const features = biasRelu(pass.backend, pass.backend.tf.matMul<Tensor2D>(kept, w1), b1);
      return ends(pass, features, drop(pass, features, 1));
    },
    heads(pass, trunk, passes) {
      const { tf } = pass.backend;
      const n = trunk.shape[0];
      const [w1, b1] = pass.weights.slice(first) as [Tensor2D, Tensor1D];
      // [channels, n, places] x [channels, places, width]: what each channel alone adds to the dense layer.
      const shares: Tensor3D = tf.transpose(
        tf.matMul(
          tf.transpose(trunk, [2, 0, 1]),
          tf.transpose(w1.reshape([places, channels, FEATURE_WIDTH]), [1, 0, 2]),
        ),
        [1, 0, 2],
      );
      const kept = pass.mask([n, passes, channels], 0) ?? tf.ones([n, passes, channels]);
      const features = biasRelu(pass.backend, tf.matMul(kept, shares), b1).reshape<Tensor2D>([
        n * passes,
        FEATURE_WIDTH,
      ]);
      return ends(pass, features, drop(pass, features, 1));
    },
  };
}

const layerParameters = (name: string, shape: number[], gain: number, places = 1): ParameterSpec[] => [
  { name: `${name}.kernel`, shape, fanIn: volume(shape.slice(0, -1)), gain, places },
  { name: `${name}.bias`, shape: [shape[shape.length - 1] as number], fanIn: 0, gain: 0 },
];

function plan(image: ImageShape) {
  let { height, width } = image;
  let channels: number = image.channels;
  const convolutions: Convolution[] = [];
  const parameters: ParameterSpec[] = [];
  const add = (side: number, stride: number, pool: boolean): void => {
    const out = CHANNELS[Math.min(convolutions.length, CHANNELS.length - 1)] as number;
    [height, width] = [Math.ceil(height / stride), Math.ceil(width / stride)];
    const name = `conv${convolutions.length + 1}`;
    parameters.push(...layerParameters(name, [side, side, channels, out], 2, height * width));
    convolutions.push({ stride, pool });
    channels = out;
    if (pool) [height, width] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  };
  // Below 16 pixels a stride would throw away what little there is.
  add(5, Math.max(height, width) > 2 * LAST_SIDE ? 2 : 1, false);
  do add(3, 1, Math.max(height, width) > LAST_SIDE);
  while (Math.max(height, width) > LAST_SIDE);
  return { convolutions, parameters, places: height * width, channels };
}
