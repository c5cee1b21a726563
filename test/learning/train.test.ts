import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { LabelloopError } from '../../src/contracts/errors.js';
import { decodeSafetensors, encodeSafetensors, tensorNamed } from '../../src/contracts/safetensors.js';
import { loadBackend } from '../../src/learning/backend.js';
import { Batches, Cycle } from '../../src/learning/batches.js';
import { createModel, initialWeights } from '../../src/learning/model.js';
import { adamW, learningRate, stepSize } from '../../src/learning/optimise.js';
import { standardise } from '../../src/learning/pixels.js';
import { train } from '../../src/learning/train.js';
import { barTasks, temporaryDirectory, tinyRecipe } from './fixtures.js';
import type { TaskListener, TrainTask } from '../../src/contracts/learner.js';

const backend = loadBackend();
const { tf } = backend;
const code = (expected: string) => (error: unknown) => error instanceof LabelloopError && error.code === expected;

describe('train', () => {
  const directory = temporaryDirectory();
  const image = { height: 12, width: 12, channels: 1 } as const;
  const tasks = barTasks(directory, image);
  let names = 0;

  /** Trains into files of their own; gives the bytes of the model. */
  async function trained(overrides: Partial<TrainTask> = {}, listener: TaskListener = {}) {
    const output = path.join(directory, `model-${names++}`);
    const result = await train(
      backend,
      tasks.train({ output, checkpoint: `${output}.checkpoint`, ...overrides }),
      listener,
    );
    return { result, bytes: fs.readFileSync(output), output };
  }

  it('gives the same bits twice for one seed, and others for another', async () => {
    const once = await trained();
    assert.equal((await trained()).bytes.equals(once.bytes), true);
    assert.equal((await trained({ seed: [9, 9] })).bytes.equals(once.bytes), false);
  });

  it('ends in the same bits whether or not it was stopped and resumed, at any step', async () => {
    const whole = await trained();
    for (const at of [1, 7, 11]) {
      const controller = new AbortController();
      const checkpoint = path.join(directory, `stopped-${at}`);
      const stopping = trained(
        { checkpoint, checkpointSeconds: 1e-6 },
        {
          signal: controller.signal,
          onCheckpoint: ({ step }) => {
            if (step === at) controller.abort();
            return Promise.resolve();
          },
        },
      );
      await assert.rejects(stopping, code('CANCELLED'));
      const resumed = await trained({ resume: `${checkpoint}.${at}` });
      assert.equal(resumed.result.resumedAt, at);
      assert.equal(resumed.result.loss, whole.result.loss);
      assert.equal(resumed.bytes.equals(whole.bytes), true);
    }
  });

  it('writes a last checkpoint when it is stopped, and rejects when its listener has it', async () => {
    const controller = new AbortController();
    const reported: number[] = [];
    const stopping = trained(
      { recipe: { ...tinyRecipe, steps: 10_000 } },
      {
        signal: controller.signal,
        onProgress: () => controller.abort(),
        onCheckpoint: async ({ step, path: file }) => {
          await new Promise((resolve) => setImmediate(resolve));
          assert.ok(fs.existsSync(file));
          reported.push(step);
        },
      },
    );
    await assert.rejects(stopping, code('CANCELLED'));
    assert.equal(reported.length, 1);
    assert.ok((reported[0] as number) > 0);
  });

  it('writes a checkpoint when the time has come, waits for its listener, and keeps the two newest', async () => {
    const checkpoint = path.join(directory, 'timed');
    const steps: number[] = [];
    let busy = false;
    await trained(
      { checkpoint, checkpointSeconds: 1e-6 },
      {
        onCheckpoint: async ({ step, path: file }) => {
          assert.equal(busy, false);
          busy = true;
          steps.push(step);
          const bytes = fs.readFileSync(file);
          await new Promise((resolve) => setImmediate(resolve));
          assert.equal(fs.readFileSync(file).equals(bytes), true);
          busy = false;
        },
      },
    );
    assert.deepEqual(steps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const kept = fs.readdirSync(directory).filter((name) => name.startsWith('timed'));
    assert.deepEqual(kept.sort(), ['timed.11', 'timed.12']);
  });

  it('fails with the error of its listener', async () => {
    const onCheckpoint = () => Promise.reject(new Error('no room'));
    await assert.rejects(trained({ checkpointSeconds: 1e-6 }, { onCheckpoint }), /no room/);
  });

  it('refuses a checkpoint of another task and a damaged one', async () => {
    const checkpoint = path.join(directory, 'of-a-task');
    await trained({ checkpoint, checkpointSeconds: 1e-6 });
    await assert.rejects(trained({ resume: `${checkpoint}.12`, seed: [5, 5] }), code('SHAPE_MISMATCH'));
    fs.truncateSync(`${checkpoint}.12`, 1000);
    await assert.rejects(trained({ resume: `${checkpoint}.12` }), code('FORMAT_UNKNOWN'));
  });

  it('leaves no tensor behind, neither over its steps nor after it', async () => {
    const before = tf.memory().numTensors;
    const counts = new Set<number>();
    await trained(
      { checkpointSeconds: 1e-6 },
      {
        onCheckpoint: () => {
          counts.add(tf.memory().numTensors);
          return Promise.resolve();
        },
      },
    );
    assert.equal(counts.size, 1);
    assert.equal(tf.memory().numTensors, before);
    await assert.rejects(trained({ recipe: { ...tinyRecipe, learningRate: 1e30 } }), code('TRAINING_DIVERGED'));
    assert.equal(tf.memory().numTensors, before);
  });

  it('learns: the loss falls far below that of guessing', async () => {
    const { result } = await trained({ recipe: { ...tinyRecipe, steps: 80 } });
    assert.ok(result.loss < 0.5 * Math.log(4), `loss ${result.loss}`);
  });

  it('reports progress at its end at least', async () => {
    const seen: number[] = [];
    await trained({}, { onProgress: ({ done, total }) => seen.push(done / total) });
    assert.equal(seen.at(-1), 1);
  });

  it('writes a model that says what it is, a tensor a parameter', async () => {
    const { bytes, result } = await trained();
    const { tensors, metadata } = decodeSafetensors(bytes);
    assert.equal(metadata['format'], 'labelloop.model/1');
    assert.deepEqual(JSON.parse(metadata['spec'] as string), { preset: 'compact', image, classes: 4 });
    assert.deepEqual(tensors['logits.kernel']?.shape, [128, 4]);
    const count = Object.values(tensors).reduce((sum, { data }) => sum + data.length, 0);
    assert.equal(count, result.parameters);
  });

  it('names what does not fit: no items, a label without a class, a row without an image, half an image', async () => {
    const file = decodeSafetensors(fs.readFileSync(tasks.train().items));
    const items = (change: (read: typeof file) => void): string => {
      const copy = structuredClone(file);
      change(copy);
      const written = path.join(directory, `items-${names++}`);
      fs.writeFileSync(written, encodeSafetensors(copy.tensors));
      return written;
    };
    const bad = [
      items(({ tensors }) =>
        Object.values(tensors).forEach((t) => Object.assign(t, { shape: [0], data: t.data.slice(0, 0) })),
      ),
      items((read) => (tensorNamed(read, 'label', 'I32').data[3] = 4)),
      items((read) => (tensorNamed(read, 'row', 'I32').data[3] = 64)),
      items((read) => (tensorNamed(read, 'shard', 'I32').data[3] = 1)),
    ];
    for (const path of bad) await assert.rejects(trained({ items: path }), code('SHAPE_MISMATCH'));
    const half = path.join(directory, 'half');
    fs.writeFileSync(half, new Uint8Array(100));
    await assert.rejects(trained({ shards: [half] }), code('SHAPE_MISMATCH'));
  });

  it('trains images of 8 and 512 pixels, of 1 and 3 channels, wide and tall', async () => {
    for (const [height, width, channels] of [
      [8, 8, 1],
      [28, 28, 1],
      [64, 64, 3],
      [9, 40, 3],
      [512, 512, 1],
    ] as const) {
      const own = fs.mkdtempSync(path.join(directory, 'shape-'));
      const shaped = barTasks(own, { height, width, channels }, 2, 4);
      const recipe = { ...tinyRecipe, steps: 1, batch: 2 };
      const result = await train(backend, shaped.train({ recipe }));
      assert.ok(Number.isFinite(result.loss));
    }
  });
});

describe('model', () => {
  it('halves until the picture is at most 7x7, whatever its size', () => {
    for (const side of [8, 15, 28, 32, 64, 100, 224, 512]) {
      const model = createModel({ preset: 'compact', image: { height: side, width: side, channels: 3 }, classes: 10 });
      assert.ok(model.width <= 7 * 7 * 128, `${side}: ${model.width}`);
      assert.deepEqual(model.parameters.find(({ name }) => name === 'dense.kernel')?.shape, [model.width, 128]);
    }
  });

  it('starts kernels with variance gain / fan-in and biases at 0', () => {
    const model = createModel({ preset: 'compact', image: { height: 28, width: 28, channels: 1 }, classes: 10 });
    const weights = initialWeights(model, [1, 2]);
    let offset = 0;
    for (const { name, shape, fanIn, gain } of model.parameters) {
      const values = weights.subarray(offset, (offset += shape.reduce((a, b) => a * b, 1)));
      const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
      if (fanIn === 0) assert.equal(variance, 0, name);
      else assert.ok(Math.abs((variance * fanIn) / gain - 1) < 6 * Math.sqrt(2 / values.length), name);
    }
  });
});

describe('optimiser', () => {
  it('equals AdamW worked out by hand', () => {
    const recipe = { ...tinyRecipe, steps: 100, learningRate: 0.1, weightDecay: 0.5 };
    tf.tidy(() => {
      const zero = () => tf.zeros([2]);
      let state = { weights: tf.tensor1d([1, -2]), first: zero(), second: zero() } as Parameters<typeof adamW>[1];
      const expected = { w: [1, -2], m: [0, 0], v: [0, 0] };
      for (let step = 0; step < 3; step++) {
        const gradient = [0.5 * (step + 1), -0.1];
        state = adamW(backend, state, tf.tensor1d(gradient), tf.tensor1d([1, 0]), stepSize(recipe, step));
        const rate = learningRate(recipe, step);
        for (const i of [0, 1]) {
          const g = gradient[i] as number;
          const m = (expected.m[i] = 0.9 * (expected.m[i] as number) + 0.1 * g);
          const v = (expected.v[i] = 0.99 * (expected.v[i] as number) + 0.01 * g * g);
          const move = m / (1 - 0.9 ** (step + 1)) / (Math.sqrt(v / (1 - 0.99 ** (step + 1))) + 1e-8);
          const decay = i === 0 ? 0.5 * (expected.w[i] as number) : 0;
          expected.w[i] = (expected.w[i] as number) - rate * (move + decay);
        }
      }
      state.weights.dataSync().forEach((value, i) => assert.ok(Math.abs(value - (expected.w[i] as number)) < 1e-5));
    });
  });

  it('warms up to the peak and ends near 0', () => {
    const schedule = { learningRate: 1, steps: 100 };
    const rates = Array.from({ length: 100 }, (_, step) => learningRate(schedule, step));
    assert.equal(Math.max(...rates), 1);
    assert.ok((rates[0] as number) <= 0.2);
    assert.ok((rates[99] as number) < 0.01);
  });
});

describe('batches', () => {
  const items = (humans: number, pseudos: number) => {
    const n = humans + pseudos;
    return {
      shard: new Int32Array(n),
      row: new Int32Array(n),
      label: new Int32Array(n),
      weight: new Float32Array(n),
      human: Uint8Array.from({ length: n }, (_, i) => (i < humans ? 1 : 0)),
    };
  };

  it('takes the human share from human labels and the rest from pseudo-labels', () => {
    const batches = new Batches(items(30, 900), { batch: 20, humanShare: 0.25 }, [1, 2]);
    for (let step = 0; step < 50; step++) assert.equal(batches.at(step).filter((item) => item < 30).length, 5);
  });

  it('takes all from one kind where there is no other', () => {
    for (const [humans, pseudos] of [
      [30, 0],
      [0, 30],
    ] as const) {
      const batch = new Batches(items(humans, pseudos), { batch: 20, humanShare: 0.25 }, [1, 2]).at(3);
      assert.equal(new Set(batch).size, 20);
    }
  });

  it('gives a step the same batch wherever it starts, and each member once a turn', () => {
    const whole = new Cycle(
      Int32Array.from({ length: 7 }, (_, i) => i),
      [3, 4],
    );
    const seen = Array.from({ length: 35 }, (_, position) => whole.at(position));
    const late = new Cycle(
      Int32Array.from({ length: 7 }, (_, i) => i),
      [3, 4],
    );
    assert.deepEqual(
      Array.from({ length: 10 }, (_, i) => late.at(25 + i)),
      seen.slice(25),
    );
    for (let turn = 0; turn < 5; turn++) assert.equal(new Set(seen.slice(7 * turn, 7 * turn + 7)).size, 7);
  });
});

describe('standardisation', () => {
  it('gives mean 0 and deviation 1, and 0 for a blank image', () => {
    const pixels = Uint8Array.from({ length: 200 }, (_, i) => (i < 100 ? (i * 37) % 256 : 90));
    const got = standardise(pixels, 100);
    const first = got.subarray(0, 100);
    assert.ok(Math.abs(first.reduce((a, b) => a + b)) < 1e-3);
    assert.ok(Math.abs(first.reduce((sum, value) => sum + value * value, 0) / 100 - 1) < 1e-3);
    assert.ok(got.subarray(100).every((value) => value === 0));
  });
});
