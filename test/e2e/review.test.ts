import assert from 'node:assert/strict';
import { once } from 'node:events';
import sharp from 'sharp';
import type { Labelloop } from '../../src/client/index.js';
import type { AuditState } from '../../src/contracts/audit.js';
import type { AnswersReply, QuestionsReply, SessionReply } from '../../src/review/wire.js';
import { decodeTable, tables } from '../../src/store/index.js';
import { MNIST, TestHome } from '../support/stack.js';
import { until } from '../support/wait.js';

const seat = 'seat-of-anna';

describe("the people's page of a real run", function () {
  this.timeout('5m');
  let stack: TestHome;
  let labelloop: Labelloop;
  let run: string;

  before(async () => {
    stack = await TestHome.make();
    await stack.json('up');
    labelloop = await stack.connect();
    await stack.json(
      ...['dataset', 'import', MNIST, '--name', 'digits', '--keep-labels', '200', '--seed', '7'],
      ...['--pool', '600', '--shard-size', '256'],
    );
    const settings = { dataset: 'digits', seed: 7, rounds: 1, steps: 300, passes: 10, targetError: '10%' };
    ({ run } = await labelloop.start(settings));
    await labelloop.result(run);
  });
  after(async () => {
    await labelloop?.close();
    await stack?.remove();
  });

  it('shows its images, takes its answers, and ends its audit; Ctrl-C ends the page', async () => {
    await stack.json('audit', 'start', run, '--error', '20%', '--budget', '60');
    const child = stack.spawn(['review', run, '--port', '0', '--by', 'anna']);
    let said = '';
    let printed = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const url = await until('the address', () => /at (http:\S+)/.exec(said)?.[1]);
    const get = async <T>(path: string): Promise<T> => (await fetch(new URL(path, url))).json() as Promise<T>;
    const session = await get<SessionReply>('/api/session');
    assert.deepEqual(session.classes, [...'0123456789']);
    assert.ok(session.progress.expected !== null && session.progress.expected <= 60);

    const truth = await truthOf();
    let answered = 0;
    const ended = async (): Promise<boolean> => {
      const { questions, progress } = await get<QuestionsReply>(`/api/questions?seat=${seat}&limit=8`);
      const [first] = questions;
      if (!first) return progress.phase === 'done';
      const image = await fetch(new URL(`/images/${first.id}/view.png`, url));
      const { width, height } = await sharp(Buffer.from(await image.arrayBuffer())).metadata();
      assert.deepEqual([width, height], [28, 28]);
      const at = new Date().toISOString();
      const answers = questions.map(({ id }) => ({ id, verdict: truth.get(id) ?? 0, by: 'anna', at, seconds: 1.5 }));
      const reply = await fetch(new URL('/api/answers', url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-labelloop-csrf': session.csrf, origin: new URL(url).origin },
        body: JSON.stringify({ answers }),
      });
      assert.equal(reply.status, 200, await reply.clone().text());
      const { taken, refused } = (await reply.json()) as AnswersReply;
      answered += taken.length;
      // What was dealt before the audit was decided may come too late; nothing else is refused.
      assert.ok(refused.length === 0 || (await labelloop.audit(run)).phase !== 'audit', JSON.stringify(refused));
      return false;
    };
    await until('the audit has ended', ended, 120);

    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 0, said);
    assert.equal(printed, `${answered} answers taken down.\n`);
    const state = await stack.json<AuditState>('audit', 'show', run);
    assert.equal(state.phase, 'done');
    assert.ok(state.seen > 0 && state.seen <= answered, `${state.seen} of ${answered}: ${state.words}`);
  });

  async function truthOf(): Promise<Map<string, number>> {
    const manifest = await labelloop.dataset(run);
    assert.ok(manifest?.truth);
    const rows = await decodeTable(tables.answers, await labelloop.store.readBytes(manifest.truth));
    return new Map(rows.map(({ id, label }) => [id, label]));
  }
});
