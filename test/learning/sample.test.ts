import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { LabelloopError } from '../../src/contracts/errors.js';
import { decodeSafetensors, tensorNamed } from '../../src/contracts/safetensors.js';
import { loadBackend } from '../../src/learning/backend.js';
import { sample } from '../../src/learning/sample.js';
import { train } from '../../src/learning/train.js';
import { barTasks, bars, temporaryDirectory, tinyRecipe } from './fixtures.js';
import type { SampleTask } from '../../src/contracts/learner.js';

const backend = loadBackend();
const { tf } = backend;
const classes = 4;
const code = (expected: string) => (error: unknown) => error instanceof LabelloopError && error.code === expected;

describe('sample', () => {
  const directory = temporaryDirectory();
  const image = { height: 12, width: 12, channels: 1 } as const;
  const tasks = barTasks(directory, image, classes);
  const { pixels, labels } = bars(600, image, classes, 5);
  const size = 144;
  let names = 0;

  before(async () => {
    await train(backend, tasks.train({ recipe: { ...tinyRecipe, steps: 60 } }));
  });

  /** Samples images [from, to) of the split as one shard. */
  async function sampled(from: number, to: number, overrides: Partial<SampleTask> = {}) {
    const file = path.join(directory, `pixels-${names++}`);
    fs.writeFileSync(file, pixels.subarray(from * size, to * size));
    const output = `${file}.posterior`;
    const result = await sample(
      backend,
      tasks.sample({ pixels: file, count: to - from, offset: from, output, ...overrides }),
    );
    return { result, ...decodeSafetensors(fs.readFileSync(output)) };
  }
  type Sampled = Awaited<ReturnType<typeof sampled>>;
  const column = (file: Sampled, name: string) => tensorNamed(file, name, 'F32').data;
  const columns = ['p', 'predictive_entropy', 'aleatoric', 'epistemic', 'log_variance', 'probability_std', 'features'];

  it('says how far it is within a block of images, however many passes that takes', async () => {
    const controller = new AbortController();
    const task = tasks.sample({ count: 64, passes: 100_000 });
    const listener = {
      signal: controller.signal,
      onProgress: ({ done, total }: { done: number; total: number }) => {
        assert.ok(done < total);
        controller.abort();
      },
    };
    await assert.rejects(sample(backend, task, listener), code('CANCELLED'));
  });

  it('gives every image a posterior whose parts fit together', async () => {
    const file = await sampled(0, 300);
    assert.deepEqual(file.tensors['p']?.shape, [300, classes]);
    assert.deepEqual(file.tensors['features']?.shape, [300, file.result.width]);
    const [p, total, aleatoric, epistemic] = columns.map((name) => column(file, name)) as [
      Float32Array,
      ...Float32Array[],
    ];
    let right = 0;
    for (let i = 0; i < 300; i++) {
      const row = [...p.subarray(i * classes, (i + 1) * classes)];
      assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-5);
      assert.ok(Math.abs((aleatoric?.[i] ?? NaN) + (epistemic?.[i] ?? NaN) - (total?.[i] ?? NaN)) < 1e-5);
      if (row.indexOf(Math.max(...row)) === labels[i]) right++;
    }
    assert.ok(right > 270, `${right} of 300 right`);
    assert.ok(
      epistemic?.some((value) => value > 0),
      'the passes differ',
    );
  });

  it('gives an image the same posterior however the split is cut into shards', async () => {
    const whole = await sampled(0, 600);
    for (const cuts of [
      [0, 256, 512, 600],
      [0, 100, 300, 600],
    ]) {
      const parts: Sampled[] = [];
      for (let i = 1; i < cuts.length; i++) parts.push(await sampled(cuts[i - 1] as number, cuts[i] as number));
      for (const name of columns) {
        const joined: number[] = parts.flatMap((part) => [...column(part, name)]);
        assert.deepEqual(Float32Array.from(joined), column(whole, name), name);
      }
    }
  });

  it('gives the same bytes twice for one seed, and others for another', async () => {
    const once = await sampled(0, 50);
    assert.deepEqual((await sampled(0, 50)).tensors, once.tensors);
    assert.notDeepEqual((await sampled(0, 50, { seed: [8, 8] })).tensors, once.tensors);
  });

  it('uses masks that differ between images and between blocks', async () => {
    const twin = path.join(directory, 'twins');
    const one = pixels.subarray(0, size);
    fs.writeFileSync(twin, Buffer.concat(Array.from({ length: 300 }, () => one)));
    const file = await sampled(0, 300, { pixels: twin });
    const epistemic = column(file, 'epistemic');
    assert.ok(new Set(epistemic).size > 250);
  });

  it('leaves no tensor behind, also where it is stopped', async () => {
    const before = tf.memory().numTensors;
    await sampled(0, 300);
    assert.equal(tf.memory().numTensors, before);
    const controller = new AbortController();
    const file = path.join(directory, 'stopped');
    fs.writeFileSync(file, pixels);
    const task = tasks.sample({ pixels: file, count: 600, output: `${file}.posterior` });
    const listener = { signal: controller.signal, onProgress: () => controller.abort() };
    setImmediate(() => controller.abort());
    await assert.rejects(sample(backend, task, listener), code('CANCELLED'));
    assert.equal(tf.memory().numTensors, before);
    assert.equal(fs.existsSync(task.output), false);
  });

  it('refuses fewer pixels than images and what is not a model', async () => {
    await assert.rejects(sampled(0, 10, { count: 11 }), code('SHAPE_MISMATCH'));
    await assert.rejects(sampled(0, 10, { model: tasks.train().items }), code('FORMAT_UNKNOWN'));
  });
});
