import { drop } from '../dropout.js';
import { globalAverage } from '../layers.js';
import { Plan } from './plan.js';
import type { ModelSpec } from '../../contracts/learner.js';
import type { Tensor2D, Tensor4D } from '../backend.js';
import type { Network, Pass } from '../network.js';
import type { Convolution, NormRelu } from './plan.js';

/** Channels of the stem, and of the blocks, each of which halves the sides: 29 million multiply-accumulates at 32 x 32. */
const STEM = 32;
const WIDTHS = [64, 96, 128];
/** The stem's stride brings a picture's larger side about here, so that larger pictures cost the same. */
const SIDE = 32;

interface Block {
  /** x -> rectified norm of x, what both the first convolution and the shortcut take. */
  before: NormRelu;
  first: Convolution;
  between: NormRelu;
  second: Convolution;
  shortcut: Convolution;
}

/**
 * A small pre-activation ResNet for colour photos: a 3x3 stem and three basic blocks, BN-ReLU-3x3-BN-ReLU-3x3 beside a
 * 1x1 shortcut; BN-ReLU-global average; logits, and one log-variance s an image.
 *
 * Dropout stands in the last block between its convolutions, where wide ResNets have theirs (Zagoruyko and Komodakis
 * 2016, arXiv 1605.07146), and before the ends. All but the last block's second convolution then runs once an image, and
 * what a pass draws still goes through a rectifier, so that passes differ by more than a linear classifier's noise. The
 * first drops whole channels (Tompson et al. 2015, arXiv 1411.4280): neighbouring pixels tell the same, and dropping one
 * of them drops little.
 *
 * Source: He et al. 2016, arXiv 1603.05027.
 */
export function resNet(spec: ModelSpec): Network {
  const plan = new Plan();
  const { stem, blocks, last, width } = planBody(plan, spec);
  const ends = plan.ends(width, spec.classes, 0.1);
  const tail = blocks[blocks.length - 1] as Block;
  return {
    spec,
    parameters: plan.parameters,
    statistics: plan.statistics,
    featureWidth: width,
    dropouts: 2,
    /** [n, height, width, channels] -> [n, h, w, 2 width]: the last block's shortcut, then what its dropout takes */
    trunk(pass, x) {
      const { tf } = pass.backend;
      let h = stem(pass, x);
      for (const block of blocks.slice(0, -1)) {
        const { shortcut, inner } = halfway(pass, block, h);
        h = tf.add(shortcut, block.second(pass, inner));
      }
      const { shortcut, inner } = halfway(pass, tail, h);
      return tf.concat([shortcut, inner], 3);
    },
    head(pass, trunk) {
      const { tf } = pass.backend;
      const [shortcut, inner] = tf.split(trunk, 2, 3) as [Tensor4D, Tensor4D];
      const kept = drop(pass, inner, 0, [inner.shape[0], 1, 1, width]);
      const features = globalAverage(pass.backend, last(pass, tf.add(shortcut, tail.second(pass, kept))));
      return ends(pass, features, drop(pass, features, 1));
    },
    /**
     * A pass is a sum of the kept channels' shares of the last convolution, which are computed once an image: `width`
     * products a value, and not 9 times that. The shares of an image take h w width^2 floats, 1 MiB at 32 pixels.
     */
    heads(pass, trunk, passes) {
      const { backend } = pass;
      const { tf } = backend;
      const [n, h, w] = trunk.shape as [number, number, number];
      const [shortcut, inner] = tf.split(trunk, 2, 3) as [Tensor4D, Tensor4D];
      const scale = last.scale(pass);
      // Each channel by itself through its slice of the kernel, for which 'depthwise' has the same layout.
      const shares = tf
        .depthwiseConv2d(inner, tail.second.kernel(pass, scale), 1, 'same')
        .reshape([n, h * w, width, width]);
      const kept = pass.mask([n, passes, width], 0) ?? tf.ones([n, passes, width]);
      const sums = tf.matMul(kept.expandDims(1), shares);
      const base = (scale === null ? shortcut : tf.mul(shortcut, scale)).reshape([n, h * w, 1, width]);
      const rectified = last.shifted(pass, tf.add(sums, base));
      const features = tf.mean(rectified, 1).reshape<Tensor2D>([n * passes, width]);
      return ends(pass, features, drop(pass, features, 1));
    },
  };
}

function halfway(pass: Pass, { before, first, between, shortcut }: Block, x: Tensor4D) {
  const h = before(pass, x);
  return { shortcut: shortcut(pass, h), inner: between.shifted(pass, first(pass, h, between.scale(pass))) };
}

function planBody(plan: Plan, { image }: ModelSpec) {
  const stride = Math.max(1, Math.round(Math.max(image.height, image.width) / SIDE));
  let [height, width] = [Math.ceil(image.height / stride), Math.ceil(image.width / stride)];
  let channels = STEM;
  const stem = plan.convolution('stem', {
    // At stride 1 this is 3; above, windows overlap by a pixel, and none is passed over.
    side: 2 * stride + 1,
    from: image.channels,
    to: STEM,
    stride,
    places: height * width,
    input: 'constant',
  });
  const blocks = WIDTHS.map((to, b): Block => {
    const from = channels;
    const name = `block${b + 1}`;
    [height, width] = [Math.ceil(height / 2), Math.ceil(width / 2)];
    channels = to;
    const places = height * width;
    return {
      before: plan.normRelu(`${name}.norm1`, from),
      first: plan.convolution(`${name}.conv1`, { side: 3, from, to, stride: 2, places }),
      between: plan.normRelu(`${name}.norm2`, to),
      second: plan.convolution(`${name}.conv2`, { side: 3, from: to, to, places }),
      shortcut: plan.convolution(`${name}.shortcut`, { side: 1, from, to, stride: 2, places }),
    };
  });
  return { stem, blocks, last: plan.normRelu('last', channels), width: channels };
}
