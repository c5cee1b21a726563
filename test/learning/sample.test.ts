import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { LabelloopError } from '../../src/contracts/errors.js';
import { RandomStream } from '../../src/contracts/random.js';
import { decodeSafetensors, tensorNamed } from '../../src/contracts/safetensors.js';
import { loadBackend } from '../../src/learning/backend.js';
import { encodeModel } from '../../src/learning/checkpoint.js';
import { initialStatistics, initialWeights } from '../../src/learning/network.js';
import { createNetwork } from '../../src/learning/networks/index.js';
import { sample } from '../../src/learning/sample.js';
import { temporaryDirectory } from './fixtures.js';
import type { ModelSpec, SampleTask, SequentialRule } from '../../src/contracts/learner.js';

const backend = loadBackend();
const { tf } = backend;
const code = (expected: string) => (error: unknown) => error instanceof LabelloopError && error.code === expected;

const CLASSES = 4;
const COLUMNS = {
  p: CLASSES,
  predictive_entropy: 1,
  aleatoric: 1,
  epistemic: 1,
  log_variance: 1,
  probability_std: 1,
  variation_ratio: 1,
  kwon_aleatoric: 1,
  kwon_epistemic: 1,
  passes: 1,
};
const SPECS: Record<string, ModelSpec> = {
  compact: { network: 'compact', image: { height: 12, width: 12, channels: 1 }, classes: CLASSES, growth: null },
  densenet: { network: 'densenet', image: { height: 8, width: 8, channels: 1 }, classes: CLASSES, growth: 2 },
};

describe('sample', () => {
  const directory = temporaryDirectory();
  let files = 0;
  const fresh = (name: string): string => path.join(directory, `${files++}.${name}`);

  /** A model as its training begins, its head turned up so that its passes differ; `seed` makes another. */
  function modelFile(spec: ModelSpec, seed = 1, dropout = 0.3): string {
    const network = createNetwork(spec);
    const weights = initialWeights(network, [seed, 0]).map((weight) => (spec.network === 'compact' ? 2 : 1) * weight);
    const file = fresh('model');
    fs.writeFileSync(file, encodeModel(network, { weights, statistics: initialStatistics(network) }, dropout));
    return file;
  }

  function pixelsOf({ image }: ModelSpec, count: number): Uint8Array {
    const random = new RandomStream([5, 5]);
    return Uint8Array.from({ length: count * image.height * image.width }, () => random.integer(256));
  }

  const small = (spec: ModelSpec, pixels: string, count: number): SampleTask => ({
    kind: 'sample',
    models: [modelFile(spec)],
    posterior: 'mc-dropout',
    pixels,
    count,
    offset: 0,
    passes: 6,
    sequential: null,
    seed: [3, 4],
    precision: 'float32',
    output: fresh('posterior'),
  });

  const rule: SequentialRule = {
    score: 'predictive-entropy',
    cutoffs: new Array<number>(CLASSES).fill(1),
    least: 4,
    most: 24,
    settled: 2,
  };

  for (const [name, spec] of Object.entries(SPECS)) {
    describe(name, () => {
      const model = modelFile(spec);
      const size = spec.image.height * spec.image.width;
      const pixels = pixelsOf(spec, 600);

      const taskOf = (from: number, to: number, overrides: Partial<SampleTask> = {}): SampleTask => {
        const file = fresh('pixels');
        fs.writeFileSync(file, pixels.subarray(from * size, to * size));
        return {
          kind: 'sample',
          models: [model],
          posterior: 'mc-dropout',
          pixels: file,
          count: to - from,
          offset: from,
          passes: 6,
          sequential: null,
          seed: [3, 4],
          precision: 'float32',
          output: `${file}.posterior`,
          ...overrides,
        };
      };
      async function sampled(from: number, to: number, overrides: Partial<SampleTask> = {}) {
        const task = taskOf(from, to, overrides);
        const result = await sample(backend, task);
        return { result, ...decodeSafetensors(fs.readFileSync(task.output)) };
      }
      type Sampled = Awaited<ReturnType<typeof sampled>>;
      const column = (file: Sampled, column: string) => tensorNamed(file, column, 'F32').data;

      async function assertSameInParts(cuts: number[], overrides: Partial<SampleTask>) {
        const last = cuts.at(-1) as number;
        const whole = await sampled(0, last, overrides);
        const parts: Sampled[] = [];
        for (let i = 1; i < cuts.length; i++)
          parts.push(await sampled(cuts[i - 1] as number, cuts[i] as number, overrides));
        for (const name of [...Object.keys(COLUMNS), 'features'])
          assert.deepEqual(
            Float32Array.from(parts.flatMap((part) => [...column(part, name)])),
            column(whole, name),
            name,
          );
        return whole;
      }

      it('gives every image a posterior whose parts fit together', async () => {
        const file = await sampled(0, 100);
        for (const [name, width] of Object.entries(COLUMNS))
          assert.deepEqual(file.tensors[name]?.shape, width === 1 ? [100] : [100, width], name);
        assert.deepEqual(file.tensors['features']?.shape, [100, file.result.width]);
        assert.equal(file.result.passes, 600);
        const [p, total, aleatoric, epistemic] = Object.keys(COLUMNS).map((name) => column(file, name)) as [
          Float32Array,
          ...Float32Array[],
        ];
        for (let i = 0; i < 100; i++) {
          const row = p.subarray(i * CLASSES, (i + 1) * CLASSES);
          assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-5);
          assert.ok(Math.abs((aleatoric?.[i] ?? NaN) + (epistemic?.[i] ?? NaN) - (total?.[i] ?? NaN)) < 1e-5);
        }
        assert.ok(
          epistemic?.every((value) => value > 0),
          'the passes differ',
        );
      });

      it('gives an image the same posterior however the split is cut into shards', async () => {
        await assertSameInParts([0, 100, 300, 600], {});
        await assertSameInParts([0, 256, 512, 600], { passes: 2 });
      });

      it('settles decisions alike however the split is cut at blocks, and spends passes where they are open', async () => {
        const scores = column(await sampled(0, 256), 'predictive_entropy').sort();
        const cutoffs = rule.cutoffs.map(() => scores[128] as number);
        const whole = await assertSameInParts([0, 256, 512, 600], { sequential: { ...rule, cutoffs } });
        const passes = column(whole, 'passes');
        assert.ok(passes.every((value) => value >= rule.least && value <= rule.most));
        assert.ok(new Set(passes).size > 1, 'some images take more passes than others');
        assert.equal(
          whole.result.passes,
          passes.reduce((a, b) => a + b),
        );
      });

      it('gives the same bytes twice for one seed, and others for another', async () => {
        for (const sequential of [null, rule]) {
          const once = await sampled(0, 50, { sequential });
          assert.deepEqual((await sampled(0, 50, { sequential })).tensors, once.tensors);
          assert.notDeepEqual((await sampled(0, 50, { sequential, seed: [8, 8] })).tensors, once.tensors);
        }
      });

      it('uses masks that differ between images and between blocks', async () => {
        const twins = fresh('twins');
        fs.writeFileSync(twins, Buffer.concat(Array.from({ length: 300 }, () => pixels.subarray(0, size))));
        const file = await sampled(0, 300, { pixels: twins });
        assert.ok(new Set(column(file, 'epistemic')).size > 280);
      });

      it('takes one pass without dropout for a softmax, and one of each member for an ensemble', async () => {
        const members = [model, modelFile(spec, 2), modelFile(spec, 3)];
        const single: Sampled[] = [];
        for (const member of members)
          single.push(await sampled(0, 40, { models: [member], posterior: 'softmax', passes: 9 }));
        for (const file of single) {
          assert.equal(file.result.passes, 40);
          assert.ok(column(file, 'epistemic').every((value) => value < 1e-6));
        }
        const ensemble = await sampled(0, 40, { models: members, posterior: 'ensemble', passes: 1 });
        assert.equal(ensemble.result.passes, 120);
        const mean = column(single[0] as Sampled, 'p').map(
          (_, i) => single.reduce((sum, file) => sum + (column(file, 'p')[i] as number), 0) / 3,
        );
        column(ensemble, 'p').forEach((value, i) => assert.ok(Math.abs(value - (mean[i] as number)) < 1e-6));
        assert.deepEqual(column(ensemble, 'features'), column(single[0] as Sampled, 'features'));
      });

      it('takes the next model of the same network, not the last one', async () => {
        const other = modelFile(spec, 9);
        const before = await sampled(0, 20, { models: [other] });
        await sampled(0, 20);
        assert.deepEqual((await sampled(0, 20, { models: [other] })).tensors, before.tensors);
      });

      it('leaves no tensor behind over 100 shards, nor where it is stopped', async () => {
        await sampled(0, 10, { passes: 2 });
        const before = tf.memory().numTensors;
        const task = taskOf(0, 2, { passes: 2 });
        for (let shard = 0; shard < (name === 'compact' ? 100 : 10); shard++) await sample(backend, task);
        assert.equal(tf.memory().numTensors, before);
        const stopped = taskOf(0, 600, { passes: 1000 });
        await assert.rejects(sample(backend, stopped, { signal: AbortSignal.timeout(20) }), code('CANCELLED'));
        assert.equal(tf.memory().numTensors, before);
        assert.equal(fs.existsSync(stopped.output), false);
      });
    });
  }

  it('keeps two tasks apart that run at the same time', async () => {
    const spec = SPECS['compact'] as ModelSpec;
    const pixels = fresh('pixels');
    fs.writeFileSync(pixels, pixelsOf(spec, 300));
    const tasks = [1, 2].map((seed) => ({ ...small(spec, pixels, 300), models: [modelFile(spec, seed)] }));
    const outputs = () => tasks.map((task) => fs.readFileSync(task.output));
    for (const task of tasks) await sample(backend, task);
    const apart = outputs();
    await Promise.all(tasks.map((task) => sample(backend, task)));
    assert.deepEqual(outputs(), apart);
  });

  it('scores alike in bfloat16, but for rounding', async () => {
    const spec = SPECS['compact'] as ModelSpec;
    const pixels = fresh('pixels');
    fs.writeFileSync(pixels, pixelsOf(spec, 100));
    const [exact, rounded] = await Promise.all(
      (['float32', 'bfloat16'] as const).map(async (precision) => {
        const task: SampleTask = { ...small(spec, pixels, 100), models: [modelFile(spec)], precision };
        await sample(backend, task);
        return tensorNamed(decodeSafetensors(fs.readFileSync(task.output)), 'p', 'F32').data;
      }),
    );
    // 8 bits of mantissa: 2^-8 of each activation, a few times that of a probability.
    exact?.forEach((p, i) => assert.ok(Math.abs(p - (rounded?.[i] ?? NaN)) < 0.05));
  });

  it('says how far it is within a block of images, however many passes that takes', async () => {
    const controller = new AbortController();
    const spec = SPECS['compact'] as ModelSpec;
    const pixels = fresh('pixels');
    fs.writeFileSync(pixels, pixelsOf(spec, 64));
    const task = { ...small(spec, pixels, 64), passes: 100_000 };
    const listener = {
      signal: controller.signal,
      onProgress: ({ done, total }: { done: number; total: number }) => {
        assert.ok(done < total);
        controller.abort();
      },
    };
    await assert.rejects(sample(backend, task, listener), code('CANCELLED'));
  });

  it('refuses fewer pixels than images, what is not a model, and members of different images', async () => {
    const spec = SPECS['compact'] as ModelSpec;
    const pixels = fresh('pixels');
    fs.writeFileSync(pixels, pixelsOf(spec, 10));
    const task: SampleTask = { ...small(spec, pixels, 10), posterior: 'ensemble' };
    await assert.rejects(sample(backend, { ...task, count: 11 }), code('SHAPE_MISMATCH'));
    const other = modelFile({ ...spec, classes: 5 });
    await assert.rejects(sample(backend, { ...task, models: [...task.models, other] }), code('SHAPE_MISMATCH'));
    fs.writeFileSync(pixels, encodeForeign());
    await assert.rejects(sample(backend, { ...task, models: [pixels] }), code('FORMAT_UNKNOWN'));
  });
});

/** A safetensors file that is not a model: an empty header. */
const encodeForeign = (): Buffer => Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]);
