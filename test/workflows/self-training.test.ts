import assert from 'node:assert/strict';
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { QUERY_STATUS, TASK_QUEUE, UPDATE_PAUSE, UPDATE_RESUME, WORKFLOW_TYPE } from '../../src/contracts/names.js';
import type { RunState, RunSummary } from '../../src/contracts/run.js';
import type { RunSettingsInput } from '../../src/contracts/settings.js';
import { startTemporal, withWorkers as workersFor, workflowBundle } from '../support/temporal.js';
import { until } from '../support/wait.js';
import { ref, Script } from './script.js';

const POOL_SHARDS = 250;
const PAYLOAD_LIMIT = 16 * 1024;

describe('workflow selfTraining', function () {
  this.timeout(120_000);
  let env: TestWorkflowEnvironment;

  before(async () => {
    env = await startTemporal();
  });
  after(async () => env?.teardown());

  const withWorkers = <T>(script: Script, work: () => Promise<T>, shards = 3): Promise<T> =>
    workersFor(env, script.activities(shards), work);

  const start = (workflowId: string, settings: Partial<RunSettingsInput>): Promise<WorkflowHandle> =>
    env.client.workflow.start(WORKFLOW_TYPE, {
      workflowId,
      taskQueue: TASK_QUEUE,
      args: [{ dataset: 'digits', ...settings }],
    });

  it('goes through its rounds, each a run of its own, and hands pseudo-labels on', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('rounds', { rounds: 2 });
      const summary = (await handle.result()) as RunSummary;
      assert.equal(summary.rounds, 2);
      assert.deepEqual(summary.labels, ref('labels/1', 202));
      assert.equal(summary.truth?.coverage, 0.9);
    });
    const order = script.calls.filter((call) => !call.startsWith('sample'));
    assert.deepEqual(order, [
      'open',
      'train 1 without pseudo-labels',
      'threshold',
      'cluster',
      'shift of pool, trained on',
      'evaluate 1',
      'train 2 with pseudo-labels',
      'threshold',
      'cluster',
      'shift of pool, trained on, with a picture',
      'evaluate 2',
    ]);
    assert.equal(script.calls.filter((call) => call.startsWith('sample pool')).length, 6);
  });

  it('has the clusters labelled by what people and model know, and keeps what they came to', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      await (await start('clusters', { rounds: 2, clustersPerClass: 'auto' })).result();
    });
    const [first, second] = script.clusterInputs;
    assert.deepEqual([first?.labels, second?.labels], [null, ref('labels/1', 201)]);
    for (const input of script.clusterInputs) {
      assert.equal(input.clustersPerClass, 'auto');
      assert.equal(input.labelled?.kind, 'posterior-set/1');
      assert.equal(input.split?.kind, 'split/1');
    }
    const counts = { clusters: 30, mixed: 30, outliers: 10, duplicates: 0, suspects: 0 };
    assert.deepEqual(script.clusterings, [counts, counts]);
  });

  it('goes on where an earlier release left off: clusters without counts are none', async () => {
    const script = new Script();
    script.oldClusters = true;
    await withWorkers(script, async () => void (await (await start('old-clusters', { rounds: 1 })).result()));
    assert.deepEqual(script.clusterings, [null]);
  });

  it('compares calibration images and pool in its first round and its last, where there are such images', async () => {
    const [script, without] = [new Script(), new Script()];
    await withWorkers(script, async () => {
      await (await start('compared', { rounds: 3 })).result();
    });
    assert.deepEqual(script.shifts, [7, null, 7]);
    await withWorkers(without, async () => {
      await (await start('not-compared', { rounds: 1, calibrationShare: 0.004 })).result();
    });
    assert.deepEqual(without.shifts, [null]);
  });

  it('begins with the labels of the run that labelsFrom names', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      await (await start('taken-up', { rounds: 1, labelsFrom: 'before' })).result();
    });
    assert.ok(script.calls.includes('train 1 with pseudo-labels'));
  });

  it('has an adapting run look at its source once, at the end, and keep no calibration of a borrowed cut-off', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      await (await start('adapts', { rounds: 2, calibrationShare: 0.01, adapt: { from: 'before' } })).result();
    });
    assert.deepEqual(script.adapted, [
      { source: false, calibration: false },
      { source: true, calibration: false },
    ]);
    const looks = script.calls.filter((call) => call.startsWith('sample source')).sort();
    assert.deepEqual(looks, ['sample source labelled 0', 'sample source labelled 1']);
  });

  it('keeps no more images for calibration than calibrationMost', async () => {
    await withWorkers(new Script(), async () => {
      const budgets = await Promise.all(
        [{}, { calibrationMost: 25 }].map(async (settings, i) => {
          const handle = await start(`calibration-${i}`, { rounds: 1, ...settings });
          await handle.result();
          return (await handle.query<RunState>(QUERY_STATUS)).budget.calibration;
        }),
      );
      assert.deepEqual(budgets, [40, 25]);
    });
  });

  it('trains the members of an ensemble and scores with all of them', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      await (await start('members', { preset: 'dest', rounds: 1, members: 3 })).result();
    });
    const trained = script.calls.filter((call) => call.startsWith('train'));
    assert.deepEqual(trained.sort(), [
      'train 1 member 1 without pseudo-labels',
      'train 1 member 2 without pseudo-labels',
      'train 1 without pseudo-labels',
    ]);
    assert.ok(script.calls.includes('sample pool 0 by 3'));
  });

  it('cross-fits in its last round: a student a fold, pool and labelled images by the one that did not see them', async () => {
    const script = new Script();
    const summary = await withWorkers(script, async () => {
      const handle = await start('cross-fitted', { rounds: 2, crossFit: 3 });
      return (await handle.result()) as RunSummary;
    });
    const folds = script.calls.filter((call) => call.includes('fold'));
    assert.deepEqual(
      folds.filter((call) => call.startsWith('train')).sort(),
      [0, 1, 2].map((fold) => `train 2 without fold ${fold} of 3 with pseudo-labels`),
    );
    assert.deepEqual(
      [...new Set(folds.filter((call) => call.startsWith('sample')).map((call) => call.split(' ')[1]))].sort(),
      ['labelled', 'pool'],
    );
    assert.ok(folds.filter((call) => call.startsWith('sample')).every((call) => call.endsWith(' by 3 folds')));
    assert.deepEqual(folds.slice(-2), ['release of 3 folds', 'relabel 2 by 3 folds at cutoff/2']);
    assert.deepEqual(
      script.conditionals.map((each) => each?.refused ?? null),
      [null, 'two-sample'],
    );
    assert.equal(summary.model.sha256, ref('model/1', 102).sha256, 'the model of the run has seen all folds');
  });

  it('sets the cut-off before the pool is scored, so that passes go where it needs them', async () => {
    const script = new Script();
    await withWorkers(
      script,
      async () => {
        await (await start('settled', { sampling: 'sequential', rounds: 1 })).result();
      },
      1,
    );
    assert.deepEqual(
      script.calls.filter((call) => /^(sample|threshold)/.test(call)),
      ['sample labelled 0', 'threshold', 'sample pool 0 until settled', 'sample test 0'],
    );
  });

  it('keeps 250 shards within the window, its history under 2,000 events and its payloads under 16 KiB', async () => {
    const script = new Script();
    await withWorkers(
      script,
      async () => {
        const handle = await start('wide', { rounds: 1, window: 8 });
        await handle.result();
        assert.ok(script.mostInFlight <= 8, `${script.mostInFlight} shards were in flight`);
        const { events } = await handle.fetchHistory();
        assert.ok(events && events.length < 2000, `${events?.length} events`);
        for (const event of events ?? []) {
          const bytes = JSON.stringify(event).length;
          assert.ok(bytes < PAYLOAD_LIMIT, `event ${String(event.eventId)} has ${bytes} bytes`);
        }
      },
      POOL_SHARDS,
    );
  });

  it('scores shards again whose results the store has lost', async () => {
    const script = new Script();
    script.missingOnce = [1];
    await withWorkers(script, async () => {
      await (await start('missing', { rounds: 1 })).result();
    });
    assert.equal(script.calls.filter((call) => call === 'sample pool 1').length, 2);
    assert.equal(script.calls.filter((call) => call === 'sample pool 0').length, 1);
    // 3 shards of 40 passes; a shard that was scored again counts once.
    assert.deepEqual(script.passes, [0.12]);
  });

  it('gives up on a shard whose result is nowhere however often it is scored, and says what may be wrong', async () => {
    const script = new Script();
    script.missingForEver = [2];
    await withWorkers(script, async () => {
      await assert.rejects((await start('elsewhere', { rounds: 1 })).result(), (error) => {
        assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
        assert.equal(error.cause.type, 'NO_PROGRESS');
        assert.match(error.cause.message, /^round 1: pool, shard 3 of 3: .*Two releases/);
        return true;
      });
    });
    assert.equal(script.calls.filter((call) => call === 'sample pool 2').length, 4);
    assert.equal(script.calls.filter((call) => call === 'sample pool 0').length, 1);
  });

  it('a member of an ensemble that fails stops the others and fails the run with its code', async () => {
    const script = new Script();
    script.hangIn = 'train 1 without pseudo-labels';
    script.failIn = 'train 1 member 1 without pseudo-labels';
    await withWorkers(script, async () => {
      const handle = await start('member-fails', { preset: 'dest', rounds: 1, members: 2 });
      await assert.rejects(
        handle.result(),
        (error) =>
          error instanceof WorkflowFailedError &&
          error.cause instanceof ApplicationFailure &&
          error.cause.type === 'TRAINING_DIVERGED',
      );
      assert.deepEqual(script.stopped, [script.hangIn]);
    });
  });

  for (const [what, code] of [
    ['lost', 'STORE_MISSING'],
    ['of a release before this one', 'FORMAT_UNKNOWN'],
  ] as const)
    it(`goes through the round again when a stage finds a result ${what}`, async () => {
      const script = new Script();
      script.loseOnce = code;
      await withWorkers(script, async () => {
        await (await start(`lost-${code}`, { rounds: 1 })).result();
      });
      assert.equal(script.calls.filter((call) => call === 'cluster').length, 2);
      assert.equal(script.calls.filter((call) => call.startsWith('train')).length, 2);
    });

  it('pause stops the stage in flight, resume runs it again', async () => {
    const script = new Script();
    script.hangIn = 'train 1 without pseudo-labels';
    await withWorkers(script, async () => {
      const handle = await start('pause', { rounds: 1 });
      await until('training', () => script.calls.includes(script.hangIn ?? ''));
      await handle.executeUpdate(UPDATE_PAUSE);
      assert.equal((await handle.query<RunState>(QUERY_STATUS)).status, 'paused');
      script.hangIn = undefined;
      await handle.executeUpdate(UPDATE_RESUME);
      await handle.result();
    });
    assert.equal(script.calls.filter((call) => call.startsWith('train')).length, 2);
  });

  it('a pause between rounds holds in the next round', async () => {
    const script = new Script();
    script.hangIn = 'evaluate 1';
    await withWorkers(script, async () => {
      const handle = await start('pause-between', { rounds: 2 });
      await until('evaluate', () => script.calls.includes('evaluate 1'));
      await handle.executeUpdate(UPDATE_PAUSE);
      script.hangIn = undefined;
      assert.equal((await handle.query<RunState>(QUERY_STATUS)).status, 'paused');
      await handle.executeUpdate(UPDATE_RESUME);
      assert.equal(((await handle.result()) as RunSummary).rounds, 2);
    });
  });

  it('cancel waits for the stage to stop and ends the run as cancelled', async () => {
    const script = new Script();
    script.hangIn = 'train 1 without pseudo-labels';
    await withWorkers(script, async () => {
      const handle = await start('cancel', { rounds: 1 });
      await until('training', () => script.calls.includes(script.hangIn ?? ''));
      await handle.cancel();
      await assert.rejects(
        handle.result(),
        (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure,
      );
    });
  });

  it('pause holds, and resume goes on, where the stage dies instead of stopping in order', async () => {
    const script = new Script();
    script.hangIn = 'train 1 without pseudo-labels';
    script.diesOnCancel = true;
    await withWorkers(script, async () => {
      const handle = await start('pause-dies', { rounds: 1 });
      await until('training', () => script.calls.includes(script.hangIn ?? ''));
      await handle.executeUpdate(UPDATE_PAUSE);
      script.hangIn = undefined;
      await handle.executeUpdate(UPDATE_RESUME);
      assert.equal(((await handle.result()) as RunSummary).rounds, 1);
    });
  });

  it('cancel ends the run as cancelled, where the stage dies instead of stopping in order', async () => {
    const script = new Script();
    script.hangIn = 'train 1 without pseudo-labels';
    script.diesOnCancel = true;
    await withWorkers(script, async () => {
      const handle = await start('cancel-dies', { rounds: 1 });
      await until('training', () => script.calls.includes(script.hangIn ?? ''));
      await handle.cancel();
      await assert.rejects(
        handle.result(),
        (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure,
      );
      assert.equal((await handle.query<RunState>(QUERY_STATUS)).status, 'cancelled');
    });
  });

  it('bad settings fail the workflow at once with their code and message', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('bad', { rounds: -1 });
      await assert.rejects(handle.result(), (error) => {
        assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
        assert.equal(error.cause.type, 'SETTINGS_INVALID');
        assert.equal(error.cause.message, 'settings can not be used');
        return true;
      });
      assert.equal((await handle.query<RunState>(QUERY_STATUS)).status, 'failed');
    });
    assert.deepEqual(script.calls, ['open']);
  });

  const unusable: [string, unknown[]][] = [
    ['no input', []],
    ['null', [null]],
    ['text', ['digits']],
    ['a state that no round wrote', [{ dataset: 'digits', state: { version: 1 } }]],
  ];
  for (const [what, args] of unusable)
    it(`a run that is started with ${what} fails by the check of its settings, and does not hang`, async () => {
      const script = new Script();
      await withWorkers(script, async () => {
        const workflowId = `unusable ${what}`;
        const handle = await env.client.workflow.start(WORKFLOW_TYPE, { workflowId, taskQueue: TASK_QUEUE, args });
        await assert.rejects(handle.result(), (error) => {
          assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
          return error.cause.type === 'SETTINGS_INVALID';
        });
      });
      assert.deepEqual(script.calls, ['open']);
    });
});

describe('workflow bundle', () => {
  it('holds nothing that does not belong into the sandbox', async () => {
    const { code } = await workflowBundle();
    for (const name of ['zod', 'tensorflow', 'minio', 'pino', 'sharp'])
      assert.ok(!code.includes(`node_modules/${name}`) && !code.includes(`node_modules/@${name}`), name);
  });
});
