import assert from 'node:assert/strict';
import { WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { QUERY_STATUS, SHIFT_WORKFLOW_TYPE, TASK_QUEUE } from '../../src/contracts/names.js';
import type { ShiftState, ShiftWorkflowOutput } from '../../src/contracts/shift.js';
import { startTemporal, withWorkers as workersFor } from '../support/temporal.js';
import { ref, Script } from './script.js';

describe('workflow shift', function () {
  this.timeout(120_000);
  let env: TestWorkflowEnvironment;

  before(async () => {
    env = await startTemporal();
  });
  after(async () => env?.teardown());

  const compared = async (workflowId: string, script: Script) =>
    workersFor(env, script.activities(3), async () => {
      const handle = await env.client.workflow.start(SHIFT_WORKFLOW_TYPE, {
        workflowId,
        taskQueue: TASK_QUEUE,
        args: [{ run: 'digits-1', dataset: 'beach' }],
      });
      const output = (await handle.result()) as ShiftWorkflowOutput;
      return { output, state: await handle.query<ShiftState>(QUERY_STATUS) };
    });

  it('scores the dataset with all models of the run, shard by shard, and compares', async () => {
    const script = new Script();
    script.missingOnce = [1];
    const { output, state } = await compared('shift-1', script);
    assert.equal(script.calls[0], 'open digits-1 and beach');
    assert.deepEqual(script.calls.slice(1, -1).sort(), [
      'sample pool 0 by 2',
      'sample pool 1 by 2',
      'sample pool 1 by 2',
      'sample pool 2 by 2',
    ]);
    assert.equal(script.calls.at(-1), 'shift of pool, with a picture');
    assert.equal(output.summary.outside, 7);
    assert.deepEqual([output.shift, output.dataset], [ref('shift/1', 400), ref('dataset/1', 8)]);
    assert.deepEqual(state, { stage: 'shift', shards: { done: 3, total: 3 } });
  });

  it('fails with the message of the stage that refused', async () => {
    const script = new Script();
    script.failIn = 'open digits-1 and beach';
    await assert.rejects(compared('shift-2', script), (error: unknown) => {
      assert.ok(error instanceof WorkflowFailedError);
      assert.match(String(error.cause?.message), /the loss is NaN/);
      return true;
    });
  });
});
