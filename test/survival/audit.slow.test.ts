import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Labelloop } from '../../src/client/index.js';
import type { Answer } from '../../src/client/index.js';
import { auditLine } from '../../src/contracts/audit.js';
import type { AuditState } from '../../src/contracts/audit.js';
import { messageOf } from '../../src/contracts/errors.js';
import { decodeTable, tables } from '../../src/store/index.js';
import { MNIST, TestHome } from '../support/stack.js';
import { until } from '../support/wait.js';

const VERIFY = fileURLToPath(new URL('../../../infra/verify.mjs', import.meta.url));

/** Small enough for seconds, and good enough that 15 % can be certified: as in test/e2e/audit.test.ts. */
const RUN = { dataset: 'digits', seed: 7, rounds: 1, steps: 400, passes: 10, targetError: '8%', calibrationMost: 70 };

interface Status {
  supervisor: number | null;
  processes: { name: string; pid: number | null }[];
}

describe('survival of an audit', function () {
  this.timeout('5m');
  let stack: TestHome;
  let labelloop: Labelloop;

  before(async () => {
    stack = await TestHome.make();
    await stack.json('up');
    await stack.json(
      ...['dataset', 'import', MNIST, '--name', 'digits', '--keep-labels', '200', '--seed', '7'],
      ...['--pool', '1000', '--shard-size', '1000'],
    );
    labelloop = await stack.connect();
  });

  after(async () => {
    await labelloop?.close();
    await stack?.remove();
  });

  it('kill -9 of every process while people answer loses no answer, counts none twice, and takes each in its turn', async () => {
    const { run } = await labelloop.start({ ...RUN, certify: { epsilon: '15%', budget: 150 } });
    await until('the draw', () => labelloop.audit(run).then(isAsking, () => false), 120);
    const truth = await truthOf(run);
    const given: Answer[] = [];
    let state = await labelloop.audit(run);

    /** The next image, by turns of two people, while `strike` strikes: a message that fails is sent again, as people do. */
    async function answerNext(limit: number, strike?: () => Promise<void>): Promise<void> {
      const by = given.length % 2 ? 'ann' : 'bob';
      const questions = await again('questions', () => labelloop.questions(run, { by, limit }));
      assert.ok(questions.length > 0, `nothing to ask after ${given.length} answers: ${state.words}`);
      const at = new Date().toISOString();
      const answers = questions.map(({ id }) => ({ id, verdict: truth.get(id) as number, by, at, seconds: 1 }));
      if (strike) {
        // Sent, and struck before anybody knows what became of it.
        const sent = labelloop.answer(run, answers).catch(() => null);
        await strike();
        await sent;
      }
      state = (await again('an answer', () => labelloop.answer(run, answers))) as AuditState;
      given.push(...answers);
      assert.equal(state.seen, given.length);
    }

    const names = (await status()).processes.map(({ name }) => name);
    assert.ok(
      ['host', 'worker', 'temporal', 'minio'].every((name) => names.includes(name)),
      names.join(),
    );
    for (const name of names) {
      await answerNext(1);
      await answerNext(1, async () => tryKill(await pidOf(name)));
    }
    await answerNext(1, async () => {
      const { supervisor, processes } = await status();
      for (const pid of [supervisor, ...processes.map((process) => process.pid)]) tryKill(pid);
      await stack.json('up');
    });
    while (state.judgement?.outcome === 'open') await answerNext(20);
    assert.equal(state.judgement?.outcome, 'certified', state.words);

    await labelloop.result(run);
    const { refs, seen } = await labelloop.audit(run);
    assert.ok(refs?.log);
    const text = (await labelloop.store.readBytes(refs.log)).toString('utf8').trimEnd();
    const lines = text.split('\n').map((line) => auditLine.parse(JSON.parse(line)));
    assert.equal(seen, given.length);
    assert.deepEqual(
      lines.map((line) => line.seen),
      given.map((_, i) => i),
    );
    // Each is there once, as it was given, in the order in which they were acknowledged.
    assert.deepEqual(
      lines.map(({ id, verdict, by, at }) => [id, verdict, by, at]),
      given.map(({ id, verdict, by, at }) => [id, verdict, by, at]),
    );

    const dir = join(stack.home, 'bundle');
    await labelloop.exportCertificate(run, dir);
    await promisify(execFile)(process.execPath, [VERIFY, dir]);
  });

  const status = (): Promise<Status> => stack.json<Status>('status');
  const pidOf = async (name: string): Promise<number | null> =>
    (await status()).processes.find((process) => process.name === name)?.pid ?? null;

  async function truthOf(run: string): Promise<Map<string, number>> {
    const manifest = await labelloop.dataset(run);
    assert.ok(manifest?.truth);
    const rows = await decodeTable(tables.answers, await labelloop.store.readBytes(manifest.truth));
    return new Map(rows.map(({ id, label }) => [id, label]));
  }
});

const isAsking = ({ phase }: AuditState): boolean => phase === 'audit' || phase === 'repair';

/** Until it is done: whatever died comes back. What the audit refuses is no outage. */
async function again<T>(what: string, work: () => Promise<T>): Promise<T> {
  let last: unknown;
  const done = await until(
    what,
    async () => {
      try {
        return { value: await work() };
      } catch (error) {
        if ((error as { code?: unknown }).code === 'AUDIT_INVALID') throw error;
        last = error;
        return null;
      }
    },
    60,
    200,
  ).catch((error: unknown) => {
    throw new Error(`${messageOf(error)}; at last: ${messageOf(last)}`, { cause: error });
  });
  return done.value;
}

function tryKill(pid: number | null): void {
  if (pid === null) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended between the look and the strike.
  }
}
