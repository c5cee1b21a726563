import { withGradient } from './custom-gradient.js';
import type { AttributeValue, Backend, Tensor, Tensor1D, Tensor2D, Tensor4D } from './backend.js';

// Gradients are TensorFlow's own ops here: tfjs would spend several passes over the largest tensors on the same.

const FLOAT = { T: { type: 'float32' } } as const;

const windows = (name: 'strides' | 'ksize', side: number): Record<string, AttributeValue> => ({
  [name]: { int: [1, side, side, 1] },
});
const LAYOUT = { padding: { text: 'SAME' }, data_format: { text: 'NHWC' } } as const;

const shapeOf = ({ tf }: Backend, tensor: Tensor): Tensor1D => tf.tensor1d(tensor.shape, 'int32');

/** Whether an input needs a gradient; pixels don't. */
export type InputKind = 'differentiable' | 'constant';

/**
 * Convolution with 'same' padding and without a bias.
 *
 * @param x [n, height, width, in]
 * @param kernel [side, side, in, out]
 */
export function conv2d(
  backend: Backend,
  x: Tensor4D,
  kernel: Tensor4D,
  stride = 1,
  input: InputKind = 'differentiable',
): Tensor4D {
  const { op } = backend;
  const [side] = kernel.shape;
  if (side === 1 && stride === 1 && input === 'differentiable') return pointwise(backend, x, kernel);
  const attributes = { ...FLOAT, ...LAYOUT, ...windows('strides', stride), dilations: { int: [1, 1, 1, 1] } };
  const forward = (a: Tensor, w: Tensor): Tensor4D => op('Conv2D', attributes, [a, w]);
  const byInput = (dy: Tensor, a: Tensor, w: Tensor): Tensor =>
    op('Conv2DBackpropInput', attributes, [shapeOf(backend, a), w, dy]);
  const byKernel = (dy: Tensor, a: Tensor, w: Tensor): Tensor =>
    op('Conv2DBackpropFilter', attributes, [a, shapeOf(backend, w), dy]);
  if (input === 'constant')
    return withGradient(
      backend,
      [kernel],
      (w) => ({ value: forward(x, w), saved: [x, w] }),
      (dy, [a, w]) => [byKernel(dy, a as Tensor, w as Tensor)],
    );
  return withGradient(
    backend,
    [x, kernel],
    (a, w) => ({ value: forward(a, w), saved: [a, w] }),
    (dy, [a, w]) => [byInput(dy, a as Tensor, w as Tensor), byKernel(dy, a as Tensor, w as Tensor)],
  );
}

/** A convolution of side 1 is a matrix product, for which oneDNN is faster than for the convolution, its gradients above all. */
function pointwise(backend: Backend, x: Tensor4D, kernel: Tensor4D): Tensor4D {
  const [n, height, width, from] = x.shape;
  const to = kernel.shape[3];
  const rows = n * height * width;
  const product = (a: Tensor, b: Tensor, transposed: 'neither' | 'first' | 'second'): Tensor =>
    backend.op(
      'MatMul',
      { ...FLOAT, transpose_a: { flag: transposed === 'first' }, transpose_b: { flag: transposed === 'second' } },
      [a, b],
    );
  const pixels = (a: Tensor): Tensor => a.reshape([rows, -1]);
  const matrix = (w: Tensor): Tensor => w.reshape([from, to]);
  return withGradient(
    backend,
    [x, kernel],
    (a, w) => ({
      value: product(pixels(a), matrix(w), 'neither').reshape<Tensor4D>([n, height, width, to]),
      saved: [a, w],
    }),
    (dy, [a, w]) => [
      product(pixels(dy), matrix(w as Tensor), 'second').reshape(x.shape),
      product(pixels(a as Tensor), pixels(dy), 'first').reshape(kernel.shape),
    ],
  );
}

/**
 * max(x, 0), and not as Relu: TensorFlow would fuse that with a batch normalisation before it, into a kernel that took
 * 7.2 ms where the two by themselves took 2.8 (32 x 28 x 28 x 84, two cores).
 */
export function relu<T extends Tensor>(backend: Backend, x: T): T {
  const { tf, op } = backend;
  return withGradient(
    backend,
    [x],
    (a) => {
      const value = op<T>('Maximum', FLOAT, [a, tf.scalar(0)]);
      return { value, saved: [value] };
    },
    (dy, [y]) => [op('ReluGrad', FLOAT, [dy, y as Tensor])],
  );
}

/** max(x + bias, 0), with a bias a channel: x [..., channels], bias [channels]. */
export function biasRelu<T extends Tensor>(backend: Backend, x: T, bias: Tensor1D): T {
  const { op } = backend;
  return withGradient(
    backend,
    [x, bias],
    (a, b) => {
      const value = op<T>('Relu', FLOAT, [op('BiasAdd', FLOAT, [a, b])]);
      return { value, saved: [value] };
    },
    (dy, [y]) => {
      const dx = op('ReluGrad', FLOAT, [dy, y as Tensor]);
      return [dx, op('BiasAddGrad', FLOAT, [dx])];
    },
  );
}

/** relu(conv2d(x, kernel) + bias); shapes as there. */
export const convRelu = (
  backend: Backend,
  x: Tensor4D,
  kernel: Tensor4D,
  bias: Tensor1D,
  stride: number,
  input: InputKind,
): Tensor4D => biasRelu(backend, conv2d(backend, x, kernel, stride, input), bias);

/**
 * Mean over windows of side x side that do not overlap, [n, height, width, c] -> [n, ceil(height / side), …, c]. A window
 * that hangs over the border averages what it has.
 */
export function averagePool(backend: Backend, x: Tensor4D, side: number): Tensor4D {
  const { op } = backend;
  const attributes = { ...FLOAT, ...LAYOUT, ...windows('ksize', side), ...windows('strides', side) };
  const shape = x.shape;
  return withGradient(
    backend,
    [x],
    (a) => ({ value: op<Tensor4D>('AvgPool', attributes, [a]), saved: [] }),
    (dy) => [op('AvgPoolGrad', attributes, [backend.tf.tensor1d(shape, 'int32'), dy])],
  );
}

/** Mean of each channel over the picture, [n, height, width, c] -> [n, c]. */
export function globalAverage(backend: Backend, x: Tensor4D): Tensor2D {
  const [n, height, width, channels] = x.shape;
  const sums = backend.tf.sum(x.reshape([n, height * width, channels]), 1);
  return backend.tf.mul(sums, 1 / (height * width));
}

/** x w + b, [n, in] -> [n, out]. */
export const dense = ({ tf }: Backend, x: Tensor2D, kernel: Tensor2D, bias: Tensor1D): Tensor2D =>
  tf.add(tf.matMul(x, kernel), bias);

/** `from` at `places` of its first axis; tfjs's own gather reads the places, which have no values while a step is compiled. */
export const gather = <T extends Tensor>({ tf, op }: Backend, from: T, places: Tensor): T =>
  op<T>(
    'GatherV2',
    {
      Tparams: { type: 'float32' },
      Tindices: { type: 'int32' },
      Taxis: { type: 'int32' },
      batch_dims: { int: 0 },
    },
    [from, places, tf.scalar(0, 'int32')],
  );
