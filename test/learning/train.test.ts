import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { LabelloopError } from '../../src/contracts/errors.js';
import { decodeSafetensors, encodeSafetensors, tensorNamed } from '../../src/contracts/safetensors.js';
import { loadBackend } from '../../src/learning/backend.js';
import { Batches, Cycle, itemWeights } from '../../src/learning/batches.js';
import { sample } from '../../src/learning/sample.js';
import { train } from '../../src/learning/train.js';
import { barTasks, temporaryDirectory, tinyRecipe } from './fixtures.js';
import type { NetworkName, Recipe, TaskListener, TrainTask } from '../../src/contracts/learner.js';

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

  const consistency = (thresholds: 'fixed' | 'flexmatch' | 'freematch'): Partial<Recipe> => ({
    student: 'consistency',
    weak: { shift: 0.1, rotation: 5, scale: 0, erase: 0, flip: 0 },
    strong: { operations: 2, magnitude: 0.5 },
    consistency: { ratio: 2, threshold: 0.6, thresholds, weight: 1 },
    averaging: 0.9,
  });
  const students: Record<string, { recipe: Partial<Recipe>; network?: NetworkName }> = {
    'augmented, AdamW': { recipe: {} },
    'supervised, SGD, class weights': {
      recipe: {
        weak: null,
        optimiser: 'sgd',
        schedule: 'steps',
        learningRate: 0.05,
        classWeights: true,
        humanShare: null,
      },
    },
    'normalised losses': { recipe: { pseudoWeight: 1 } },
    'RandAugment and averaged weights': { recipe: { strong: { operations: 2, magnitude: 0.7 }, averaging: 0.9 } },
    FixMatch: { recipe: consistency('fixed') },
    'FlexMatch with normalised losses': { recipe: { ...consistency('flexmatch'), pseudoWeight: 1 } },
    'FreeMatch in bfloat16': { recipe: { ...consistency('freematch'), precision: 'bfloat16' } },
    'FixMatch with batch normalisation': { recipe: { ...consistency('fixed'), batch: 4 }, network: 'resnet' },
  };

  for (const [name, { recipe, network = 'compact' }] of Object.entries(students))
    it(`ends in the same bits whether or not it was stopped and resumed: ${name}`, async () => {
      const task: Partial<TrainTask> = {
        recipe: { ...tinyRecipe, ...recipe, steps: 8, validateEvery: 2 },
        model: { network, image, classes: 4, growth: null },
        unlabelled: recipe.consistency ? tasks.train().shards : [],
        validation: tasks.train().items,
      };
      const whole = await trained(task);
      // In the middle of a window of validation.
      const at = 5;
      const checkpoint = path.join(directory, `stopped-${names++}`);
      await assert.rejects(stoppedAt(at, { ...task, checkpoint }), code('CANCELLED'));
      const resumed = await trained({ ...task, resume: `${checkpoint}.${at}` });
      assert.equal(resumed.result.resumedAt, at);
      assert.equal(resumed.result.loss, whole.result.loss);
      assert.equal(resumed.result.validationAccuracy, whole.result.validationAccuracy);
      assert.equal(resumed.bytes.equals(whole.bytes), true);
    });

  function stoppedAt(at: number, overrides: Partial<TrainTask>) {
    const controller = new AbortController();
    return trained(
      { checkpointSeconds: 1e-6, ...overrides },
      {
        signal: controller.signal,
        onCheckpoint: ({ step }) => {
          if (step === at) controller.abort();
          return Promise.resolve();
        },
      },
    );
  }

  it('keeps the checkpoint that is best on the validation images, and stops when no better one comes', async () => {
    const recipe: Recipe = { ...tinyRecipe, steps: 400, validateEvery: 2, patience: 3 };
    const { result } = await trained({ recipe, validation: tasks.train().items });
    assert.equal(result.stopped, 'validation');
    assert.ok((result.validationAccuracy as number) > 0.9, `${result.validationAccuracy}`);
    assert.ok(result.steps < 400);
  });

  it('ends early when the loss stands still', async () => {
    const recipe: Recipe = { ...tinyRecipe, steps: 200, learningRate: 1e-9, validateEvery: 5, patience: 2 };
    const { result } = await trained({ recipe });
    assert.equal(result.stopped, 'converged');
    assert.ok(result.steps < 100, `${result.steps} steps`);
  });

  it('lets an item of weight 0 teach nothing', async () => {
    const file = decodeSafetensors(fs.readFileSync(tasks.train().items));
    const items = (wrong: boolean): string => {
      const copy = structuredClone(file);
      tensorNamed(copy, 'weight', 'F32').data.fill(0, 0, 32);
      if (wrong) tensorNamed(copy, 'label', 'I32').data.fill(0, 0, 32);
      const written = path.join(directory, `items-${names++}`);
      fs.writeFileSync(written, encodeSafetensors(copy.tensors));
      return written;
    };
    const [right, wrong] = [await trained({ items: items(false) }), await trained({ items: items(true) })];
    assert.equal(right.bytes.equals(wrong.bytes), true);
  });

  it('goes on from the weights of another model', async () => {
    const taught = await trained({ recipe: { ...tinyRecipe, steps: 120 } });
    const recipe: Recipe = { ...tinyRecipe, steps: 1, learningRate: 1e-6 };
    const [fresh, warm] = [await trained({ recipe }), await trained({ recipe, initial: taught.output })];
    assert.ok(warm.result.loss < fresh.result.loss / 2, `${warm.result.loss}, fresh ${fresh.result.loss}`);
  });

  describe('with centroids', () => {
    const width = 128;
    /** Two centroids: the first half of the features, and the second. */
    const anchors = path.join(directory, 'anchors');
    const items = path.join(directory, 'anchored-items');
    before(() => {
      const data = Float32Array.from({ length: 2 * width }, (_, i) => (Math.floor(i / 64) % 3 === 0 ? 1 / 8 : 0));
      fs.writeFileSync(anchors, encodeSafetensors({ anchors: { dtype: 'F32', shape: [2, width], data } }));
      const file = decodeSafetensors(fs.readFileSync(tasks.train().items));
      const anchor = tensorNamed(file, 'label', 'I32').data.map((label) => (label < 2 ? label : -1));
      const tensors = { ...file.tensors, anchor: { dtype: 'I32' as const, shape: [anchor.length], data: anchor } };
      fs.writeFileSync(items, encodeSafetensors(tensors));
    });

    it('pulls the features of items that have one', async () => {
      const off = async (pull?: number): Promise<number> => {
        const recipe: Recipe = { ...tinyRecipe, steps: 60, ...(pull === undefined ? {} : { pull }) };
        const { output: model } = await trained({ recipe, items, anchors });
        const output = path.join(directory, `posterior-${names++}`);
        await sample(backend, tasks.sample({ models: [model], output }));
        const { data } = tensorNamed(decodeSafetensors(fs.readFileSync(output)), 'features', 'F32');
        // Images of classes 0 and 1: the share of a feature vector's square that lies outside of its centroid's half.
        const shares = [0, 1].map((c) => {
          const z = data.subarray(c * width, (c + 1) * width).map((x) => x * x);
          const sum = (part: Float32Array) => part.reduce((a, b) => a + b, 0);
          return sum(c === 0 ? z.subarray(64) : z.subarray(0, 64)) / sum(z);
        });
        return Math.max(...shares);
      };
      const [pulled, free] = [await off(3), await off()];
      assert.ok(pulled < 0.1 && free > 0.25, `${pulled} outside, without a pull ${free}`);
    });

    it('gives the bits of a task without, where the recipe has no pull', async () => {
      const [plain, beside] = [await trained(), await trained({ items, anchors })];
      assert.equal(beside.bytes.equals(plain.bytes), true);
    });

    it('ends in the same bits whether or not it was stopped and resumed', async () => {
      const task: Partial<TrainTask> = { recipe: { ...tinyRecipe, steps: 8, pull: 1 }, items, anchors };
      const whole = await trained(task);
      const checkpoint = path.join(directory, `stopped-${names++}`);
      await assert.rejects(stoppedAt(5, { ...task, checkpoint }), code('CANCELLED'));
      const resumed = await trained({ ...task, resume: `${checkpoint}.5` });
      assert.equal(resumed.bytes.equals(whole.bytes), true);
    });

    it('refuses a pull without centroids, and an item with one that is not there', async () => {
      const recipe: Recipe = { ...tinyRecipe, pull: 1 };
      await assert.rejects(trained({ recipe }), code('SHAPE_MISMATCH'));
      const one = path.join(directory, 'one-anchor');
      const data = new Float32Array(width).fill(1);
      fs.writeFileSync(one, encodeSafetensors({ anchors: { dtype: 'F32', shape: [1, width], data } }));
      await assert.rejects(trained({ recipe, items, anchors: one }), code('SHAPE_MISMATCH'));
    });
  });

  it('refuses a consistency student without a pool', async () => {
    await assert.rejects(trained({ recipe: { ...tinyRecipe, ...consistency('fixed') } }), code('SHAPE_MISMATCH'));
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
    assert.equal(metadata['format'], 'labelloop.model/2');
    assert.deepEqual(JSON.parse(metadata['spec'] as string), {
      network: 'compact',
      image,
      classes: 4,
      growth: null,
    });
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

  it('takes them as they come where no share is given', () => {
    const batches = new Batches(items(10, 30), { batch: 20, humanShare: null }, [1, 2]);
    assert.equal(new Set([...batches.at(0), ...batches.at(1)]).size, 40);
  });

  it('weighs classes by the share of the largest one, and items by their own weights', () => {
    const three = { ...items(3, 0), label: Int32Array.of(0, 0, 1), weight: Float32Array.of(1, 0.5, 1) };
    assert.deepEqual([...itemWeights(three, 2, true)], [1, 0.5, 2]);
    assert.deepEqual([...itemWeights(three, 2, false)], [1, 0.5, 1]);
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
