import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { workflowBundle } from '../support/temporal.js';

const FOLDER = fileURLToPath(new URL('../../../test/histories', import.meta.url));

interface History {
  events: {
    workflowExecutionStartedEventAttributes?: { workflowId: string };
    activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  }[];
}

/** Under which id it ran: a run names its audit after itself. */
const idOf = ({ events }: History): string =>
  events[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? 'replayed';

describe('histories of released versions', function () {
  this.timeout(60_000);

  it('replay without a difference', async () => {
    const replayed = new Set<string>();
    for (const version of await readdir(FOLDER)) {
      for (const file of await readdir(join(FOLDER, version))) {
        const history = JSON.parse(await readFile(join(FOLDER, version, file), 'utf8')) as History;
        await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, idOf(history));
        replayed.add(`${version} ${file.replace(/-\d+\.json$/, '')}`);
      }
    }
    const names = ['audit', 'audit-cancelled', 'certify', 'cross-fit', 'questions', 'round'];
    const expected = [
      ...['0.1.0 round', ...names.map((name) => `0.2.0 ${name}`)],
      ...['unreleased adapt', 'unreleased compared', 'unreleased shift'],
    ];
    for (const each of expected) assert.ok(replayed.has(each), each);
  });

  for (const [file, changed, otherwise] of [
    ['audit-1.json', 'recordAnswers', 'answerByTruth'],
    ['audit-1.json', 'drawAudit', 'certify'],
    ['audit-cancelled-1.json', 'notify', 'certify'],
    ['questions-1.json', 'recordQuestionAnswers', 'endQuestions'],
    ['questions-2.json', 'endQuestions', 'notify'],
    ['certify-1.json', 'numberAudit', 'evaluate'],
    ['cross-fit-1.json', 'release', 'threshold'],
  ] as const)
    it(`a changed order is found in ${file}: ${otherwise} for ${changed}`, async () => {
      const history = JSON.parse(await readFile(join(FOLDER, '0.2.0', file), 'utf8')) as History;
      const scheduled = history.events.map((event) => event.activityTaskScheduledEventAttributes);
      const activity = scheduled.find((attributes) => attributes?.activityType.name === changed);
      assert.ok(activity, `${file} holds no ${changed}`);
      activity.activityType.name = otherwise;
      await assert.rejects(
        Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, idOf(history)),
        DeterminismViolationError,
      );
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
