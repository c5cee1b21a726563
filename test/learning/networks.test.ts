import assert from 'node:assert/strict';
import fs from 'node:fs';
import { loadBackend } from '../../src/learning/backend.js';
import { dropoutMask } from '../../src/learning/dropout.js';
import {
  initialStatistics,
  initialWeights,
  macs,
  sizeOf,
  splitStatistics,
  splitWeights,
  volume,
} from '../../src/learning/network.js';
import { compile, eager } from '../../src/learning/graph.js';
import { createNetwork } from '../../src/learning/networks/index.js';
import { countTensors } from './gradients.js';
import type { ImageShape } from '../../src/contracts/dataset.js';
import type { ModelSpec, NetworkName } from '../../src/contracts/learner.js';
import type { Tensor, Tensor1D, Tensor4D } from '../../src/learning/backend.js';
import type { CompileOptions, Step } from '../../src/learning/graph.js';
import type { Network, Output, Pass } from '../../src/learning/network.js';

const backend = loadBackend();
const { tf } = backend;

/** One network of test/fixtures/numeric/networks.json: what Keras computes from the same weights and pictures. */
interface Reference {
  network: NetworkName;
  image: ImageShape;
  parameters: [string, number[]][];
  features: number[];
  logits: number[];
  logVariance: number[];
  training: { loss: number; norms: number[]; products: number[] };
}

const references = JSON.parse(
  fs.readFileSync(new URL('../../../test/fixtures/numeric/networks.json', import.meta.url), 'utf8'),
) as Reference[];

const specOf = (network: NetworkName, image: ImageShape, growth = 12): ModelSpec => ({
  network,
  image,
  classes: 10,
  growth: network === 'densenet' ? growth : null,
});

/** `closed_form` of networks.py. */
const closedForm = (count: number, stream: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => {
    const x = Math.sin(12.9898 * (i + 1) + 78.233 * stream) * 43758.5453;
    return 2 * (x - Math.floor(x)) - 1;
  });

/** `Builder.fill` of networks.py. */
function closedFormPass(network: Network, normalisation: Pass['normalisation']): Pass {
  const weights = network.parameters.map(({ name, shape }, stream) => {
    const kernel = name.endsWith('kernel');
    const scale = kernel ? Math.sqrt(6 / volume(shape.slice(0, -1))) : 0.2;
    const start = name.endsWith('gamma') ? 1 : 0;
    return tf.tensor(
      Float32Array.from(closedForm(volume(shape), stream), (u) => start + scale * u),
      shape,
    );
  });
  const statistics = network.statistics.flatMap(({ width }, index) => [
    tf.tensor1d(Float32Array.from(closedForm(width, 1000 + 2 * index), (u) => 0.2 * u)),
    tf.tensor1d(Float32Array.from(closedForm(width, 1001 + 2 * index), (u) => 1 + 0.5 * u)),
  ]);
  return { backend, weights, statistics, normalisation, mask: () => null };
}

const pictures = ({ height, width, channels }: ImageShape, n = 2): Tensor4D =>
  tf.tensor4d(Float32Array.from(closedForm(n * height * width * channels, 2000)), [n, height, width, channels]);

const forward = (network: Network, pass: Pass, x: Tensor4D): Output => network.head(pass, network.trunk(pass, x));

/** 0, 0, …, 1, 1, …: rows image-major. */
const repeatedRows = (n: number, passes: number): Tensor1D =>
  tf.tensor1d(
    Array.from({ length: n * passes }, (_, row) => Math.floor(row / passes)),
    'int32',
  );

/** Fresh weights and statistics, and masks that `mask` draws. */
function freshPass(network: Network, mask: Pass['mask'], normalisation: Pass['normalisation'] = 'moving'): Pass {
  const statistics = initialStatistics(network);
  return {
    backend,
    weights: splitWeights(backend, network, tf.tensor1d(initialWeights(network, [1, 2]))),
    statistics: splitStatistics(backend, network, statistics.length === 0 ? null : tf.tensor1d(statistics)),
    normalisation,
    mask,
  };
}

/** Largest difference, as a share of the largest value. */
function relativeDifference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(got.length, expected.length);
  let [difference, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const value = expected[i] as number;
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs((got[i] as number) - value));
  }
  return difference / largest;
}

const outputs = ({ features, logits, logVariance }: Output): Tensor[] => [features, logits, logVariance];

describe('networks', () => {
  countTensors();

  it('count the published parameters, features and multiply-accumulates of DenseNet-BC-40', () => {
    const image = { height: 28, width: 28, channels: 1 } as const;
    const counts = [12, 24].map((growth) => {
      const network = createNetwork(specOf('densenet', image, growth));
      return [sizeOf(network), network.featureWidth, network.dropouts, (macs(network) / 1e6).toFixed(1)];
    });
    assert.deepEqual(counts, [
      [175_823, 132, 36, '55.1'],
      [689_747, 264, 36, '219.9'],
    ]);
  });

  it('keep the cost of ResNet where pictures grow', () => {
    for (const side of [32, 48, 64, 96]) {
      const cost = macs(createNetwork(specOf('resnet', { height: side, width: side, channels: 3 }))) / 1e6;
      assert.ok(cost > 15 && cost < 40, `${side} pixels: ${cost} million`);
    }
  });

  for (const reference of references) {
    const { network: name, image, parameters, training } = reference;
    const network = createNetwork(specOf(name, image));
    const title = `${name} at ${image.height} pixels`;

    it(`${title} has Keras's parameters`, () => {
      assert.deepEqual(
        network.parameters.map((parameter) => [parameter.name, parameter.shape]),
        parameters,
      );
    });

    it(`${title} gives what Keras gives from the same weights, to 1e-4`, () => {
      const { features, logits, logVariance } = forward(network, closedFormPass(network, 'moving'), pictures(image));
      assert.deepEqual(features.shape, [2, network.featureWidth]);
      assert.deepEqual(logits.shape, [2, 10]);
      assert.deepEqual(logVariance.shape, [2]);
      assert.ok(relativeDifference(features.dataSync(), reference.features) < 1e-4);
      assert.ok(relativeDifference(logits.dataSync(), reference.logits) < 1e-4);
      assert.ok(relativeDifference(logVariance.dataSync(), reference.logVariance) < 1e-4);
    });

    it(`${title} has the gradients that Keras has in training`, () => {
      const pass = closedFormPass(network, 'batch');
      const a = tf.tensor2d(Float32Array.from(closedForm(20, 3000)), [2, 10]);
      const b = tf.tensor1d(Float32Array.from(closedForm(2, 3001)));
      const { value, grads } = tf.valueAndGrads((...weights) => {
        const { logits, logVariance } = forward(network, { ...pass, weights }, pictures(image));
        return tf.add(tf.sum(tf.mul(logits, a)), tf.sum(tf.mul(logVariance, b))).asScalar();
      })([...pass.weights]);
      const loss = value.dataSync()[0] as number;
      assert.ok(Math.abs(loss - training.loss) < 1e-4 * Math.abs(training.loss), `${loss}, ${training.loss}`);
      grads.forEach((gradient, i) => {
        const g = gradient.dataSync<'float32'>();
        const direction = closedForm(g.length, 4000 + i);
        const norm = Math.sqrt(g.reduce((sum, v) => sum + v * v, 0));
        const product = g.reduce((sum, v, j) => sum + v * (direction[j] as number), 0);
        const [n, p] = [training.norms[i] as number, training.products[i] as number];
        // Both sides round in float32, in another order: up to 1e-5 of the gradient's size through 40 layers.
        const tolerance = 2e-4 * n;
        const where = `${parameters[i]?.[0]}: norm ${norm}, Keras ${n}; product ${product}, Keras ${p}`;
        assert.ok(Math.abs(norm - n) < tolerance && Math.abs(product - p) < tolerance, where);
      });
    });
  }

  for (const [name, image] of [
    ['densenet', { height: 8, width: 8, channels: 1 }],
    ['resnet', { height: 16, width: 12, channels: 3 }],
    ['compact', { height: 16, width: 12, channels: 3 }],
  ] as const) {
    const network = createNetwork(specOf(name, image));

    describe(`dropout of ${name}`, () => {
      const rate = 0.3;
      const draw = (shape: number[], layer: number) =>
        dropoutMask(backend, shape, rate, tf.tensor1d([7, layer], 'int32'));

      it('asks for one mask a layer, of a row an image, and none in the trunk', () => {
        const asked: number[] = [];
        const pass = freshPass(network, (shape, layer) => {
          assert.equal(shape[0], 3);
          asked.push(layer);
          return draw(shape, layer);
        });
        const trunk = network.trunk(pass, pictures(image, 3));
        assert.deepEqual(asked, []);
        network.head(pass, trunk);
        assert.deepEqual(
          asked.sort((a, b) => a - b),
          Array.from({ length: network.dropouts }, (_, layer) => layer),
        );
      });

      it('gives each image and each pass noise of its own', () => {
        const pass = freshPass(network, draw);
        const passes = 6;
        const trunk = network.trunk(pass, pictures(image, 1));
        const sampled = [network.head(pass, tf.gather(trunk, repeatedRows(1, passes)))];
        if (network.heads) sampled.push(network.heads(pass, trunk, passes));
        for (const { logits } of sampled) {
          const rows = logits.arraySync().map(String);
          assert.equal(new Set(rows).size, passes);
        }
      });

      if (network.heads)
        it('is the same in `heads` as in `head` on repeated rows', () => {
          const [n, passes] = [3, 4];
          /** One mask, asked for as [n, passes, ...] or as [n passes, ...]: the same numbers in the same order. */
          const masks = new Map<number, Tensor1D>();
          const consistent: Pass['mask'] = (shape, layer) => {
            const flat = masks.get(layer) ?? draw([volume(shape)], layer).as1D();
            masks.set(layer, flat);
            return flat.reshape(shape);
          };
          const pass = freshPass(network, consistent);
          const trunk = network.trunk(pass, pictures(image, n));
          const repeated = tf.gather(trunk, repeatedRows(n, passes));
          const [a, b] = [network.heads?.(pass, trunk, passes) as Output, network.head(pass, repeated)];
          outputs(a).forEach((output, i) => {
            const expected = outputs(b)[i] as Tensor;
            assert.deepEqual(output.shape, expected.shape);
            assert.ok(relativeDifference(output.dataSync(), expected.dataSync()) < 1e-5);
          });
        });
    });

    it(`${name} compiled is ${name} run op by op, in training and when sampling`, () => {
      const weights = initialWeights(network, [3, 4]);
      const statistics = initialStatistics(network);
      const step: Step = (variables, { x, seed }) => {
        const passOf = (vector: Tensor1D, normalisation: Pass['normalisation']): Pass => ({
          backend,
          weights: splitWeights(backend, network, vector),
          statistics: splitStatistics(backend, network, (variables['statistics'] as Tensor1D | undefined) ?? null),
          normalisation,
          mask: (shape, layer) =>
            dropoutMask(backend, shape, 0.3, tf.add(seed as Tensor, tf.tensor1d([0, layer], 'int32'))),
        });
        const logits = (pass: Pass) => forward(network, pass, x as Tensor4D).logits;
        const { value, grad } = tf.valueAndGrad((vector: Tensor1D) =>
          tf.mean(tf.square(logits(passOf(vector, 'batch')))).asScalar(),
        )(variables['weights'] as Tensor1D);
        return { outputs: { value, grad, sampled: logits(passOf(variables['weights'] as Tensor1D, 'moving')) } };
      };
      const options: CompileOptions = {
        name,
        variables: {
          weights: { shape: [weights.length], data: weights },
          ...(statistics.length > 0 && { statistics: { shape: [statistics.length], data: statistics } }),
        },
        feeds: {
          x: { shape: [2, image.height, image.width, image.channels], dtype: 'float32' },
          seed: { shape: [2], dtype: 'int32' },
        },
        verify: true,
      };
      const feeds = { x: pictures(image), seed: Int32Array.of(5, 6) };
      const [compiled, reference] = [compile(backend, step, options), eager(backend, step, options)];
      const [got, expected] = [compiled.fetch(feeds), reference.fetch(feeds)];
      compiled.dispose();
      reference.dispose();
      for (const [key, values] of Object.entries(expected))
        assert.ok(relativeDifference(got[key] as Float32Array, values) < 1e-3, key);
    });

    if (network.statistics.length > 0)
      it(`${name} tells each norm's batch statistics once, in training alone`, () => {
        const told: number[] = [];
        const observe: Pass['observe'] = (index, mean, variance) => {
          assert.deepEqual([mean.shape, variance.shape], [[network.statistics[index]?.width], mean.shape]);
          told.push(index);
        };
        forward(network, { ...freshPass(network, () => null, 'moving'), observe }, pictures(image));
        assert.deepEqual(told, []);
        forward(network, { ...freshPass(network, () => null, 'batch'), observe }, pictures(image));
        assert.deepEqual(
          told.sort((a, b) => a - b),
          network.statistics.map((_, index) => index),
        );
      });
  }
});
