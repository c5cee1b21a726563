import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { workflowBundle } from '../support/temporal.js';

const FOLDER = fileURLToPath(new URL('../../../test/histories', import.meta.url));

interface History {
  events: { activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
}

describe('histories of released versions', function () {
  this.timeout(60_000);

  it('replay without a difference', async () => {
    let replayed = 0;
    for (const version of await readdir(FOLDER)) {
      for (const file of await readdir(join(FOLDER, version))) {
        const history: unknown = JSON.parse(await readFile(join(FOLDER, version, file), 'utf8'));
        await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, 'replayed');
        replayed++;
      }
    }
    assert.ok(replayed >= 3);
  });

  it('a changed order is found', async () => {
    const history = JSON.parse(await readFile(join(FOLDER, '0.1.0', 'round-1.json'), 'utf8')) as History;
    const scheduled = history.events.filter((event) => event.activityTaskScheduledEventAttributes);
    const train = scheduled.find((event) => event.activityTaskScheduledEventAttributes?.activityType.name === 'train');
    assert.ok(train?.activityTaskScheduledEventAttributes);
    train.activityTaskScheduledEventAttributes.activityType.name = 'sample';
    await assert.rejects(
      Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, 'replayed'),
      DeterminismViolationError,
    );
  });
});
