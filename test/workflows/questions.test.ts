import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { Answer, Verdict } from '../../src/contracts/audit.js';
import {
  QUERY_QUESTIONS,
  QUESTIONS_WORKFLOW_TYPE,
  TASK_QUEUE,
  UPDATE_ANSWER,
  UPDATE_STOP,
} from '../../src/contracts/names.js';
import type { QuestionsInput, QuestionsState } from '../../src/contracts/questions.js';
import type { ToAsk } from '../../src/workflows/ask-people.js';
import { bundleOf, startTemporal, withWorkers as workersFor, workflowBundle } from '../support/temporal.js';
import { until } from '../support/wait.js';
import { ref, Script } from './script.js';

const PAYLOAD_LIMIT = 16 * 1024;

const answer = (i: number, verdict: Verdict = 1, by = 'ann'): Answer => ({
  id: `q${i}`,
  verdict,
  by,
  at: '2026-01-02T03:04:05.000Z',
  seconds: 2,
});
const answers = (from: number, to: number): Answer[] => Array.from({ length: to - from }, (_, k) => answer(from + k));

describe('workflow questions', function () {
  this.timeout(120_000);
  let env: TestWorkflowEnvironment;

  before(async () => {
    env = await startTemporal();
  });
  after(async () => env?.teardown());

  const withWorkers = <T>(script: Script, work: () => Promise<T>, maxCachedWorkflows = 100): Promise<T> =>
    workersFor(env, script.activities(1), work, { maxCachedWorkflows });

  const start = (run: string, changes: Partial<QuestionsInput> = {}): Promise<WorkflowHandle> => {
    const input: QuestionsInput = {
      source: { run, dataset: ref('dataset/1', 1) },
      number: 1,
      labels: ref('labels/2', 2),
      questions: null,
      budget: 10,
      answers: 'people',
      seed: 7,
      ...changes,
    };
    const workflowId = `${run}.questions-1`;
    return env.client.workflow.start(QUESTIONS_WORKFLOW_TYPE, { workflowId, taskQueue: TASK_QUEUE, args: [input] });
  };
  const give = (handle: WorkflowHandle, given: Answer[]): Promise<QuestionsState> =>
    handle.executeUpdate<QuestionsState, [{ answers: Answer[] }]>(UPDATE_ANSWER, { args: [{ answers: given }] });
  const state = (handle: WorkflowHandle): Promise<QuestionsState> => handle.query<QuestionsState>(QUERY_QUESTIONS);
  const asks = (handle: WorkflowHandle): Promise<unknown> =>
    until('the questions', async () => (await state(handle)).refs.questions !== null);
  const refused = (pattern: RegExp) => (error: unknown) =>
    error instanceof WorkflowUpdateFailedError &&
    error.cause instanceof ApplicationFailure &&
    error.cause.type === 'AUDIT_INVALID' &&
    pattern.test(error.cause.message);

  it('asks until the budget is used up, and writes what was said into the labels', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('plain');
      await asks(handle);
      const half = await give(handle, answers(0, 4));
      assert.deepEqual([half.seen, half.answered, half.left], [4, 4, 6]);
      assert.match(half.words, /^6 images wait for people's answers/);
      await give(handle, answers(4, 10));
      const end = (await handle.result()) as QuestionsState;
      assert.deepEqual([end.phase, end.answered, end.left], ['done', 10, 0]);
      assert.equal(end.refs.labels?.kind, 'labels/2');
      const history = await handle.fetchHistory();
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, 'plain.questions-1');
    });
    assert.deepEqual(script.questions.calls, ['open', 'record q0,q1,q2,q3', 'record q4,q5,q6,q7,q8,q9', 'end']);
  });

  it('counts an image and a person once, and refuses another answer, an unknown image and an unknown class', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('twice');
      await asks(handle);
      await give(handle, answers(0, 3));
      assert.equal((await give(handle, answers(0, 3))).seen, 3);
      // A second person's answer serves the agreement, and uses nothing of the budget.
      const second = await give(handle, [answer(0, 0, 'bob')]);
      assert.deepEqual([second.seen, second.answered, second.left], [4, 3, 7]);
      assert.deepEqual(
        script.questions.lines(second.refs).map(({ id, by, use }) => `${id} ${by} ${use}`),
        ['q0 ann question', 'q1 ann question', 'q2 ann question', 'q0 bob second'],
      );
      await assert.rejects(give(handle, [answer(1, 0)]), refused(/'q1' has another answer of 'ann' already/));
      await assert.rejects(
        give(handle, [{ ...answer(0), id: 'elsewhere' }]),
        refused(/'elsewhere' is not asked about/),
      );
      await assert.rejects(give(handle, [answer(4, 2)]), refused(/no class 2/));
      await assert.rejects(give(handle, []), refused(/1 to 100 answers/));
      await assert.rejects(give(handle, [answer(5), { ...answer(5), id: 'x' }]), refused(/not asked/));
      assert.equal((await state(handle)).seen, 4);
      await handle.cancel();
    });
  });

  it('answers that arrive at once are taken one message after the other; those of the last moment are kept too', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('crowd');
      await asks(handle);
      await Promise.all(answers(0, 12).map((each) => give(handle, [each]).catch(() => null)));
      const end = (await handle.result()) as QuestionsState;
      assert.ok(end.answered >= 10 && end.answered <= 12);
      assert.deepEqual(
        script.questions.lines(end.refs).map(({ seen }) => seen),
        Array.from({ length: end.seen }, (_, i) => i),
      );
    });
  });

  it('is stopped with what there is', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('stopped');
      await asks(handle);
      await give(handle, answers(0, 2));
      await handle.executeUpdate(UPDATE_STOP);
      const end = (await handle.result()) as QuestionsState;
      assert.deepEqual([end.phase, end.answered, end.left], ['done', 2, 8]);
    });
    assert.equal(script.questions.calls.at(-1), 'end what is there');
  });

  it('goes on in a new history after many messages, and loses none', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('long', { budget: 1000 });
      await asks(handle);
      const first = (await handle.describe()).runId;
      for (let i = 0; i < 200; i += 5) await Promise.all(answers(i, i + 5).map((each) => give(handle, [each])));
      await until('a new history', async () => (await handle.describe()).runId !== first);
      const after = await give(handle, answers(200, 300));
      assert.equal(after.answered, 300);
      assert.ok(JSON.stringify(after).length < PAYLOAD_LIMIT);
      await handle.executeUpdate(UPDATE_STOP);
      assert.equal(((await handle.result()) as QuestionsState).answered, 300);
    });
    assert.equal(script.questions.calls.filter((call) => call === 'open').length, 1);
  });

  it('cancelled while an answer is taken down, keeps it, and the same questions go on with it', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      let release = (): void => undefined;
      const handle = await start('cancelled');
      await asks(handle);
      script.questions.held = new Promise((resolve) => (release = resolve));
      const given = give(handle, answers(0, 3));
      await until(
        'the answer is on its way',
        async () => ((await handle.describe()).raw.pendingActivities ?? []).length,
      );
      await handle.cancel();
      release();
      assert.equal((await given).answered, 3);
      await assert.rejects(
        handle.result(),
        (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure,
      );
      script.questions.held = null;
      const again = await start('cancelled');
      await asks(again);
      assert.equal((await state(again)).answered, 3);
      await give(again, answers(3, 10));
      assert.equal(((await again.result()) as QuestionsState).answered, 10);
    });
  });

  it('hidden labels answer in a dry run, and nobody else may', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('dry', { answers: 'truth:0.02', budget: 250 });
      const end = (await handle.result()) as QuestionsState;
      assert.equal(end.answered, 250);
    });
    assert.deepEqual(script.questions.calls, ['open', 'truth', 'truth', 'truth', 'end']);
    assert.deepEqual(script.audit.notices, []);
  });

  it('tells that it waits, that it has ended, and why it failed or was cancelled', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('told');
      await asks(handle);
      await give(handle, answers(0, 10));
      await handle.result();
      const stopped = await start('told-stopped');
      await asks(stopped);
      await stopped.cancel();
      await assert.rejects(stopped.result());
      await assert.rejects((await start('told-failed', { seed: 13 })).result());
      const of = (run: string) => script.audit.notices.filter((notice) => notice.run === run);
      assert.deepEqual(
        of('told').map(({ event, audit, questions, waitsFor }) => [event, audit, questions, waitsFor]),
        [
          ['waiting', null, 1, 'answers'],
          ['ended', null, 1, null],
        ],
      );
      assert.deepEqual(
        of('told-stopped').map(({ event }) => event),
        ['waiting', 'cancelled'],
      );
      assert.match(of('told-failed')[0]?.words ?? '', /failed: there are no hidden labels/);
    });
  });

  it('what is not its input fails it at once, with a hint', async () => {
    await withWorkers(new Script(), async () => {
      for (const changes of [{ budget: 0 }, { answers: 'somebody' }, { labels: undefined as never }])
        await assert.rejects(
          (await start(`odd-${Object.keys(changes)[0]}`, changes)).result(),
          (error) =>
            error instanceof WorkflowFailedError &&
            error.cause instanceof ApplicationFailure &&
            error.cause.type === 'SETTINGS_INVALID',
        );
    });
  });

  it('an answer that comes before given questions are open is refused, and not undone by their opening', async () => {
    const script = new Script();
    let open = (): void => undefined;
    script.questions.heldOpening = new Promise((resolve) => (open = resolve));
    await withWorkers(script, async () => {
      const handle = await start('early', { questions: ref('questions/1', 3), budget: 2 });
      await until('the opening', () => script.questions.calls.includes('open'));
      await assert.rejects(give(handle, answers(0, 2)), refused(/not chosen yet/));
      open();
      await asks(handle);
      await give(handle, answers(0, 2));
      assert.equal(((await handle.result()) as QuestionsState).answered, 2);
    });
  });

  it('a workflow asks within its course: cancelled, its questions keep the answers; started again, they go on', async () => {
    const script = new Script();
    const parent = await bundleOf(fileURLToPath(new URL('./asking-parent.js', import.meta.url)));
    const asking: ToAsk = {
      ...{ dataset: ref('dataset/1', 1), labels: ref('labels/2', 2), questions: ref('questions/1', 3) },
      ...{ budget: 4, answers: 'people', seed: 1 },
    };
    const begin = () =>
      env.client.workflow.start('asking', { workflowId: 'within', taskQueue: TASK_QUEUE, args: [asking] });
    await workersFor(
      env,
      script.activities(1),
      async () => {
        const child = env.client.workflow.getHandle('within.questions-1');
        const first = await begin();
        await until('the child', () =>
          asks(child).then(
            () => true,
            () => false,
          ),
        );
        assert.equal((await give(child, answers(0, 3))).answered, 3);
        await first.cancel();
        await assert.rejects(first.result());
        await assert.rejects(child.result());
        const again = await begin();
        // A child that was cancelled still answers queries.
        await until('the next child', async () => (await child.describe()).status.name === 'RUNNING');
        await until('its questions', () =>
          asks(child).then(
            () => true,
            () => false,
          ),
        );
        await give(child, [answer(3)]);
        const end = (await again.result()) as QuestionsState;
        assert.deepEqual([end.phase, end.run, end.answered], ['done', 'within', 4]);
        assert.equal(end.refs.labels?.kind, 'labels/2');
      },
      { workflowBundle: parent },
    );
  });
});
