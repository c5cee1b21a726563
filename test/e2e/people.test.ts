import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { Labelloop } from '../../src/client/index.js';
import type { AuditState } from '../../src/client/index.js';
import type { Explanation } from '../../src/contracts/explanation.js';
import type { Notice } from '../../src/contracts/notice.js';
import { csvLine } from '../../src/datasets/export.js';
import { decodeTable, tables } from '../../src/store/index.js';
import { labelStudioExport } from '../datasets/answers/support.js';
import { MNIST, TestHome } from '../support/stack.js';
import { until } from '../support/wait.js';

type Row = Record<string, string>;

describe('people who answer in files, end to end', function () {
  this.timeout('5m');
  let stack: TestHome;
  let labelloop: Labelloop;
  let hook: Server;
  const notices: Notice[] = [];
  let run: string;
  let truth: Map<string, string>;

  before(async () => {
    hook = createServer((request, response) => {
      void text(request).then((body) => {
        notices.push(JSON.parse(body) as Notice);
        response.writeHead(200).end();
      });
    });
    await new Promise<void>((done) => hook.listen(0, '127.0.0.1', done));
    const { port } = hook.address() as AddressInfo;
    stack = await TestHome.make({ LABELLOOP_NOTIFY_URL: `http://127.0.0.1:${port}/hook` });
    await stack.json('up');
    labelloop = await stack.connect();
    await stack.json(
      ...['dataset', 'import', MNIST, '--name', 'digits', '--keep-labels', '200', '--seed', '7'],
      ...['--pool', '600', '--shard-size', '256'],
    );
    const settings = { dataset: 'digits', seed: 7, rounds: 1, steps: 200, passes: 10, targetError: 0.05 };
    ({ run } = await labelloop.start(settings));
    await labelloop.result(run);
    const manifest = await labelloop.dataset(run);
    assert.ok(manifest?.truth);
    // What a person sees: the test knows it, the audit does not.
    truth = new Map(
      (await decodeTable(tables.answers, await labelloop.store.readBytes(manifest.truth))).map(({ id, label }) => [
        id,
        manifest.classes[label] as string,
      ]),
    );
  });

  after(async () => {
    await labelloop?.close();
    await stack?.remove();
    hook?.close();
  });

  const file = (name: string) => join(stack.home, name);
  const tasksOf = async (name: string): Promise<Row[]> => parse<Row>(await readFile(file(name)), { columns: true });
  const fill = (rows: readonly Row[], by: string): string =>
    [
      csvLine(['id', 'answer', 'by', 'seconds']),
      ...rows.map(({ id }) => csvLine([id as string, truth.get(id as string) as string, by, 2])),
    ].join('');

  it('an audit waits for people, and tells the hook', async () => {
    const state = await stack.json<AuditState>(
      'audit',
      'start',
      run,
      '--error',
      '20%',
      '--budget',
      '200',
      '--double',
      '0.3',
    );
    assert.notEqual(state.refs, null, state.words);
    await until('the notice', () => notices.length === 1);
    const [notice] = notices;
    assert.deepEqual([notice?.event, notice?.waitsFor, notice?.run], ['waiting', 'answers', run]);
  });

  it('tasks are exported with their images, and come back wrong, right, and again', async () => {
    await stack.json('tasks', 'export', run, '--out', file('tasks.csv'), '--images', file('tasks'), '--limit', '12');
    const rows = await tasksOf('tasks.csv');
    assert.equal(rows.length, 12);
    const { width, height } = await sharp(file(rows[0]?.['image'] as string)).metadata();
    assert.deepEqual([width, height], [28, 28]);

    const filled = fill(rows, 'ada');
    await writeFile(
      file('wrong.csv'),
      `${filled}${csvLine(['elsewhere', '3', 'ada', 1])}${csvLine([rows[0]?.['id'] as string, 'tree', 'ben', 1])}`,
    );
    const wrong = await stack.run('answers', 'import', run, file('wrong.csv'));
    assert.equal(wrong.code, 1);
    assert.match(
      wrong.stderr,
      /^AUDIT_INVALID: 2 rows .*\n.*wrong\.csv:14: the pool .*\n.*wrong\.csv:15: 'tree' is no class/,
    );
    assert.equal((await labelloop.audit(run)).seen, 0);

    await writeFile(file('filled.csv'), filled);
    const import_ = () => stack.json<{ taken: number; known: number }>('answers', 'import', run, file('filled.csv'));
    const first = await import_();
    assert.deepEqual([first.taken, first.known], [12, 0]);
    const seen = (await labelloop.audit(run)).seen;
    const again = await import_();
    assert.deepEqual([again.taken, again.known], [0, 12]);
    assert.equal((await labelloop.audit(run)).seen, seen);
  });

  it('Label Studio brings the answers of two people, until the audit is decided', async () => {
    for (let i = 0; i < 30 && (await labelloop.audit(run)).phase !== 'done'; i++) {
      for (const by of ['ada', 'ben']) {
        const name = `tasks-${i}-${by}.json`;
        const args = ['--out', file(name), '--limit', '25', '--by', by, '--image-url', 'https://x.example/', '--force'];
        await stack.json('tasks', 'export', run, ...args);
        const tasks = JSON.parse(await readFile(file(name), 'utf8')) as { data: { image_id: string } }[];
        if (tasks.length === 0) continue;
        const at = new Date().toISOString();
        const given = tasks.map(({ data: { image_id: id } }) => ({
          id,
          word: truth.get(id) ?? null,
          by,
          at,
          seconds: 1,
        }));
        await writeFile(file(name), labelStudioExport(given));
        await stack.json('answers', 'import', run, file(name), '--skip-unwanted');
      }
    }
    const end = await until('the end', async () => {
      const state = await labelloop.audit(run);
      return state.phase === 'done' ? state : null;
    });
    assert.equal(end.judgement?.outcome, 'certified', end.words);
    const log = await labelloop.answers(run);
    assert.equal(new Set(log.map(({ id, by }) => `${id} ${by}`)).size, log.length);
    await until('the second notice', () => notices.length === 2);
    assert.equal(notices[1]?.event, 'ended');
  });

  it('every label is traced to its rounds, the people and the certificate, and exported with them', async () => {
    const log = await labelloop.answers(run);
    const audited = log.find(({ use }) => use === 'audit');
    assert.ok(audited);
    const explained = await stack.json<Explanation>('labels', 'explain', run, audited.id);
    assert.equal(explained.label, truth.get(audited.id));
    assert.ok(explained.answers.some(({ by, use, audit }) => by === audited.by && use === 'audit' && audit === 1));
    assert.equal(explained.rounds.length, 1);
    assert.ok(explained.rounds[0]?.score && explained.rounds[0].passes === 10);

    await stack.json('labels', 'export', run, '--out', file('labels.csv'));
    const rows = await tasksOf('labels.csv');
    assert.equal(rows.length, 600);
    const certified = rows.filter((row) => row['certificate'] !== '');
    assert.ok(certified.length > 0);
    const one = await stack.json<Explanation>('labels', 'explain', run, certified[0]?.['id'] as string);
    assert.equal(one.certificate, certified[0]?.['certificate']);
    assert.match(one.statement ?? '', /At most/);
    for (const row of rows.filter(({ source }) => source === 'human')) assert.equal(row['confidence'], '');
  });
});
