import { loadBackend } from '../../../src/learning/backend.js';
import { dropoutMask } from '../../../src/learning/dropout.js';
import { heteroscedasticLoss } from '../../../src/learning/heteroscedastic.js';
import { convRelu } from '../../../src/learning/layers.js';
import { normal } from '../../../src/learning/random-ops.js';
import { itEqualsEager } from './harness.js';
import type { AttributeValue, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '../../../src/learning/backend.js';
import type { Case } from './harness.js';

const backend = loadBackend();
const { tf, op, ops } = backend;
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

const cases: Record<string, Case> = {
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
      tf.sum(heteroscedasticLoss(backend, f as Tensor2D, s as Tensor1D, oneHot, noise)),
    )([x, tf.mean(x, 1)]);
    return [value, ...grads];
  },
};

describe('compiled layers equal eager ones', () => {
  // oneDNN fuses convolution, bias and rectifier, and has an own softmax, in graphs alone.
  itEqualsEager(cases, ['convRelu, with its custom gradient', 'the heteroscedastic loss, with its gradients']);
});
