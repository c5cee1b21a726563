import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import os from 'node:os';
import { loadBackend } from '../../src/learning/backend.js';
import { compile, eager } from '../../src/learning/graph.js';
import { uniform } from '../../src/learning/random-ops.js';
import type { CompileOptions, Step } from '../../src/learning/graph.js';
import type { Tensor, Tensor2D } from '../../src/learning/backend.js';

const backend = loadBackend();
const { tf } = backend;
const { native } = backend;

const options: CompileOptions = {
  name: 'walk',
  variables: {
    position: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    count: { shape: [], data: Float32Array.of(0) },
  },
  feeds: { move: { shape: [2, 2], dtype: 'float32' }, scale: { shape: [], dtype: 'float32' } },
};
const walk: Step = ({ position, count }, { move, scale }) => {
  const next = tf.add(position as Tensor, tf.mul(move as Tensor, scale as Tensor));
  return {
    outputs: { before: position as Tensor, sum: tf.sum(next) },
    updates: { position: next, count: tf.add(count as Tensor, 1) },
  };
};
const move = Float32Array.of(1, 1, 1, 1);
const scale = (value: number) => Float32Array.of(value);
const failure =
  (code: string, ...parts: RegExp[]) =>
  (error: Error & { code: string }) => {
    assert.equal(error.code, code);
    for (const part of parts) assert.match(error.message, part);
    return true;
  };

for (const [kind, make] of Object.entries({ compile, eager }))
  describe(`a step, run by ${kind}`, () => {
    let tensors = 0;
    beforeEach(() => (tensors = tf.memory().numTensors));
    afterEach(() => assert.equal(tf.memory().numTensors, tensors, 'no tensor is left behind'));

    it('carries its variables from run to run, and gives outputs from before the updates', () => {
      const step = make(backend, walk, options);
      assert.deepEqual(step.fetch({ move, scale: scale(2) }), {
        before: Float32Array.of(1, 2, 3, 4),
        sum: Float32Array.of(18),
      });
      assert.deepEqual(step.fetch({ move, scale: scale(1) })['before'], Float32Array.of(3, 4, 5, 6));
      assert.deepEqual(step.read('position'), Float32Array.of(4, 5, 6, 7));
      assert.deepEqual(step.read('count'), Float32Array.of(2));
      step.dispose();
    });

    it("takes tensors and arrays, and hands out tensors that are the caller's", () => {
      const step = make(backend, walk, options);
      const feed = tf.tensor2d([1, 0, 0, 0], [2, 2]);
      const { before, sum } = step.run({ move: feed, scale: scale(5) }) as { before: Tensor; sum: Tensor };
      step.dispose();
      assert.deepEqual([...before.dataSync()], [1, 2, 3, 4]);
      assert.deepEqual([sum.shape, sum.dataSync()[0]], [[], 15]);
      tf.dispose([before, sum, feed]);
    });

    it('writes some variables and leaves the others, with values of its own', () => {
      const step = make(backend, walk, options);
      step.fetch({ move, scale: scale(1) });
      const values = Float32Array.of(9, 9, 9, 9);
      step.write('position', values);
      values.fill(0);
      step.write('position', step.read('position'));
      assert.deepEqual(step.read('position'), Float32Array.of(9, 9, 9, 9));
      assert.deepEqual(step.read('count'), Float32Array.of(1));
      step.fetch({ move, scale: scale(1) });
      assert.deepEqual(step.read('position'), Float32Array.of(10, 10, 10, 10));
      step.read('position').fill(0);
      assert.deepEqual(step.read('position'), Float32Array.of(10, 10, 10, 10));
      step.dispose();
    });

    it('keeps a feed that becomes a variable or an output, whatever happens to the array', () => {
      const set: Step = (_, { move: fed }) => ({
        outputs: { same: (fed as Tensor).reshape([4]) },
        updates: { position: (fed as Tensor2D).reshape([4]).reshape([2, 2]) },
      });
      const step = make(backend, set, options);
      const array = Float32Array.of(1, 2, 3, 4);
      const { same } = step.run({ move: array, scale: scale(0) }) as { same: Tensor };
      array.fill(7);
      assert.deepEqual([...same.dataSync()], [1, 2, 3, 4]);
      assert.deepEqual([...step.read('position')], [1, 2, 3, 4]);
      same.dispose();
      step.dispose();
    });

    it('runs without outputs, without feeds and without variables', () => {
      const silent = make(backend, ({ count }) => ({ outputs: {}, updates: { count: tf.add(count as Tensor, 1) } }), {
        ...options,
        feeds: {},
      });
      silent.fetch({});
      assert.deepEqual(silent.run({}), {});
      assert.deepEqual([...silent.read('count')], [2]);
      silent.dispose();
      const pure = make(backend, () => ({ outputs: { one: tf.ones([2]) } }), {
        name: 'pure',
        variables: {},
        feeds: {},
      });
      assert.deepEqual([...(pure.fetch({})['one'] as Float32Array)], [1, 1]);
      pure.dispose();
    });

    it('refuses feeds and values that are not what was declared', () => {
      const step = make(backend, walk, options);
      const wrong = tf.ones([4]);
      for (const bad of [Float32Array.of(1), Int32Array.of(1, 1, 1, 1), wrong])
        assert.throws(
          () => step.fetch({ move: bad, scale: scale(1) }),
          failure('SHAPE_MISMATCH', /'walk'/, /feed 'move'/, /expected float32 \[2, 2\]/),
        );
      assert.throws(() => step.fetch({ move }), failure('SHAPE_MISMATCH', /feed 'scale' is nothing/));
      assert.throws(() => step.fetch({ move, scale: scale(1), more: move }), failure('INTERNAL', /no feed 'more'/));
      assert.throws(() => step.read('speed'), failure('INTERNAL', /no variable 'speed'.*position, count/));
      assert.throws(() => step.write('count', move), failure('SHAPE_MISMATCH', /variable 'count' is 4 values/));
      wrong.dispose();
      assert.deepEqual([...step.read('count')], [0]);
      step.dispose();
      assert.throws(() => step.fetch({ move, scale: scale(1) }), failure('INTERNAL', /disposed/));
      step.dispose();
    });
  });

describe('compiling a step', () => {
  const functions = () => [native.executeSingleOutput, native.executeMultipleOutputs, native.readSync, native.read];
  let tensors = 0;
  let handles = functions();
  const directories = () => readdirSync(os.tmpdir()).filter((name) => name.startsWith('labelloop-graph-'));
  let left: string[] = [];
  beforeEach(() => {
    tensors = tf.memory().numTensors;
    handles = functions();
    left = directories();
  });
  afterEach(() => {
    assert.equal(tf.memory().numTensors, tensors, 'no tensor is left behind');
    assert.deepEqual(functions(), handles, 'the backend is as it was');
    assert.deepEqual(directories(), left, 'no directory is left behind');
  });

  const refuses = (step: Step, ...parts: RegExp[]) =>
    assert.throws(() => compile(backend, step, options), failure('INTERNAL', /'walk'/, ...parts));

  it('leaves memory flat over 1,000 runs, and as it was after them', () => {
    const sessions = tf.memory().numTensors;
    const step = compile(backend, walk, options);
    for (let i = 0; i < 1000; i++) {
      tf.dispose(step.run({ move, scale: scale(1) }));
      if (i % 100 === 0) step.write('count', step.read('count'));
    }
    assert.deepEqual([...step.read('count')], [1000]);
    assert.equal(tf.memory().numTensors, sessions);
    step.dispose();
  });

  it('has the binding delete all that it made', () => {
    const numbers = native as unknown as { getNumOfTFTensors(): number; getNumOfSavedModels(): number };
    const before = [numbers.getNumOfTFTensors(), numbers.getNumOfSavedModels()];
    const step = compile(backend, walk, options);
    step.fetch({ move, scale: scale(1) });
    step.read('position');
    step.write('position', move);
    step.write('position', move);
    step.dispose();
    assert.deepEqual([numbers.getNumOfTFTensors(), numbers.getNumOfSavedModels()], before);
  });

  it('refuses a step that reads a value, and says how to do without', async () => {
    const fed =
      (read: (x: Tensor) => unknown): Step =>
      (_, { move: x }) => {
        read(x as Tensor);
        return { outputs: {} };
      };
    refuses(
      fed((x) => x.dataSync()),
      /reads a tensor's values/,
      /Return the tensor as an output/,
    );
    refuses(
      fed((x) => tf.exp(x).arraySync()),
      /reads a tensor's values/,
    );
    refuses(
      fed((x) => tf.gather(tf.ones([9]), tf.cast(x, 'int32'))),
      /GatherV2/,
    );
    let promise: Promise<unknown> = Promise.resolve();
    compile(
      backend,
      fed((x) => (promise = x.data())),
      options,
    ).dispose();
    await assert.rejects(promise, failure('INTERNAL', /reads a tensor's values/));
  });

  it('lets a step read what it made itself from numbers', () => {
    const step = compile(
      backend,
      () => ({ outputs: { two: tf.scalar(tf.scalar(2).dataSync()[0] as number) } }),
      options,
    );
    assert.deepEqual([...(step.fetch({ move, scale: scale(1) })['two'] as Float32Array)], [2]);
    step.dispose();
  });

  it('refuses a step within a step', () => {
    const inner = compile(backend, walk, options);
    refuses(() => ({ outputs: inner.run({ move, scale: scale(1) }) }), /runs 'walk' while it is traced/);
    refuses(() => {
      compile(backend, walk, { ...options, name: 'inner' });
      return { outputs: {} };
    }, /compiles 'inner' while it is traced/);
    inner.dispose();
  });

  it('refuses results that are not tensors of what was declared', () => {
    refuses(() => ({ outputs: { one: 1 as unknown as Tensor } }), /output 'one' is not a tensor/);
    refuses(({ count }) => {
      const gone = tf.neg(count as Tensor);
      gone.dispose();
      return { outputs: { gone } };
    }, /output 'gone' is a disposed tensor/);
    refuses(() => ({ outputs: {}, updates: { speed: tf.scalar(1) } }), /no variable 'speed'/);
    refuses(() => ({ outputs: { words: tf.tensor(['a']) } }), /output 'words' is of a type/);
    assert.throws(
      () => compile(backend, () => ({ outputs: {}, updates: { count: tf.ones([2]) } }), options),
      failure('SHAPE_MISMATCH', /update 'count' is float32 \[2\], expected float32 \[\]/),
    );
  });

  it('hands on what the step itself throws', () => {
    const error = new Error('mine');
    assert.throws(
      () =>
        compile(
          backend,
          ({ count }) => {
            tf.grad(() => {
              throw error;
            })(count as Tensor);
            return { outputs: {} };
          },
          options,
        ),
      error,
    );
  });

  it('says which op TensorFlow would not take', () => {
    refuses(
      ({ position }) => ({ outputs: { x: backend.op('Cast', { DstT: { type: 'int32' } }, [position as Tensor]) } }),
      /TensorFlow refuses its graph/,
      /SrcT/,
    );
  });

  it('keeps a number from outside for ever, which `verify` finds', () => {
    let counter = 0;
    const counting: Step = () => ({ outputs: { count: tf.add(tf.scalar(++counter), tf.scalar(1)) } });
    const step = compile(backend, counting, options);
    const value = () => [...(step.fetch({ move, scale: scale(1) })['count'] as Float32Array)];
    assert.deepEqual([value(), value()], [[2], [2]]);
    step.dispose();
    const verified = (body: Step) => () => compile(backend, body, { ...options, verify: true }).dispose();
    assert.throws(verified(counting), failure('INTERNAL', /op 1, Add, differs between two traces/, /a feed/));
    assert.throws(
      verified(() => ({ outputs: { x: tf.neg(tf.randomUniform([3])) } })),
      failure('INTERNAL', /Neg/),
    );
    assert.throws(
      verified(({ count }) => ({ outputs: { x: counter++ % 2 ? tf.exp(count as Tensor) : (count as Tensor) } })),
      failure('INTERNAL', /op 1/),
    );
    assert.throws(
      verified(() => ({ outputs: { x: tf.scalar(counter++) } })),
      failure('INTERNAL', /output 'x'/),
    );
    assert.doesNotThrow(verified(walk));
  });

  it('varies where a seed is fed', () => {
    const step = compile(backend, (_, { seed }) => ({ outputs: { u: uniform(backend, [4], seed as Tensor) } }), {
      name: 'random',
      variables: {},
      feeds: { seed: { shape: [2], dtype: 'int32' } },
      verify: true,
    });
    const draw = (a: number, b: number) => String(step.fetch({ seed: Int32Array.of(a, b) })['u']);
    assert.equal(draw(1, 2), draw(1, 2));
    assert.notEqual(draw(1, 2), draw(1, 3));
    step.dispose();
  });

  it('leaves out what leads nowhere, keeps a constant once, and a uniform one as one value', () => {
    const x = Float32Array.from({ length: 1000 }, (_, i) => i);
    const step = compile(
      backend,
      ({ count }) => {
        tf.exp(count as Tensor);
        const constants = tf.add(tf.tensor1d(x), tf.tensor1d(x.slice()));
        const uniforms = tf.maximum(tf.fill([1000], 0), tf.mul(tf.zeros([1000]), tf.onesLike(count as Tensor)));
        return { outputs: { sum: tf.add(tf.sum(constants), tf.sum(uniforms)) } };
      },
      options,
    );
    assert.equal(step.graph.ops['Exp'], undefined);
    assert.ok(step.graph.constantBytes < 4100, String(step.graph.constantBytes));
    assert.equal(
      step.graph.nodes,
      Object.values(step.graph.ops).reduce((a, b) => a + b, 0),
    );
    assert.deepEqual([...(step.fetch({ move, scale: scale(1) })['sum'] as Float32Array)], [999000]);
    step.dispose();
  });

  it('runs on the device that is named', () => {
    const step = compile(backend, walk, { ...options, device: '/device:CPU:0' });
    assert.deepEqual([...(step.fetch({ move, scale: scale(2) })['sum'] as Float32Array)], [18]);
    step.dispose();
    assert.throws(
      () => compile(backend, walk, { ...options, device: '/device:GPU:77' }),
      failure('INTERNAL', /TensorFlow refuses its graph/, /GPU:77/),
    );
  });
});
