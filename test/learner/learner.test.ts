import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabelloopError } from '../../src/contracts/errors.js';
import { CheckpointRelay } from '../../src/learner/checkpoint-relay.js';
import { forkLearner } from '../../src/learner/client.js';
import { learnerEnvironment } from '../../src/learner/environment.js';
import { inProcessLearner } from '../../src/learner/in-process.js';
import { barTasks, temporaryDirectory, tinyRecipe } from '../learning/fixtures.js';
import type { ForkedLearner } from '../../src/learner/client.js';

const code = (expected: string) => (error: unknown) => error instanceof LabelloopError && error.code === expected;
const long = { ...tinyRecipe, steps: 1_000_000 };

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `${what} within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('learner process', () => {
  const directory = temporaryDirectory();
  const tasks = barTasks(directory, { height: 12, width: 12, channels: 1 });
  let learner: ForkedLearner;

  beforeEach(() => {
    learner = forkLearner({ threads: 1 });
  });
  afterEach(() => learner.close());

  it('trains and samples to the same bytes as in process, and says what it runs on', async () => {
    assert.equal((await learner.device()).threads, 1);
    // Equal bits take an equal number of threads: that of this process.
    const alike = forkLearner();
    const trained = await alike.train(tasks.train());
    assert.equal(trained.steps, tinyRecipe.steps);
    const sampled = await alike.sample(tasks.sample());
    assert.equal(sampled.count, 64);
    await alike.close();
    const again = inProcessLearner();
    const model = path.join(directory, 'model-2');
    const output = path.join(directory, 'posterior-2');
    await again.train(tasks.train({ output: model }));
    await again.sample(tasks.sample({ models: [model], output }));
    await again.close();
    assert.equal(fs.readFileSync(model).equals(fs.readFileSync(tasks.train().output)), true);
    assert.equal(fs.readFileSync(output).equals(fs.readFileSync(tasks.sample().output)), true);
  });

  it('rejects with LEARNER_DIED when it is killed in the middle, and runs the next task in a fresh process', async () => {
    let first: number | undefined;
    const running = learner.train(tasks.train({ recipe: long }), {
      onProgress: () => {
        first ??= learner.pid;
        if (first !== undefined) process.kill(first, 'SIGKILL');
      },
    });
    await assert.rejects(running, (error) => code('LEARNER_DIED')(error) && /SIGKILL/.test(String(error)));
    const result = await learner.train(tasks.train());
    assert.equal(result.steps, tinyRecipe.steps);
    assert.notEqual(learner.pid, first);
  });

  it('ends a process that hangs while it starts, and starts another one the next time', async () => {
    const hasty = forkLearner({ threads: 1, startLimit: 1_000 });
    const starting = hasty.device();
    const pid = hasty.pid as number;
    process.kill(pid, 'SIGSTOP');
    await assert.rejects(starting, code('LEARNER_UNAVAILABLE'));
    await until(() => !alive(pid) && hasty.pid === undefined, 'the process ends');
    hasty.device().catch(() => undefined);
    assert.equal(alive(hasty.pid ?? pid), true);
    await hasty.close();
  });

  it('stops on abort with a last checkpoint, from which the task goes on', async () => {
    const controller = new AbortController();
    const checkpoints: { step: number; path: string }[] = [];
    const running = learner.train(tasks.train({ recipe: long }), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
      onCheckpoint: (checkpoint) => {
        checkpoints.push(checkpoint);
        return Promise.resolve();
      },
    });
    await assert.rejects(running, code('CANCELLED'));
    assert.equal(checkpoints.length, 1);
    const again = new AbortController();
    const resumed = learner.train(tasks.train({ recipe: long, resume: checkpoints[0]?.path as string }), {
      signal: again.signal,
      onProgress: ({ done }) => {
        assert.ok(done > (checkpoints[0]?.step as number));
        again.abort();
      },
    });
    await assert.rejects(resumed, code('CANCELLED'));
  });

  it('writes its checkpoint on SIGTERM, then ends', async () => {
    const steps: number[] = [];
    let pid = 0;
    const running = learner.train(tasks.train({ recipe: long }), {
      onProgress: () => {
        if (pid === 0) process.kill((pid = learner.pid as number), 'SIGTERM');
      },
      onCheckpoint: ({ step }) => {
        steps.push(step);
        return Promise.resolve();
      },
    });
    await assert.rejects(running, code('LEARNER_DIED'));
    assert.equal(steps.length, 1);
    await until(() => !alive(pid), 'the learner ends');
  });

  it('hands over the error of a task with its code, and goes on living', async () => {
    await assert.rejects(learner.sample(tasks.sample({ models: [tasks.train().items] })), code('FORMAT_UNKNOWN'));
    const { pid } = learner;
    await assert.rejects(learner.sample(tasks.sample({ passes: 0 })), code('INTERNAL'));
    await learner.train(tasks.train());
    assert.equal(learner.pid, pid);
  });

  it('rejects a task that was aborted before its turn without running it', async () => {
    const signal = AbortSignal.abort();
    await assert.rejects(learner.train(tasks.train(), { signal }), code('CANCELLED'));
    assert.equal(learner.pid, undefined);
  });

  it('fails the task when its checkpoint listener fails', async () => {
    const listener = { onCheckpoint: () => Promise.reject(new Error('no room')) };
    await assert.rejects(learner.train(tasks.train({ recipe: long, checkpointSeconds: 0.1 }), listener), /no room/);
  });

  it('ends its child when it is closed in the middle of a task, and takes no more', async () => {
    let closing: Promise<void> | undefined;
    let pid = 0;
    const running = learner.train(tasks.train({ recipe: long }), {
      onProgress: () => {
        pid = learner.pid ?? pid;
        closing ??= learner.close();
      },
    });
    await assert.rejects(running, code('LEARNER_DIED'));
    await closing;
    assert.equal(alive(pid), false);
    await assert.rejects(learner.device(), code('LEARNER_DIED'));
  });

  it('ends when its parent is killed, even in the middle of a task', async () => {
    const parent = fork(fileURLToPath(new URL('./parent.js', import.meta.url)), [
      JSON.stringify(tasks.train({ recipe: long })),
    ]);
    const [pid] = (await once(parent, 'message')) as [number];
    assert.equal(alive(pid), true);
    parent.kill('SIGKILL');
    await until(() => !alive(pid), 'the learner ends');
  });
});

describe('learner client', () => {
  it('passes no credentials on', () => {
    const parent = { PATH: '/bin', AWS_SECRET_ACCESS_KEY: 'x', MINIO_ROOT_PASSWORD: 'x', TEMPORAL_API_KEY: 'x' };
    const environment = learnerEnvironment(parent, 3);
    assert.deepEqual(Object.keys(environment).sort(), [
      'PATH',
      'TF_CPP_MIN_LOG_LEVEL',
      'TF_FORCE_GPU_ALLOW_GROWTH',
      'TF_NUM_INTEROP_THREADS',
      'TF_NUM_INTRAOP_THREADS',
    ]);
    assert.equal(environment['TF_NUM_INTRAOP_THREADS'], '3');
  });

  it('counts devices among those that it sees itself', () => {
    assert.equal(learnerEnvironment({ CUDA_VISIBLE_DEVICES: '4, 6' }, 1, 1)['CUDA_VISIBLE_DEVICES'], '6');
    assert.equal(learnerEnvironment({}, 1, 1)['CUDA_VISIBLE_DEVICES'], '1');
  });
});

describe('checkpoint relay', () => {
  it('hands on one at a time, and of those that come meanwhile the newest alone', async () => {
    const seen: number[] = [];
    let release!: () => void;
    const relay = new CheckpointRelay(
      {
        onCheckpoint: async ({ step }) => {
          seen.push(step);
          if (step === 1) await new Promise<void>((resolve) => (release = resolve));
        },
      },
      () => assert.fail('no failure'),
    );
    for (const step of [1, 2, 3]) relay.offer({ step, path: '' });
    assert.deepEqual(seen, [1]);
    release();
    await relay.settled();
    assert.deepEqual(seen, [1, 3]);
  });
});
