import assert from 'node:assert/strict';
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { AuditInput } from '../../src/contracts/audit-stages.js';
import type { Answer, AuditSettingsInput, AuditState, Verdict } from '../../src/contracts/audit.js';
import {
  AUDIT_WORKFLOW_TYPE,
  QUERY_AUDIT,
  QUERY_STATUS,
  TASK_QUEUE,
  UPDATE_ANSWER,
  UPDATE_NONCE,
  UPDATE_PAUSE,
  UPDATE_RESUME,
  UPDATE_STOP,
  WORKFLOW_TYPE,
} from '../../src/contracts/names.js';
import type { RunState, RunSummary } from '../../src/contracts/run.js';
import { runSettings } from '../../src/contracts/settings.js';
import { startTemporal, withWorkers as workersFor, workflowBundle } from '../support/temporal.js';
import { until } from '../support/wait.js';
import { ref, Script } from './script.js';

const PAYLOAD_LIMIT = 16 * 1024;

const answer = (i: number, verdict: Verdict = 1, by = 'ann'): Answer => ({
  id: `i${i}`,
  verdict,
  by,
  at: '2026-01-02T03:04:05.000Z',
  seconds: 2,
});
/** Notices that nobody waited for may still come from the audits of other tests. */
const noticesOf = (script: Script, run: string) => script.audit.notices.filter((notice) => notice.run === run);

const answers = (from: number, to: number): Answer[] => Array.from({ length: to - from }, (_, k) => answer(from + k));

describe('workflow audit', function () {
  this.timeout(120_000);
  let env: TestWorkflowEnvironment;

  before(async () => {
    env = await startTemporal();
  });
  after(async () => env?.teardown());

  const withWorkers = <T>(script: Script, work: () => Promise<T>, maxCachedWorkflows = 100): Promise<T> =>
    workersFor(env, script.activities(1), work, { maxCachedWorkflows });

  const input = (run: string, settings: Partial<AuditSettingsInput> = {}): AuditInput => ({
    source: {
      run,
      dataset: ref('dataset/1', 1),
      history: ref('history/1', 2),
      settings: runSettings.parse({ dataset: 'digits' }),
    },
    audit: 1,
    settings: { epsilon: 0.3, ...settings },
  });

  const start = (run: string, settings: Partial<AuditSettingsInput> = {}): Promise<WorkflowHandle> =>
    env.client.workflow.start(AUDIT_WORKFLOW_TYPE, {
      workflowId: `${run}.audit-1`,
      taskQueue: TASK_QUEUE,
      args: [input(run, settings)],
    });

  const give = (handle: WorkflowHandle, given: Answer[]): Promise<AuditState> =>
    handle.executeUpdate<AuditState, [{ answers: Answer[] }]>(UPDATE_ANSWER, { args: [{ answers: given }] });
  const state = (handle: WorkflowHandle): Promise<AuditState> => handle.query<AuditState>(QUERY_AUDIT);
  const asks = (handle: WorkflowHandle): Promise<unknown> =>
    until('the draw', async () => (await state(handle)).phase === 'audit');
  const refused = (pattern: RegExp) => (error: unknown) =>
    error instanceof WorkflowUpdateFailedError &&
    error.cause instanceof ApplicationFailure &&
    error.cause.type === 'AUDIT_INVALID' &&
    pattern.test(error.cause.message);

  it('commits before it draws, draws before it asks, and certifies as soon as the answers allow', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('plain');
      await asks(handle);
      const half = await give(handle, answers(0, 4));
      assert.equal(half.seen, 4);
      assert.equal(half.judgement?.outcome, 'open');
      assert.match(half.words, /waits for 6 answers/);
      const last = await give(handle, answers(4, 10));
      assert.equal(last.judgement?.outcome, 'certified');
      const end = (await handle.result()) as AuditState;
      assert.equal(end.phase, 'done');
      assert.equal(end.refs?.certificate?.kind, 'certificate/1');
      const history = await handle.fetchHistory();
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, 'plain.audit-1');
    });
    assert.deepEqual(script.audit.calls, [
      'prepare',
      'freeze',
      'open',
      'draw by program',
      'record i0,i1,i2,i3',
      'record i4,i5,i6,i7,i8,i9',
      'certify',
      'end',
    ]);
  });

  it('takes the same answer again as no news, and refuses another one, an unknown image, and one that is not due', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('twice');
      await asks(handle);
      await give(handle, answers(0, 3));
      assert.equal((await give(handle, answers(0, 3))).seen, 3);
      await assert.rejects(give(handle, [answer(1, 0)]), refused(/'i1' has another answer of 'ann' already/));
      await assert.rejects(give(handle, [answer(50)]), refused(/'i50' is not due/));
      await assert.rejects(give(handle, [{ ...answer(0), id: 'elsewhere' }]), refused(/'elsewhere' is not in the run/));
      await assert.rejects(give(handle, [answer(4, 7)]), refused(/no class 7/));
      await assert.rejects(give(handle, []), refused(/1 to 100 answers/));
      // One that can't be taken takes the others of its message with it.
      await assert.rejects(give(handle, [answer(5), answer(50)]), refused(/not due/));
      assert.equal((await state(handle)).seen, 3);
      await handle.cancel();
    });
  });

  it("a second person's answer and the run's own questions are taken down and decide nothing", async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('others');
      await asks(handle);
      await give(handle, [answer(0), answer(0, 0, 'bob'), { ...answer(0), id: 'open-7' }]);
      const { seen, judgement, refs } = await state(handle);
      assert.equal(seen, 3);
      assert.equal(judgement?.answers.audit, 1);
      assert.deepEqual(
        script.audit.lines(refs).map(({ seen: at, use, rank }) => [at, use, rank]),
        [
          [0, 'audit', 0],
          [1, 'second', 0],
          [2, 'question', null],
        ],
      );
      await handle.cancel();
    });
  });

  it('answers that arrive at once are taken one message after the other, without a gap', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('crowd');
      await asks(handle);
      await Promise.all(answers(0, 9).map((each) => give(handle, [each])));
      const { refs, seen } = await state(handle);
      assert.equal(seen, 9);
      assert.deepEqual(
        script.audit.lines(refs).map((line) => line.seen),
        [0, 1, 2, 3, 4, 5, 6, 7, 8],
      );
      await handle.cancel();
    });
  });

  it('waits for the nonce where a person is to give it, and takes the first alone', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('dice', { nonceFrom: 'person' });
      const nonce = (value: string): Promise<AuditState> =>
        handle.executeUpdate<AuditState, [{ nonce: string }]>(UPDATE_NONCE, { args: [{ nonce: value }] });
      await until('the nonce', async () => (await state(handle)).phase === 'nonce');
      assert.ok(!script.audit.calls.some((call) => call.startsWith('draw')));
      await assert.rejects(give(handle, [answer(0)]), refused(/waits for its nonce/));
      await assert.rejects(nonce('short'), refused(/8 to 1,000 characters/));
      assert.equal((await nonce('4-1-6-6-2-5-3-1')).phase, 'audit');
      assert.ok(script.audit.calls.includes('draw 4-1-6-6-2-5-3-1'));
      await assert.rejects(nonce('1-1-1-1-1-1-1-1'), refused(/can not be changed/));
      await handle.cancel();
    });
  });

  it('tells once that it waits, for the nonce and for answers, and once that it has ended', async () => {
    const script = new Script();
    await withWorkers(
      script,
      async () => {
        const handle = await start('told', { nonceFrom: 'person' });
        await until('the first notice', () => noticesOf(script, 'told').length === 1);
        await handle.executeUpdate(UPDATE_NONCE, { args: [{ nonce: '4-1-6-6-2-5-3-1' }] });
        await give(handle, answers(0, 4));
        await give(handle, answers(4, 10));
        await handle.result();
      },
      0,
    );
    const notices = noticesOf(script, 'told');
    assert.deepEqual(
      notices.map(({ event, waitsFor, phase, run, audit }) => [event, waitsFor, phase, run, audit]),
      [
        ['waiting', 'nonce', 'nonce', 'told', 1],
        ['waiting', 'answers', 'audit', 'told', 1],
        ['ended', null, 'done', 'told', 1],
      ],
    );
    assert.deepEqual(notices[1]?.answers, { given: 0, expected: 12 });
    assert.deepEqual(notices[2]?.answers, { given: 10, expected: 12 });
    assert.ok(notices[2]?.next.includes('labelloop certificate show told'));
  });

  it('waits for no notice while it asks, and not for long at its end', async () => {
    const script = new Script();
    let tell = (): void => undefined;
    script.audit.untold = new Promise((resolve) => (tell = resolve));
    await withWorkers(script, async () => {
      const handle = await start('mute');
      await asks(handle);
      await give(handle, answers(0, 10));
      assert.equal(((await handle.result()) as AuditState).phase, 'done');
      tell();
    });
    assert.deepEqual(
      noticesOf(script, 'mute').map(({ event }) => event),
      ['waiting', 'ended'],
    );
  });

  it('tells why it waits for nobody any more: it failed, or was cancelled', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const cancelled = await start('told-cancelled');
      await asks(cancelled);
      await give(cancelled, answers(0, 3));
      await cancelled.cancel();
      await assert.rejects(cancelled.result());
      await assert.rejects((await start('told-failed', { budget: 1 })).result());
      await assert.rejects((await start('untold-failed', { budget: 1, answers: 'truth' })).result());
    });
    assert.deepEqual(
      noticesOf(script, 'told-cancelled').map(({ event, waitsFor, answers: { given } }) => [event, waitsFor, given]),
      [
        ['waiting', 'answers', 0],
        ['cancelled', null, 3],
      ],
    );
    const [failed, ...more] = noticesOf(script, 'told-failed');
    assert.deepEqual([failed?.event, more], ['failed', []]);
    assert.equal(failed?.words, 'Audit 1 failed: bad settings 0 answers are in, and kept.');
    assert.deepEqual(noticesOf(script, 'untold-failed'), []);
  });

  it('tells nobody in a dry run, where nobody is needed', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      await (await start('untold', { answers: 'truth' })).result();
    });
    assert.deepEqual(noticesOf(script, 'untold'), []);
  });

  it('stop ends it with what is certified', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('stop');
      await asks(handle);
      await give(handle, [answer(0)]);
      await handle.executeUpdate(UPDATE_STOP);
      assert.equal(((await handle.result()) as AuditState).phase, 'done');
    });
    assert.ok(script.audit.calls.includes('certify what is there'));
  });

  it('asks nobody where no plan would do', async () => {
    const script = new Script();
    script.audit.hopeless = true;
    await withWorkers(script, async () => {
      const end = (await (await start('hopeless')).result()) as AuditState;
      assert.equal(end.refs, null);
      assert.match(end.words, /Nobody is asked/);
    });
    assert.deepEqual(script.audit.calls, ['prepare', 'freeze', 'open', 'end']);
  });

  it('hidden labels answer in a dry run, and nobody else may', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const end = (await (await start('dry', { answers: 'truth' })).result()) as AuditState;
      assert.equal(end.judgement?.outcome, 'certified');
    });
    assert.ok(script.audit.calls.includes('truth'));
  });

  it('bad settings fail it by their code', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('bad', { budget: 1 });
      await assert.rejects(
        handle.result(),
        (error) =>
          error instanceof WorkflowFailedError &&
          error.cause instanceof ApplicationFailure &&
          error.cause.type === 'SETTINGS_INVALID',
      );
    });
  });

  for (const [what, args] of [
    ['no input', []],
    ['settings alone', [{ epsilon: 0.02 }]],
  ] as [string, unknown[]][])
    it(`one that is started with ${what} fails at once and does not hang`, async () => {
      await withWorkers(new Script(), async () => {
        const workflowId = `unusable ${what}`;
        const handle = await env.client.workflow.start(AUDIT_WORKFLOW_TYPE, {
          workflowId,
          taskQueue: TASK_QUEUE,
          args,
        });
        await assert.rejects(
          handle.result(),
          (error) =>
            error instanceof WorkflowFailedError &&
            error.cause instanceof ApplicationFailure &&
            error.cause.type === 'SETTINGS_INVALID',
        );
      });
    });

  it('goes on in a new history after 200 messages, and loses nothing', async () => {
    const script = new Script();
    await withWorkers(script, async () => {
      const handle = await start('long');
      await asks(handle);
      const first = (await handle.describe()).runId;
      for (let i = 0; i < 210; i += 10)
        await Promise.all(
          Array.from({ length: 10 }, (_, k) => give(handle, [{ ...answer(0), id: `open-${i + k}`, by: `p${i + k}` }])),
        );
      await until('a new history', async () => (await handle.describe()).runId !== first);
      const { seen, refs } = await state(handle);
      assert.equal(seen, 210);
      assert.deepEqual(
        script.audit.lines(refs).map((line) => line.seen),
        Array.from({ length: 210 }, (_, i) => i),
      );
      const { events } = await env.client.workflow.getHandle('long.audit-1', first).fetchHistory();
      assert.ok(events && events.length < 4000, `${events?.length} events`);
      for (const event of events ?? []) {
        const bytes = JSON.stringify(event).length;
        assert.ok(bytes < PAYLOAD_LIMIT, `event ${String(event.eventId)} has ${bytes} bytes`);
      }
      await give(handle, answers(0, 10));
      assert.equal(((await handle.result()) as AuditState).seen, 220);
    });
    assert.equal(script.audit.calls.filter((call) => call === 'freeze').length, 1);
  });

  it('cancel ends it as cancelled, once the answer that is being taken down is kept', async () => {
    const script = new Script();
    let release = (): void => undefined;
    script.audit.held = new Promise((resolve) => (release = resolve));
    await withWorkers(script, async () => {
      const handle = await start('cancel');
      await asks(handle);
      const given = give(handle, [answer(0)]);
      await until('the message', async () => {
        const { events } = await handle.fetchHistory();
        return events?.some((event) => event.workflowExecutionUpdateAcceptedEventAttributes) ?? false;
      });
      await handle.cancel();
      release();
      assert.equal((await given).seen, 1);
      await assert.rejects(
        handle.result(),
        (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure,
      );
    });
    assert.equal(script.audit.lines(script.audit.left).length, 1);
  });

  describe('at the end of a run', () => {
    const startRun = (workflowId: string): Promise<WorkflowHandle> =>
      env.client.workflow.start(WORKFLOW_TYPE, {
        workflowId,
        taskQueue: TASK_QUEUE,
        args: [{ dataset: 'digits', rounds: 1, certify: { epsilon: '30%' } }],
      });

    it('the run waits for it, and hands on its labels, its certificate and what people answered', async () => {
      const script = new Script();
      await withWorkers(script, async () => {
        const run = await startRun('whole');
        const handle = env.client.workflow.getHandle('whole.audit-1');
        await until('the audit', async () => (await run.query<RunState>(QUERY_STATUS)).stage === 'audit');
        await until('the child', async () => (await state(handle).catch(() => null))?.phase === 'audit');
        await give(handle, answers(0, 10));
        const summary = (await run.result()) as RunSummary;
        assert.deepEqual(summary.labels, ref('labels/2', 15));
        assert.deepEqual(summary.audit, { audit: 1, certificate: ref('certificate/1', 14) });
        const { budget, pool } = await run.query<RunState>(QUERY_STATUS);
        assert.equal(budget.audit, 10);
        assert.deepEqual(pool, { total: 1000, labelled: 850, open: 140, outliers: 10 });
      });
    });

    it('pause lets it rest, and resume takes it up with its answers', async () => {
      const script = new Script();
      await withWorkers(script, async () => {
        const run = await startRun('rests');
        const handle = env.client.workflow.getHandle('rests.audit-1');
        await until('the child', async () => (await state(handle).catch(() => null))?.phase === 'audit');
        await give(handle, answers(0, 3));
        await run.executeUpdate(UPDATE_PAUSE);
        await until('rest', async () => (await handle.describe()).status.name === 'CANCELLED');
        await run.executeUpdate(UPDATE_RESUME);
        // A closed one answers queries too.
        await until('the child again', async () => (await handle.describe()).status.name === 'RUNNING');
        await until('its answers', async () => (await state(handle).catch(() => null))?.seen === 3);
        await give(handle, answers(3, 10));
        await run.result();
      });
    });

    it('cancel of the run ends both', async () => {
      const script = new Script();
      await withWorkers(script, async () => {
        const run = await startRun('ends');
        const handle = env.client.workflow.getHandle('ends.audit-1');
        await until('the child', async () => (await state(handle).catch(() => null))?.phase === 'audit');
        await run.cancel();
        await assert.rejects(
          run.result(),
          (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure,
        );
        assert.equal((await handle.describe()).status.name, 'CANCELLED');
      });
    });
  });
});
