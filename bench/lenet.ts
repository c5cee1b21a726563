import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { drop } from '../src/learning/dropout.js';
import { dense } from '../src/learning/layers.js';
import { sizeOf, volume } from '../src/learning/network.js';
import type { SeedPair } from '../src/contracts/learner.js';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '../src/learning/backend.js';
import type { Network, Pass } from '../src/learning/network.js';

/*
 * The network of BatchBALD's MNIST experiments (Kirsch et al. 2019, arXiv 1906.08158, appendix D): two 5x5 convolutions,
 * each with dropout of whole channels and 2x2 max pooling, a dense layer of 128 with dropout, ten logits.
 */
const SIDE = 5;
const CHANNELS = [32, 64] as const;
/** Sides of the picture before and after the second convolution, and after its pooling. */
const [BEFORE, AFTER, POOLED] = [12, 8, 4] as const;
const WIDTH = 128;
export const CLASSES = 10;
export const DROPOUT = 0.5;
export const DROPOUTS = 3;

const layer = (name: string, shape: number[]) => {
  const fanIn = volume(shape.slice(0, -1));
  const width = shape.at(-1) as number;
  return [
    { name: `${name}.kernel`, shape, fanIn, gain: 1 / 3 },
    { name: `${name}.bias`, shape: [width], fanIn, gain: 1 / 3 },
  ];
};

export const lenet: Pick<Network, 'parameters'> = {
  parameters: [
    ...layer('conv1', [SIDE, SIDE, 1, CHANNELS[0]]),
    ...layer('conv2', [SIDE, SIDE, CHANNELS[0], CHANNELS[1]]),
    ...layer('dense', [POOLED * POOLED * CHANNELS[1], WIDTH]),
    ...layer('logits', [WIDTH, CLASSES]),
  ],
};

/** Fresh weights as PyTorch starts them, biases too: uniform within 1 / sqrt(fan-in). */
export function freshWeights(seed: Readonly<SeedPair>): Float32Array {
  const weights = new Float32Array(sizeOf(lenet));
  let offset = 0;
  lenet.parameters.forEach(({ shape, fanIn }, index) => {
    const random = new RandomStream(deriveSeed(seed, 'initialise', index));
    const end = offset + volume(shape);
    while (offset < end) weights[offset++] = (2 * random.uniform() - 1) / Math.sqrt(fanIn);
  });
  return weights;
}

type Weights = [Tensor4D, Tensor1D, Tensor4D, Tensor1D, Tensor2D, Tensor1D, Tensor2D, Tensor1D];

/** All before the first dropout. Pooling and rectifying come before it: a channel's mask is not negative, so they commute. */
function trunk({ backend: { tf }, weights }: Pass, x: Tensor4D): Tensor4D {
  const [kernel, bias] = weights as Weights;
  return tf.relu(tf.add(tf.maxPool(tf.conv2d(x, kernel, 1, 'valid'), 2, 2, 'valid'), bias));
}

/** The dense layers. Rows come in `groups` of the same mask; by default each has its own. */
function classify(pass: Pass, rows: Tensor2D, groups?: number): Tensor2D {
  const [, , , , w3, b3, w4, b4] = pass.weights as Weights;
  const n = rows.shape[0];
  const hidden: Tensor = dense(pass.backend, rows, w3, b3);
  const grouped = groups === undefined ? hidden : hidden.reshape([groups, n / groups, WIDTH]);
  const dropped = drop(pass, grouped, 2, groups === undefined ? [n, WIDTH] : [groups, 1, WIDTH]);
  return dense(pass.backend, pass.backend.tf.relu(dropped).reshape([n, WIDTH]), w4, b4);
}

/** Logits [n, classes] of one pass; masks are an item's own unless `pass.mask` says otherwise. x [n, 28, 28, 1] */
export function logitsOf(pass: Pass, x: Tensor4D): Tensor2D {
  const { tf } = pass.backend;
  const n = x.shape[0];
  const [, , kernel, bias] = pass.weights as Weights;
  const h = drop(pass, trunk(pass, x), 0, [n, 1, 1, CHANNELS[0]]);
  const pooled = tf.relu(tf.add(tf.maxPool(tf.conv2d(h, kernel, 1, 'valid'), 2, 2, 'valid'), bias));
  const features = drop(pass, pooled, 1, [n, 1, 1, CHANNELS[1]]);
  return classify(pass, features.reshape([n, POOLED * POOLED * CHANNELS[1]]));
}

/**
 * Logits of `passes` passes, [passes, n, classes]; a pass has the same masks for all items. With a channel dropped or
 * kept for all pixels at once, the second convolution of a pass is a sum of the kept channels' shares, which are computed
 * once an item: a pass costs 1/25 of a convolution.
 */
export function passesOf(pass: Pass, x: Tensor4D, passes: number): Tensor {
  const { tf } = pass.backend;
  const n = x.shape[0];
  const [, , kernel, bias] = pass.weights as Weights;
  const [channels, out] = CHANNELS;
  const planes = tf.transpose(trunk(pass, x), [3, 0, 1, 2]).reshape<Tensor4D>([channels * n, BEFORE, BEFORE, 1]);
  // By a convolution that copies: TensorFlow's own op for patches takes seven times as long.
  const copy = tf.eye(SIDE * SIDE).reshape<Tensor4D>([SIDE, SIDE, 1, SIDE * SIDE]);
  const patches = tf.conv2d(planes, copy, 1, 'valid').reshape([channels, n * AFTER * AFTER, SIDE * SIDE]);
  const kernels = tf.transpose(kernel, [2, 0, 1, 3]).reshape([channels, SIDE * SIDE, out]);
  const shares = tf.matMul(patches, kernels).reshape<Tensor2D>([channels, n * AFTER * AFTER * out]);
  const kept = (pass.mask([passes, channels], 0) ?? tf.ones([passes, channels])) as Tensor2D;
  const convolved = tf.matMul(kept, shares).reshape<Tensor4D>([passes * n, AFTER, AFTER, out]);
  const pooled = tf.relu(tf.add(tf.maxPool(convolved, 2, 2, 'valid'), bias));
  const places = POOLED * POOLED;
  const features = drop(pass, pooled.reshape([passes, n * places, out]), 1, [passes, 1, out]);
  return classify(pass, features.reshape([passes * n, places * out]), passes).reshape([passes, n, CLASSES]);
}
