import assert from 'node:assert/strict';
import { RandomStream } from '../../../src/contracts/random.js';
import { loadBackend } from '../../../src/learning/backend.js';
import { compile } from '../../../src/learning/graph.js';
import type { AttributeValue, Scalar, Tensor, Tensor4D } from '../../../src/learning/backend.js';
import type { CompileOptions, Step } from '../../../src/learning/graph.js';

const backend = loadBackend();
const { tf, op, ops } = backend;
const random = new RandomStream([3, 9]);
const normals = (n: number, scale = 1) => Float32Array.from({ length: n }, () => scale * random.normal());
const FLOAT = { T: { type: 'float32' } } as const;
const NORM: Record<string, AttributeValue> = {
  ...FLOAT,
  U: { type: 'float32' },
  epsilon: { float: 1e-5 },
  data_format: { text: 'NHWC' },
  is_training: { flag: true },
};

/** Batch norm and rectifier in TensorFlow's own ops. */
function normRelu(x: Tensor, scale: Tensor, offset: Tensor): Tensor {
  const layer = tf.customGrad((...inputs: unknown[]) => {
    const [a, s, o, save] = inputs as [Tensor, Tensor, Tensor, (tensors: Tensor[]) => void];
    const none = tf.tensor1d([]);
    const [normed, , , r1, r2, r3] = ops('FusedBatchNormV3', NORM, [a, s, o, none, none], 6);
    const y = op('Relu', FLOAT, [normed as Tensor]);
    save([a, s, y, r1, r2, r3] as Tensor[]);
    return {
      value: y,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [x0, s0, y0, ...rest] = saved as [Tensor, Tensor, Tensor, ...Tensor[]];
        const dz = op('ReluGrad', FLOAT, [dy, y0]);
        return ops('FusedBatchNormGradV3', NORM, [dz, x0, s0, ...rest], 5).slice(0, 3);
      },
    };
  });
  return layer(x, scale, offset);
}

/** A dense block in small, pooling, a dense layer and a head: the loss, its gradients, and a masked activation. */
const block: Step = (variables, { image, keep }) => {
  const convolved = (x: Tensor, kernel: Tensor): Tensor => tf.conv2d(x as Tensor4D, kernel as Tensor4D, 1, 'same');
  const grown = (w: Tensor[]): [Tensor, Tensor] => {
    const h = convolved(image as Tensor, w[0] as Tensor);
    return [h, convolved(normRelu(h, w[1] as Tensor, w[2] as Tensor), w[3] as Tensor)];
  };
  const loss = (...w: Tensor[]): Scalar => {
    const halves = tf.split(tf.concat(grown(w), 3), 2, 3);
    const pooled = tf.maxPool(
      tf.avgPool(tf.mul<Tensor4D>(halves[0] as Tensor, halves[1] as Tensor), 2, 2, 'valid'),
      2,
      2,
      'valid',
    );
    const features = tf.relu(tf.matMul(tf.concat([pooled, pooled], 3).reshape([32, 256]), w[4] as Tensor));
    return tf.mean(tf.square(tf.matMul(features, w[5] as Tensor)));
  };
  const names = Object.keys(variables);
  const weights = names.map((name) => variables[name] as Tensor);
  const { value, grads } = tf.valueAndGrads(loss)(weights);
  const z = grown(weights)[1];
  const masked = op('SelectV2', FLOAT, [keep as Tensor, tf.add(z, z), tf.scalar(0)]);
  return {
    outputs: { ...Object.fromEntries(grads.map((gradient, i) => [names[i] as string, gradient])), value, masked },
  };
};

const options: CompileOptions = {
  name: 'block',
  variables: {
    stem: { shape: [3, 3, 3, 8], data: normals(216, 0.3) },
    scale: { shape: [8], data: new Float32Array(8).fill(1) },
    offset: { shape: [8], data: normals(8, 0.1) },
    grown: { shape: [3, 3, 8, 8], data: normals(576, 0.2) },
    dense: { shape: [256, 2048], data: normals(524288, 0.1) },
    head: { shape: [2048, 4], data: normals(8192, 0.05) },
  },
  feeds: { image: { shape: [32, 16, 16, 3], dtype: 'float32' }, keep: { shape: [32, 16, 16, 8], dtype: 'bool' } },
};

describe('bfloat16', () => {
  it('runs convolutions, their followers and large products, and no more, to its 8 bits', () => {
    const feeds = {
      image: normals(32 * 256 * 3),
      keep: Uint8Array.from({ length: 32 * 256 * 8 }, (_, i) => (i % 5 === 0 ? 1 : 0)),
    };
    const precise = compile(backend, block, options);
    const narrow = compile(backend, block, { ...options, precision: 'bfloat16' });
    const [expected, got] = [precise.fetch(feeds), narrow.fetch(feeds)];
    for (const [name, values] of Object.entries(expected)) {
      const norm = (x: ArrayLike<number>) => Math.sqrt(Array.from(x).reduce((sum, value) => sum + value * value, 0));
      const error = Array.from(values, (value, i) => value - (got[name]?.[i] as number));
      const relative = norm(error) / norm(values);
      assert.ok(relative < 0.03, `${name}: ${relative}`);
      assert.ok(relative > 0, `${name} is the same: it was not narrowed`);
    }
    precise.dispose();
    narrow.dispose();
  });

  it('changes nothing where there is nothing to narrow', () => {
    const update: Step = ({ w }, { gradient }) => ({
      outputs: {},
      updates: { w: tf.sub(w as Tensor, tf.mul(gradient as Tensor, 0.01)) },
    });
    const shape = [3, 3, 64, 128];
    const step = compile(backend, update, {
      name: 'update',
      variables: { w: { shape, data: normals(73728) } },
      feeds: { gradient: { shape, dtype: 'float32' } },
      precision: 'bfloat16',
    });
    assert.equal(step.graph.ops['Cast'], undefined);
    step.dispose();
  });
});
