import assert from 'node:assert/strict';
import { ApplicationFailure } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { ADAPT_WORKFLOW_TYPE, TASK_QUEUE } from '../../src/contracts/names.js';
import type { RunSummary } from '../../src/contracts/run.js';
import type { RunSettingsInput } from '../../src/contracts/settings.js';
import { startTemporal, withWorkers } from '../support/temporal.js';
import { MOVED, ref, Script } from './script.js';

describe('workflow adapt', function () {
  this.timeout(120_000);
  let env: TestWorkflowEnvironment;

  before(async () => {
    env = await startTemporal();
  });
  after(async () => env?.teardown());

  const adapt = async (
    workflowId: string,
    script: Script,
    settings: Partial<RunSettingsInput> = {},
  ): Promise<RunSummary> => {
    let summary: RunSummary | undefined;
    await withWorkers(env, script.activities(2), async () => {
      const handle = await env.client.workflow.start(ADAPT_WORKFLOW_TYPE, {
        workflowId,
        taskQueue: TASK_QUEUE,
        args: [{ dataset: 'beach-2', adapt: { from: 'shells' }, ...settings }],
      });
      summary = (await handle.result()) as RunSummary;
    });
    return summary as RunSummary;
  };
  const unlabelled = (): Script => Object.assign(new Script(), { labelled: 0 });

  it('without a label: groups get balanced labels, which teach the first student beside the labels of its source', async () => {
    const script = unlabelled();
    const { rounds } = await adapt('unlabelled', script);
    assert.equal(rounds, 1);
    assert.deepEqual(
      script.clusterInputs.map(({ round, sharesOf }) => [round, sharesOf]),
      [0, 1].map((round) => [round, MOVED.dataset]),
    );
    assert.deepEqual(
      script.relabelInputs.map(({ round, by }) => [round, by]),
      [
        [0, 'clusters'],
        [1, 'agreement'],
      ],
    );
    const [train] = script.trainInputs;
    assert.deepEqual([train?.recipe, train?.initial], ['adapt', MOVED.model]);
    assert.deepEqual(train?.source, { dataset: MOVED.dataset, split: MOVED.split });
    assert.deepEqual(train?.labels, ref('labels/1', 200));
    assert.deepEqual(script.thresholdInputs[0]?.borrowed, MOVED.cutoff);
  });

  it("with labels of the dataset: the first student learns from people's alone", async () => {
    const script = new Script();
    await adapt('labelled', script, { rounds: 2 });
    assert.deepEqual(
      script.clusterInputs.map(({ sharesOf }) => sharesOf),
      [undefined, undefined, undefined],
    );
    assert.ok(script.trainInputs.every(({ source, initial }) => source !== undefined && initial !== undefined));
    // 40 calibration images can tell 2 %: the cut-off is the run's own, and clusters have no say.
    assert.deepEqual(
      script.relabelInputs.map(({ by }) => by),
      ['people', undefined, undefined],
    );
  });

  it('asks people before its first round where it is told to, and counts their answers', async () => {
    const script = unlabelled();
    await adapt('asking', script, { adapt: { from: 'shells', ask: 20, answers: 'truth' } });
    assert.deepEqual(
      script.relabelInputs.map(({ by }) => by),
      ['people', 'people', 'agreement'],
    );
    assert.ok(script.trainInputs.every(({ source }) => source !== undefined));
  });

  it('is refused without the run whose model moves', async () => {
    await assert.rejects(adapt('nothing', new Script(), { adapt: undefined }), (error: unknown) => {
      assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
      assert.equal(error.cause.type, 'SETTINGS_INVALID');
      return true;
    });
  });
});
