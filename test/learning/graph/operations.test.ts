import { loadBackend } from '../../../src/learning/backend.js';
import { normal, uniform } from '../../../src/learning/random-ops.js';
import { itEqualsEager } from './harness.js';
import type { Tensor, Tensor1D } from '../../../src/learning/backend.js';
import type { Case, Inputs } from './harness.js';

const backend = loadBackend();
const { tf, op, ops } = backend;
const FLOAT = { T: { type: 'float32' } } as const;

const grad =
  (f: (x: Tensor, inputs: Inputs) => Tensor, of: keyof Inputs = 'matrix'): Case =>
  (inputs) =>
    tf.grad((x) => tf.sum(tf.mul(f(x, inputs), f(x, inputs))))(inputs[of]);

const cases: Record<string, Case> = {
  'add, subtract, multiply, divide': ({ matrix: x, vector: y, rate }) => [
    tf.add(x, y),
    tf.sub(x, rate),
    tf.mul(x, y),
    tf.div(x, y),
    tf.divNoNan(x, y),
    tf.addN([x, x, x]),
  ],
  'square, root, exp, log, sigmoid, tanh, powers': ({ matrix: x }) => [
    tf.square(x),
    tf.sqrt(tf.abs(x)),
    tf.rsqrt(tf.abs(x)),
    tf.exp(x),
    tf.log(tf.abs(x)),
    tf.log1p(tf.abs(x)),
    tf.sigmoid(x),
    tf.tanh(x),
    tf.pow(tf.abs(x), 1.5),
    tf.neg(x),
    tf.sign(x),
    tf.floor(x),
    tf.softplus(x),
    tf.erf(x),
  ],
  'maximum, minimum, clip': ({ matrix: x, vector: y }) => [
    tf.maximum(x, y),
    tf.minimum(x, 0),
    tf.clipByValue(x, -0.5, 0.5),
  ],
  'squared difference, modulus, floor division': ({ matrix: x, labels: i }) => [
    tf.squaredDifference(x, 1),
    tf.mod(i, tf.scalar(3, 'int32')),
    tf.floorDiv(i, tf.scalar(2, 'int32')),
  ],
  comparisons: ({ matrix: x, vector: y, mask }) => [
    tf.greater(x, y),
    tf.greaterEqual(x, 0),
    tf.less(x, y),
    tf.lessEqual(x, y),
    tf.equal(x, x),
    tf.notEqual(x, y),
    tf.logicalAnd(mask, tf.greater(x, 0)),
    tf.logicalOr(mask, tf.greater(x, 0)),
    tf.logicalNot(mask),
    tf.isNaN(x),
    tf.isFinite(x),
  ],
  'where, SelectV2': ({ matrix: x, mask, rate }) => [
    tf.where(mask, x, tf.zerosLike(x)),
    tf.where(mask, x, tf.neg(x)),
    op('SelectV2', FLOAT, [mask, x, rate]),
  ],
  casts: ({ matrix: x, mask, labels, pixels }) => [
    tf.cast(x, 'int32'),
    tf.cast(x, 'bool'),
    tf.cast(mask, 'float32'),
    tf.cast(labels, 'float32'),
    op('Cast', { SrcT: { type: 'uint8' }, DstT: { type: 'float32' } }, [pixels]),
  ],
  'uint8 inside, and bits of other types': ({ labels, mask, matrix }) => {
    const bytes = op('Bitcast', { T: { type: 'int32' }, type: { type: 'uint8' } }, [labels]);
    const packed = op('Cast', { SrcT: { type: 'bool' }, DstT: { type: 'uint8' } }, [mask]);
    return [
      op('Cast', { SrcT: { type: 'uint8' }, DstT: { type: 'float32' } }, [bytes]),
      op('Cast', { SrcT: { type: 'uint8' }, DstT: { type: 'int32' } }, [packed]),
      op('Bitcast', { T: { type: 'float32' }, type: { type: 'int32' } }, [matrix]),
    ];
  },
  'sums, means, extremes, any, all': ({ image: x, matrix, mask }) => [
    tf.sum(x),
    tf.sum(x, [1, 2]),
    tf.mean(x, 3, true),
    tf.mean(x),
    tf.max(matrix, 1),
    tf.min(matrix, 0, true),
    tf.prod(matrix, 1),
    tf.any(mask, 0),
    tf.all(mask, 1),
    tf.logSumExp(matrix, 1),
    tf.norm(matrix),
    tf.cumsum(matrix, 1),
  ],
  'moments and batch norm in tfjs': ({ image: x }) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    return [mean, variance, tf.batchNorm(x, mean as Tensor1D, variance as Tensor1D)];
  },
  'argMax, argMin, top k, one-hot': ({ matrix: x, labels }) => {
    const { values, indices } = tf.topk(x, 3);
    return [tf.argMax(x, 1), tf.argMin(x, 0), values, indices, tf.oneHot(labels, 5)];
  },
  'reshape, transpose, expand, squeeze, tile, pad, reverse': ({ image: x, matrix }) => [
    x.reshape([2, 64, 4]).reshape([128, 4]),
    matrix.reshape([4, 6]),
    tf.transpose(x, [0, 3, 1, 2]),
    tf.squeeze(tf.expandDims(matrix, 1), [1]),
    tf.tile(matrix, [2, 1]),
    tf.pad(x, [
      [0, 0],
      [1, 1],
      [2, 0],
      [0, 0],
    ]),
    tf.mirrorPad(matrix, [[1, 1], [2, 2]], 'reflect'), // prettier-ignore
    tf.reverse(matrix, 1),
    tf.broadcastTo(tf.expandDims(matrix, 0), [3, 4, 6]),
  ],
  'split, concat, stack, slice, gather': ({ image: x, matrix, labels, weight }) => [
    ...tf.split(x, [1, 3], 3),
    ...tf.split(matrix, 2, 1),
    tf.concat([x, x], 3),
    tf.stack([matrix, matrix], 1),
    ...tf.unstack(matrix, 0),
    tf.slice(x, [0, 2, 2, 0], [2, 4, 4, 4]),
    tf.stridedSlice(matrix, [0, 0], [4, 6], [2, 3]),
    op(
      'GatherV2',
      { Tparams: { type: 'float32' }, Tindices: { type: 'int32' }, Taxis: { type: 'int32' }, batch_dims: { int: 0 } },
      [weight, labels, tf.scalar(0, 'int32')],
    ),
    tf.gather(matrix, tf.tensor1d([3, 0, 0], 'int32')),
  ],
  'a clone, and one tensor in two shapes': ({ matrix: x }) => [tf.clone(x), x.as1D(), tf.mul(x.flatten(), x.as1D())],
  'matrix products': ({ matrix: x, weight: w, image, kernel }) => [
    tf.matMul(x, w),
    tf.matMul(w, x, true, true),
    tf.matMul(image.reshape([2, 64, 4]), image.reshape([2, 64, 4]), true),
    tf.dot(x, w),
    tf.einsum('ij,jk->ik', x, w),
    op('MatMul', { ...FLOAT, transpose_a: { flag: false }, transpose_b: { flag: true } }, [
      image.reshape([128, 4]),
      kernel.reshape([54, 4]),
    ]),
  ],
  'softmax, cross-entropies': ({ matrix: x, labels, vector }) => {
    const oneHot = tf.oneHot(labels, 6).toFloat();
    const sparse = { ...FLOAT, Tlabels: { type: 'int32' } } as const;
    return [
      tf.softmax(x),
      tf.logSoftmax(x),
      op('LogSoftmax', FLOAT, [x]),
      ...ops('SoftmaxCrossEntropyWithLogits', FLOAT, [x, oneHot], 2),
      ...ops('SparseSoftmaxCrossEntropyWithLogits', sparse, [x, labels], 2),
      tf.losses.softmaxCrossEntropy(oneHot, x),
      tf.losses.sigmoidCrossEntropy(tf.sigmoid(vector), vector),
    ];
  },
  'stateless random numbers': ({ seed }) => [
    uniform(backend, [7, 5], seed),
    normal(backend, [3, 2, 2], seed),
    op('StatelessRandomUniformFullInt', { T: { type: 'int32' }, Tseed: { type: 'int32' }, dtype: { type: 'int32' } }, [
      tf.tensor1d([9], 'int32'),
      seed,
    ]),
    op('StatelessTruncatedNormal', { T: { type: 'int32' }, Tseed: { type: 'int32' }, dtype: { type: 'float32' } }, [
      tf.tensor1d([9], 'int32'),
      seed,
    ]),
  ],
  'what tfjs makes in JavaScript': ({ matrix: x }) => [
    tf.mul(x, tf.ones([4, 6])),
    tf.add(tf.sum(x), tf.zeros([30, 40])),
    tf.mul(tf.ones([30, 40]), tf.sum(x)),
    tf.fill([3, 3], 0.5),
    tf.range(0, 6),
    tf.linspace(0, 1, 5),
    tf.onesLike(x),
    tf.eye(3),
  ],
  'gradients of sums, means and products': (inputs) =>
    [
      grad((x) => tf.sum(x, 1))(inputs),
      grad((x) => tf.mean(x, [0, 1]))(inputs),
      grad((x, { weight }) => tf.matMul(x, weight))(inputs),
      grad((x) => tf.softmax(x))(inputs),
      grad((x) => tf.logSoftmax(x))(inputs),
      grad((x) => tf.concat([x, tf.exp(x)], 1))(inputs),
      grad((x, { mask }) => tf.where(mask, x, tf.zerosLike(x)))(inputs),
      grad((x) => tf.slice(x, [1, 1], [2, 3]))(inputs),
      grad((x) => tf.max(x, 1))(inputs),
      grad((x) => tf.div(x, tf.add(tf.square(x), 1)))(inputs),
    ] as Tensor[],
};

describe('a compiled step equals the eager one', () => {
  // oneDNN has a fused softmax, in graphs alone.
  itEqualsEager(cases, ['softmax, cross-entropies', 'gradients of sums, means and products']);
});
