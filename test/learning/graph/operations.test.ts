import assert from 'node:assert/strict';
import { RandomStream } from '../../../src/contracts/random.js';
import { dropoutMask } from '../../../src/learning/dropout.js';
import { compile, eager } from '../../../src/learning/graph.js';
import { heteroscedasticLoss } from '../../../src/learning/heteroscedastic.js';
import { convRelu } from '../../../src/learning/layers.js';
import { loadBackend } from '../../../src/learning/backend.js';
import { normal, uniform } from '../../../src/learning/random-ops.js';
import type {
  AttributeValue,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
} from '../../../src/learning/backend.js';
import type { CompileOptions, FeedValue, Tensors } from '../../../src/learning/graph.js';

const backend = loadBackend();
const { tf, op, ops } = backend;
const random = new RandomStream([8, 1]);
const normals = (n: number) => Float32Array.from({ length: n }, () => random.normal());

const FLOAT = { T: { type: 'float32' } } as const;
const POOL = {
  ...FLOAT,
  ksize: { int: [1, 2, 2, 1] },
  strides: { int: [1, 2, 2, 1] },
  padding: { text: 'VALID' },
  data_format: { text: 'NHWC' },
} as const;
const NORM = (training: boolean): Record<string, AttributeValue> => ({
  ...FLOAT,
  U: { type: 'float32' },
  epsilon: { float: 1e-5 },
  data_format: { text: 'NHWC' },
  is_training: { flag: training },
});

/** What every case may take: a picture, a matrix, a vector, small integers, a mask, a seed, bytes, a scalar. */
const options: CompileOptions = {
  name: 'case',
  variables: { kernel: { shape: [3, 3, 4, 6], data: normals(216) }, weight: { shape: [6, 5], data: normals(30) } },
  feeds: {
    image: { shape: [2, 8, 8, 4], dtype: 'float32' },
    matrix: { shape: [4, 6], dtype: 'float32' },
    vector: { shape: [6], dtype: 'float32' },
    labels: { shape: [4], dtype: 'int32' },
    mask: { shape: [4, 6], dtype: 'bool' },
    seed: { shape: [2], dtype: 'int32' },
    pixels: { shape: [2, 3], dtype: 'uint8' },
    rate: { shape: [], dtype: 'float32' },
  },
};
const feeds: Record<string, FeedValue> = {
  image: normals(512),
  matrix: normals(24),
  vector: normals(6),
  labels: Int32Array.of(0, 3, 1, 4),
  mask: Uint8Array.from({ length: 24 }, (_, i) => (i % 3 === 0 ? 1 : 0)),
  seed: Int32Array.of(77, -5),
  pixels: Uint8Array.of(0, 1, 127, 128, 254, 255),
  rate: Float32Array.of(0.25),
};

interface Inputs {
  kernel: Tensor4D;
  weight: Tensor2D;
  image: Tensor4D;
  matrix: Tensor2D;
  vector: Tensor1D;
  labels: Tensor1D;
  mask: Tensor2D;
  seed: Tensor1D;
  pixels: Tensor2D;
  rate: Scalar;
}
type Case = (inputs: Inputs) => Tensor | Tensor[];

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
  'convolution and its gradients': ({ image: x, kernel: w }) => {
    const y = tf.conv2d(x, w, 1, 'same');
    const gradients = tf.grads((a: Tensor, b: Tensor) =>
      tf.sum(tf.square(tf.conv2d(a as Tensor4D, b as Tensor4D, 2, 'valid'))),
    )([x, w]);
    return [y, ...gradients, tf.depthwiseConv2d(x, w, 1, 'same')];
  },
  pooling: ({ image: x }) => {
    const y = op('AvgPool', POOL, [x]);
    return [
      tf.maxPool(x, 2, 2, 'same'),
      tf.avgPool(x, 3, 2, 'valid'),
      y,
      op('AvgPoolGrad', POOL, [tf.tensor1d(x.shape, 'int32'), y]),
      tf.grad((a) => tf.sum(tf.square(tf.maxPool(a as Tensor4D, 2, 2, 'same'))))(x),
      tf.grad((a) => tf.sum(tf.square(tf.avgPool(a as Tensor4D, 2, 2, 'same'))))(x),
    ];
  },
  'fused batch norm, training and inference': ({ image: x, kernel }) => {
    const [scale, offset] = [tf.ones([4]), tf.zeros([4])];
    const none = tf.tensor1d([]);
    const [y, mean, variance, r1, r2, r3] = ops('FusedBatchNormV3', NORM(true), [x, scale, offset, none, none], 6) as [
      ...[Tensor, Tensor, Tensor],
      ...[Tensor, Tensor, Tensor],
    ];
    const dy = tf.mul(y, tf.sum(kernel));
    const gradients = ops('FusedBatchNormGradV3', NORM(true), [dy, x, scale, r1, r2, r3], 5).slice(0, 3);
    const [inference] = ops('FusedBatchNormV3', NORM(false), [x, scale, offset, mean, variance], 6) as [Tensor];
    return [y, mean, variance, ...gradients, inference];
  },
  'bias, rectifier and their gradients': ({ matrix: x, vector: b }) => {
    const y = op('Relu', FLOAT, [op('BiasAdd', { ...FLOAT, data_format: { text: 'NHWC' } }, [x, b])]);
    return [
      y,
      op('ReluGrad', FLOAT, [x, y]),
      op('BiasAddGrad', { ...FLOAT, data_format: { text: 'NHWC' } }, [x]),
      tf.relu(x),
      tf.leakyRelu(x),
      tf.relu6(x),
      tf.step(x),
      tf.elu(x),
    ];
  },
  'image transformation and resizing': ({ image: x, rate }) => [
    op(
      'ImageProjectiveTransformV3',
      { dtype: { type: 'float32' }, interpolation: { text: 'BILINEAR' }, fill_mode: { text: 'REFLECT' } },
      [
        x,
        tf.tensor2d([1, 0.1, -1, 0, 1, 2, 0, 0, 0.9, 0, 0, 0.1, 1, 0, 0, 0], [2, 8]),
        tf.tensor1d([8, 8], 'int32'),
        rate,
      ],
    ),
    tf.image.resizeBilinear(x, [4, 5]),
    tf.image.flipLeftRight(x),
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
  'convRelu, with its custom gradient': ({ image: x, kernel }) => {
    const layer = (a: Tensor, w: Tensor, b: Tensor) =>
      tf.sum(tf.square(convRelu(backend, a as Tensor4D, w as Tensor4D, b as Tensor1D, 2, 'differentiable')));
    const { value, grads } = tf.valueAndGrads(layer)([x, kernel, tf.ones([6])]);
    return [value, ...grads];
  },
  'dropout, with its gradient': ({ matrix: x, seed }) => {
    const { value, grad: gradient } = tf.valueAndGrad((a) =>
      tf.sum(tf.square(tf.mul(a as Tensor2D, dropoutMask(backend, a.shape, 0.3, seed)))),
    )(x);
    return [value, gradient];
  },
  'the heteroscedastic loss, with its gradients': ({ matrix: x, labels, seed }) => {
    const noise = normal(backend, [20, 4, 6], seed) as Tensor3D;
    const oneHot = tf.oneHot(labels, 6).toFloat() as Tensor2D;
    const { value, grads } = tf.valueAndGrads((f, s) =>
      heteroscedasticLoss(backend, f as Tensor2D, s as Tensor1D, oneHot, tf.ones([4]), noise),
    )([x, tf.mean(x, 1)]);
    return [value, ...grads];
  },
};

const named = (result: Tensor | Tensor[]): Tensors =>
  Object.fromEntries([result].flat().map((tensor, i) => [String(i), tensor]));

/** oneDNN has a fused form of these in graphs alone: the last bits may differ. All others are the same bits. */
const FUSED = new Set([
  'softmax, cross-entropies',
  'gradients of sums, means and products',
  'convRelu, with its custom gradient',
  'the heteroscedastic loss, with its gradients',
]);

function assertClose(got: Tensor, expected: Tensor, exact: boolean, message: string): void {
  const [a, b] = [got.dataSync<'float32'>(), expected.dataSync<'float32'>()];
  if (exact) assert.deepEqual(a, b, message);
  const scale = b.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const error = a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] as number))), 0);
  assert.ok(error <= 1e-6 * scale, `${message}: off by ${error}, largest ${scale}`);
}

describe('a compiled step equals the eager one', () => {
  for (const [name, body] of Object.entries(cases))
    it(`${name}${FUSED.has(name) ? ', to 1e-6' : ', bit for bit'}`, () => {
      const exact = !FUSED.has(name);
      const before = tf.memory().numTensors;
      const step = (variables: Tensors, fed: Tensors) => ({
        outputs: named(body({ ...variables, ...fed } as unknown as Inputs)),
      });
      const compiled = compile(backend, step, options);
      const reference = eager(backend, step, options);
      const got = compiled.run(feeds);
      const expected = reference.run(feeds);
      assert.deepEqual(Object.keys(got), Object.keys(expected));
      for (const [output, tensor] of Object.entries(expected)) {
        const same = got[output] as Tensor;
        assert.deepEqual([same.shape, same.dtype], [tensor.shape, tensor.dtype], `output ${output}`);
        assertClose(same, tensor, exact, `output ${output}`);
      }
      tf.dispose([got, expected]);
      compiled.dispose();
      reference.dispose();
      assert.equal(tf.memory().numTensors, before);
    });
});
