import { batchNorm, foldNorm, normalise } from '../batch-norm.js';
import { biasRelu, conv2d, dense, relu } from '../layers.js';
import { volume } from '../network.js';
import type { Tensor1D, Tensor2D, Tensor4D } from '../backend.js';
import type { Moments } from '../batch-norm.js';
import type { InputKind } from '../layers.js';
import type { Output, ParameterSpec, Pass, StatisticSpec } from '../network.js';

/** A convolution without a bias. `scale`, [out], multiplies the kernel's output channels. */
export interface Convolution {
  (pass: Pass, x: Tensor4D, scale?: Tensor1D | null): Tensor4D;
  /** [side, side, in, out] */
  kernel(pass: Pass, scale?: Tensor1D | null): Tensor4D;
}

/** Batch normalisation and then a rectifier. */
export interface NormRelu {
  /** With `own`, the moments of x, where they are known already: norms of the same x share them. */
  (pass: Pass, x: Tensor4D, own?: Moments | null): Tensor4D;
  /**
   * The norm's scale, for the convolution before it to take into its kernel: `shifted` then does the rest. Null where the
   * batch's own statistics count, which are not known before the convolution. Dropout may stand between the two: scaling
   * a channel and masking its elements commute.
   */
  scale(pass: Pass): Tensor1D | null;
  /** The norm of x, where x was already multiplied by `scale`. */
  shifted(pass: Pass, x: Tensor4D): Tensor4D;
}

export interface ConvolutionSpec {
  /** Side of the kernel. */
  side: number;
  from: number;
  to: number;
  stride?: number;
  /** Output positions a picture, which its multiply-accumulates follow from. */
  places: number;
  input?: InputKind;
}

/** The list of a network's parameters as it grows: each method notes a layer's parameters and returns the layer. */
export class Plan {
  readonly parameters: ParameterSpec[] = [];
  readonly statistics: StatisticSpec[] = [];

  convolution(name: string, { side, from, to, stride = 1, places, input }: ConvolutionSpec): Convolution {
    const index = this.kernel(name, [side, side, from, to], 2, places);
    const kernel: Convolution['kernel'] = ({ backend, weights }, scale = null) => {
      const w = weights[index] as Tensor4D;
      return scale === null ? w : backend.tf.mul(w, scale);
    };
    const convolve = (pass: Pass, x: Tensor4D, scale: Tensor1D | null = null) =>
      conv2d(pass.backend, x, kernel(pass, scale), stride, input);
    return Object.assign(convolve, { kernel });
  }

  normRelu(name: string, width: number): NormRelu {
    const gamma = this.parameters.push({ name: `${name}.gamma`, shape: [width], fanIn: 0, gain: 0, start: 1 }) - 1;
    const beta = this.parameters.push({ name: `${name}.beta`, shape: [width], fanIn: 0, gain: 0 }) - 1;
    const index = this.statistics.push({ name, width }) - 1;
    const parameters = ({ weights }: Pass) => ({ gamma: weights[gamma] as Tensor1D, beta: weights[beta] as Tensor1D });
    const moving = ({ statistics }: Pass): Moments => {
      const [mean, variance] = statistics.slice(2 * index, 2 * index + 2) as [Tensor1D, Tensor1D];
      return { mean, variance };
    };
    const fold = (pass: Pass) => foldNorm(pass.backend, parameters(pass), moving(pass));
    const whole = (pass: Pass, x: Tensor4D, own: Moments | null = null): Tensor4D => {
      const { backend } = pass;
      if (pass.normalisation === 'moving') return relu(backend, normalise(backend, x, parameters(pass), moving(pass)));
      if (own !== null) {
        const rows = x.size / width;
        pass.observe?.(index, own.mean, backend.tf.mul(own.variance, rows / (rows - 1)));
        return relu(backend, normalise(backend, x, parameters(pass), own));
      }
      const { y, mean, variance } = batchNorm(backend, x, parameters(pass));
      pass.observe?.(index, mean, variance);
      return relu(backend, y);
    };
    return Object.assign(whole, {
      scale: (pass: Pass) => (pass.normalisation === 'moving' ? fold(pass).scale : null),
      shifted: (pass: Pass, x: Tensor4D) =>
        pass.normalisation === 'moving' ? biasRelu(pass.backend, x, fold(pass).shift) : whole(pass, x),
    });
  }

  /** The two ends of a network: [n, width] -> logits, and one log-variance a row. */
  ends(width: number, classes: number, gain: number): (pass: Pass, features: Tensor2D, dropped?: Tensor2D) => Output {
    const logits = this.dense('logits', width, classes, gain);
    const logVariance = this.dense('log_variance', width, 1, gain);
    return (pass, features, dropped = features) => ({
      features,
      logits: logits(pass, dropped),
      logVariance: logVariance(pass, dropped).reshape([features.shape[0]]),
    });
  }

  private dense(name: string, from: number, to: number, gain: number): (pass: Pass, x: Tensor2D) => Tensor2D {
    const kernel = this.kernel(name, [from, to], gain, 1);
    const bias = this.parameters.push({ name: `${name}.bias`, shape: [to], fanIn: 0, gain: 0 }) - 1;
    return ({ backend, weights }, x) => dense(backend, x, weights[kernel] as Tensor2D, weights[bias] as Tensor1D);
  }

  private kernel(name: string, shape: number[], gain: number, places: number): number {
    return this.parameters.push({ name: `${name}.kernel`, shape, fanIn: volume(shape.slice(0, -1)), gain, places }) - 1;
  }
}
