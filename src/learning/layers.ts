import type { Backend, Tensor, Tensor1D, Tensor2D, Tensor4D } from './backend.js';

const FLOAT = { T: { type: 'float32' } } as const;

/**
 * relu(conv2d(x, kernel) + bias) with 'same' padding, its gradient in TensorFlow's own ops: tfjs would spend several
 * passes over the largest tensors of the step on the same.
 *
 * @param x [n, height, width, in]
 * @param kernel [side, side, in, out]
 * @param bias [out]
 * @param input whether x needs a gradient; pixels don't
 */
export function convRelu(
  backend: Backend,
  x: Tensor4D,
  kernel: Tensor4D,
  bias: Tensor1D,
  stride: number,
  input: 'differentiable' | 'constant',
): Tensor4D {
  const { tf, op } = backend;
  const attributes = {
    ...FLOAT,
    strides: { int: [1, stride, stride, 1] },
    padding: { text: 'SAME' },
    data_format: { text: 'NHWC' },
    dilations: { int: [1, 1, 1, 1] },
  };
  const shapeOf = (tensor: Tensor) => tf.tensor1d(tensor.shape, 'int32');
  const forward = (a: Tensor, w: Tensor, b: Tensor) =>
    op('Relu', FLOAT, [op('BiasAdd', FLOAT, [op('Conv2D', attributes, [a, w]), b])]);
  const backward = (dy: Tensor, a: Tensor, w: Tensor, y: Tensor) => {
    const dz = op('ReluGrad', FLOAT, [dy, y]);
    return {
      dx: () => op('Conv2DBackpropInput', attributes, [shapeOf(a), w, dz]),
      dw: op('Conv2DBackpropFilter', attributes, [a, shapeOf(w), dz]),
      db: op('BiasAddGrad', FLOAT, [dz]),
    };
  };
  if (input === 'constant') {
    const layer = tf.customGrad((...inputs: unknown[]) => {
      const [w, b, save] = inputs as [Tensor, Tensor, (tensors: Tensor[]) => void];
      const y = forward(x, w, b);
      save([x, w, y]);
      return {
        value: y,
        gradFunc: (dy: Tensor, saved: Tensor[]) => {
          const { dw, db } = backward(dy, saved[0] as Tensor, saved[1] as Tensor, saved[2] as Tensor);
          return [dw, db];
        },
      };
    });
    return layer(kernel, bias) as Tensor4D;
  }
  const layer = tf.customGrad((...inputs: unknown[]) => {
    const [a, w, b, save] = inputs as [Tensor, Tensor, Tensor, (tensors: Tensor[]) => void];
    const y = forward(a, w, b);
    save([a, w, y]);
    return {
      value: y,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const { dx, dw, db } = backward(dy, saved[0] as Tensor, saved[1] as Tensor, saved[2] as Tensor);
        return [dx(), dw, db];
      },
    };
  });
  return layer(x, kernel, bias) as Tensor4D;
}

/** x w + b, [n, in] -> [n, out]. */
export const dense = ({ tf }: Backend, x: Tensor2D, kernel: Tensor2D, bias: Tensor1D): Tensor2D =>
  tf.add(tf.matMul(x, kernel), bias);
