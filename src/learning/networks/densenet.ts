import { moments } from '../batch-norm.js';
import { drop } from '../dropout.js';
import { averagePool, globalAverage } from '../layers.js';
import { Plan } from './plan.js';
import type { ModelSpec } from '../../contracts/learner.js';
import type { Tensor4D } from '../backend.js';
import type { Moments } from '../batch-norm.js';
import type { Network, Pass } from '../network.js';
import type { Convolution, NormRelu } from './plan.js';

/** Depth 40 with bottlenecks: (40 - 4) / 3 blocks / 2 convolutions a layer. */
const BLOCKS = 3;
const LAYERS = 6;
/** Share of the channels that a transition keeps. */
const COMPRESSION = 0.5;
/** The published runs start at 12. */
const DEFAULT_GROWTH = 12;

/** Channels that several norms see, with their moments where the batch's own count: they are computed once. */
interface Shared {
  x: Tensor4D;
  moments: Moments | null;
}

interface Layer {
  /** [n, height, width, channels so far] -> what `grow` starts from, [n, height, width, 4k] */
  squeeze(pass: Pass, x: Shared): Tensor4D;
  /** [n, height, width, 4k] -> the k new channels */
  grow(pass: Pass, z: Tensor4D): Tensor4D;
}

interface Transition {
  norm: NormRelu;
  convolution: Convolution;
}

interface Block {
  layers: Layer[];
  /** Null after the last block. */
  transition: Transition | null;
}

/**
 * DenseNet-BC-40 with dropout twice a layer, as the released code of Deep Bayesian Self-Training builds it: a 3x3 stem of
 * 2k channels, 3 blocks of 6 layers, where each layer sees all channels before it and adds k:
 * BN-ReLU-1x1(4k)-dropout-BN-ReLU-3x3(k)-dropout; between blocks BN-ReLU-1x1-average pooling that halve channels and
 * sides; BN-ReLU-global average; logits, and one log-variance s an image.
 *
 * Only the stem and the first 1x1 convolution stand before the first dropout: a pass costs nearly a whole forward pass.
 *
 * Sources: Huang et al. 2017, arXiv 1608.06993; De Sousa Ribeiro et al. 2020, arXiv 1812.01681.
 */
export function denseNet(spec: ModelSpec): Network {
  const k = spec.growth ?? DEFAULT_GROWTH;
  const plan = new Plan();
  const { stem, blocks, last, width } = planBody(plan, spec, k);
  const ends = plan.ends(width, spec.classes, 2);
  const [first] = (blocks[0] as Block).layers as [Layer];
  return {
    spec,
    parameters: plan.parameters,
    statistics: plan.statistics,
    featureWidth: width,
    dropouts: 2 * BLOCKS * LAYERS,
    /** [n, height, width, channels] -> [n, height, width, 2k + 4k]: the stem's channels, then the first squeezed layer */
    trunk(pass, x) {
      const start = stem(pass, x);
      return pass.backend.tf.concat([start, first.squeeze(pass, shared(pass, start))], 3);
    },
    head(pass, trunk) {
      const { tf } = pass.backend;
      const [start, squeezed] = tf.split(trunk, [2 * k, 4 * k], 3) as [Tensor4D, Tensor4D];
      let x = shared(pass, start);
      for (const { layers, transition } of blocks) {
        for (const layer of layers) {
          const z = layer === first ? squeezed : layer.squeeze(pass, x);
          x = joined(pass, x, shared(pass, layer.grow(pass, z)));
        }
        if (transition !== null) x = shared(pass, shrink(pass, x, transition));
      }
      return ends(pass, globalAverage(pass.backend, last(pass, x.x, x.moments)));
    },
  };
}

/**
 * The published order is convolution, then pooling. Both are linear and act on other axes, so they commute, and the
 * convolution of what is left after pooling costs a quarter.
 */
const shrink = (pass: Pass, { x, moments }: Shared, { norm, convolution }: Transition): Tensor4D =>
  convolution(pass, averagePool(pass.backend, norm(pass, x, moments), 2));

const shared = (pass: Pass, x: Tensor4D): Shared => ({
  x,
  moments: pass.normalisation === 'batch' ? moments(pass.backend, x) : null,
});

function joined({ backend: { tf } }: Pass, before: Shared, added: Shared): Shared {
  const [a, b] = [before.moments, added.moments];
  return {
    x: tf.concat([before.x, added.x], 3),
    moments: a && b && { mean: tf.concat([a.mean, b.mean]), variance: tf.concat([a.variance, b.variance]) },
  };
}

function planBody(plan: Plan, { image }: ModelSpec, k: number) {
  let { height, width } = image;
  let channels = 2 * k;
  const stem = plan.convolution('stem', {
    side: 3,
    from: image.channels,
    to: channels,
    places: height * width,
    input: 'constant',
  });
  const blocks: Block[] = [];
  for (let b = 1; b <= BLOCKS; b++) {
    const layers: Layer[] = [];
    for (let l = 1; l <= LAYERS; l++) {
      layers.push(planLayer(plan, `block${b}.layer${l}`, channels, k, height * width, 2 * (LAYERS * (b - 1) + l - 1)));
      channels += k;
    }
    let transition: Transition | null = null;
    if (b < BLOCKS) {
      const to = Math.floor(channels * COMPRESSION);
      const name = `transition${b}`;
      transition = {
        norm: plan.normRelu(`${name}.norm`, channels),
        // Multiply-accumulates as published: before pooling.
        convolution: plan.convolution(`${name}.conv`, { side: 1, from: channels, to, places: height * width }),
      };
      channels = to;
      [height, width] = [Math.ceil(height / 2), Math.ceil(width / 2)];
    }
    blocks.push({ layers, transition });
  }
  return { stem, blocks, last: plan.normRelu('last', channels), width: channels };
}

function planLayer(plan: Plan, name: string, from: number, k: number, places: number, dropout: number): Layer {
  const before = plan.normRelu(`${name}.norm1`, from);
  const squeeze = plan.convolution(`${name}.conv1`, { side: 1, from, to: 4 * k, places });
  const between = plan.normRelu(`${name}.norm2`, 4 * k);
  const grow = plan.convolution(`${name}.conv2`, { side: 3, from: 4 * k, to: k, places });
  return {
    squeeze: (pass, { x, moments }) => squeeze(pass, before(pass, x, moments), between.scale(pass)),
    grow: (pass, z) => drop(pass, grow(pass, between.shifted(pass, drop(pass, z, dropout))), dropout + 1),
  };
}
