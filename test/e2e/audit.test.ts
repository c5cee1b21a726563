import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Labelloop } from '../../src/client/index.js';
import type { Answer, Question } from '../../src/client/index.js';
import { auditState } from '../../src/contracts/audit.js';
import type { AuditState } from '../../src/contracts/audit.js';
import { runView } from '../../src/contracts/run.js';
import type { RunView } from '../../src/contracts/run.js';
import { decodeTable, tables } from '../../src/store/index.js';
import { MNIST, TestHome } from '../support/stack.js';
import { until } from '../support/wait.js';

/**
 * Small enough for seconds, and good enough that 15 % can be certified. The split is limited, as an audit finds the run's
 * calibration by the address that follows from it.
 */
const RUN = { dataset: 'digits', seed: 7, rounds: 1, steps: 400, passes: 10, targetError: '8%', calibrationMost: 70 };
const RUN_FLAGS = [
  ...['--dataset', 'digits', '--seed', '7', '--rounds', '1', '--steps', '400', '--passes', '10'],
  ...['--target-error', '8%', '--calibration-most', '70', '--certify', '15%', '--audit-budget', '150'],
];

describe('an audit, end to end', function () {
  this.timeout('5m');
  let stack: TestHome;
  let labelloop: Labelloop;

  before(async () => {
    stack = await TestHome.make();
    await stack.json('up');
    await stack.json(
      ...['dataset', 'import', MNIST, '--name', 'digits', '--keep-labels', '200', '--seed', '7'],
      ...['--pool', '1000', '--shard-size', '256'],
    );
    labelloop = await stack.connect();
  });

  after(async () => {
    await labelloop?.close();
    await stack?.remove();
  });

  it('a dry run ends with a certificate that Node alone can check, and says that it is one', async () => {
    const { run } = await stack.json<{ run: string }>('run', 'start', ...RUN_FLAGS, '--answers', 'truth');
    const watched = await stack.run('run', 'watch', run);
    assert.equal(watched.code, 0, watched.stderr);
    assert.match(watched.stdout, /Certificate \(grade A\): At most .* A dry run: hidden labels answered for people\./);
    const view = runView.parse(await stack.json('run', 'show', run));
    assert.ok(view.certificate && view.audit?.judgement);
    assert.equal(view.budget.audit, view.audit.seen);
    assert.ok(view.audit.seen <= 150);

    const dir = join(stack.home, 'bundle');
    await stack.json('certificate', 'export', run, '--out', dir);
    assert.equal((await stack.run('certificate', 'verify', dir)).code, 0);
    assert.equal((await stat(join(stack.home, 'keys', 'certificate.pem'))).mode & 0o777, 0o600);
    const labels = join(dir, 'labels.jsonl');
    await writeFile(labels, (await readFile(labels, 'utf8')).replace('"rank":7}', '"rank":8}'));
    assert.equal((await stack.run('certificate', 'verify', dir)).code, 1);

    // The labels carry it, and what the answers corrected.
    const sources = new Map<string, number>();
    for await (const row of labelloop.labels(run)) {
      const key = `${row.source}${row.certificate ? ' certified' : ''}`;
      sources.set(key, (sources.get(key) ?? 0) + 1);
    }
    assert.equal(sources.get('human'), view.audit.judgement.answers.repair + view.audit.judgement.answers.audit);
    const certified = sources.get('model certified') ?? 0;
    assert.ok(certified > 0 && certified <= view.certificate.claim.size);

    // The same once more: from the store, without a question.
    await stack.json('run', 'start', ...RUN_FLAGS, '--answers', 'truth');
    await stack.run('run', 'watch', run);
    const again = await stack.json<RunView>('run', 'show', run);
    assert.deepEqual(again.certificate, view.certificate);
    assert.equal(again.labelsDigest, view.labelsDigest);

    // Another run begins with what people said, and keeps it.
    const { run: next } = await labelloop.start({ ...RUN, rounds: 1, labelsFrom: run });
    await labelloop.result(next);
    let human = 0;
    for await (const { source } of labelloop.labels(next)) if (source === 'human') human++;
    assert.equal(human, sources.get('human'));
    const elsewhere = await labelloop.start({ ...RUN, labelsFrom: 'nobody' });
    await assert.rejects(
      labelloop.result(elsewhere.run),
      /labelsFrom: people have not answered anything about run 'nobody'/,
    );
  });

  it('people answer, workers are killed meanwhile, and no answer is lost', async () => {
    const { run } = await labelloop.start({ ...RUN, certify: { epsilon: '15%', budget: 150, nonceFrom: 'person' } });
    await until('the nonce', async () => (await phaseOf(labelloop, run)) === 'nonce', 120);
    const waiting = await labelloop.progress(run);
    assert.equal(waiting.stage, 'audit');
    assert.match(waiting.waitsFor ?? '', /waits for the nonce/);
    const drawn = auditState.parse(await stack.json('audit', 'nonce', run, '4-1-6-6-2-5-3-1'));
    assert.match(drawn.words, /waits for \d+ answers/);

    const truth = await truthOf(labelloop, run);
    const seconds = 2;
    const answersOf = (questions: Question[], by: string): Answer[] =>
      questions.map(({ id }) => ({ id, verdict: truth.get(id) as number, by, at: new Date().toISOString(), seconds }));

    const first = await labelloop.questions(run, { by: 'ann', limit: 10 });
    assert.equal(new Set(first.map(({ id }) => id)).size, 10);
    const image = await labelloop.image(run, first[0] as Question);
    assert.equal(image.pixels.length, 28 * 28);
    let given = answersOf(first, 'ann');
    assert.equal((await labelloop.answer(run, given)).seen, 10);

    // An answer is under way while every worker dies, and is given again by a person who saw nothing of it.
    given = answersOf(await labelloop.questions(run, { by: 'ann', limit: 5 }), 'ann');
    const sent = labelloop.answer(run, given).catch(() => null);
    const { processes } = await stack.json<{ processes: { name: string; pid: number }[] }>('status');
    for (const { name, pid } of processes) if (name === 'worker' || name === 'host') process.kill(pid, 'SIGKILL');
    await sent;
    await until('workers', async () => (await labelloop.audit(run).catch(() => null))?.phase === 'audit', 90);
    assert.equal((await labelloop.answer(run, given)).seen, 15);
    await assert.rejects(labelloop.answer(run, [{ ...(given[0] as Answer), verdict: 'none' }]), {
      code: 'AUDIT_INVALID',
    });

    let state: AuditState | null = null;
    for (let turn = 0; turn < 40 && state?.judgement?.outcome !== 'certified'; turn++) {
      const by = turn % 2 ? 'ann' : 'bob';
      const questions = await labelloop.questions(run, { by, limit: 20 });
      if (questions.length === 0) break;
      state = (await labelloop.answer(run, answersOf(questions, by))) as AuditState;
    }
    assert.equal(state?.judgement?.outcome, 'certified');
    await labelloop.result(run);
    const view = await labelloop.show(run);
    assert.equal(view.certificate?.panel.answersFrom, 'people');
    assert.equal(view.certificate?.panel.people, 2);
    assert.equal(view.budget.audit, state.seen);
    const dir = join(stack.home, 'people');
    await labelloop.exportCertificate(run, dir);
    assert.equal((await stack.run('certificate', 'verify', dir)).code, 0);
    const lines = (await readFile(join(dir, 'audit.jsonl'), 'utf8')).trim().split('\n');
    const keys = lines.map((line) => JSON.parse(line) as { id: string; by: string });
    assert.equal(new Set(keys.map(({ id, by }) => `${id} ${by}`)).size, keys.length, 'nothing is counted twice');

    // The pool is counted by the labels in force: the run's questions were open images, and some have labels now.
    const count = { accepted: 0, open: 0, outlier: 0 };
    for await (const { status } of labelloop.labels(run)) count[status]++;
    const { accepted: labelled, open, outlier: outliers } = count;
    assert.deepEqual(view.pool, { total: 1000, labelled, open, outliers });
    assert.ok(labelled > (view.rounds.at(-1)?.accepted ?? 0));

    // One audit had all that the run may spend.
    await assert.rejects(
      labelloop.startAudit(run, { epsilon: '10%' }).then(() => over(labelloop, run)),
      {
        code: 'AUDIT_INVALID',
      },
    );
    await assert.rejects(labelloop.answer(run, given), { code: 'AUDIT_INVALID' });
  });

  it('further audits of a series are numbered, and freeze what is still the machine', async () => {
    const { run } = await labelloop.start({ ...RUN, salt: '' }, { run: 'series' });
    await labelloop.result(run);
    await assert.rejects(labelloop.audit(run), { code: 'AUDIT_UNKNOWN' });
    const settings = { epsilon: '20%', budget: 150, spending: 'series', answers: 'truth', repair: 0 } as const;
    await labelloop.startAudit(run, settings);
    const one = await over(labelloop, run);
    assert.equal(one.audit, 1);
    const first = await labelloop.certificate(run);
    await labelloop.startAudit(run, settings);
    const two = await over(labelloop, run);
    assert.equal(two.audit, 2);
    const second = await labelloop.certificate(run);
    assert.ok(second.certificate.alpha < first.certificate.alpha);
    assert.notEqual(second.certificate.root, first.certificate.root);
    assert.equal((await labelloop.show(run)).budget.audit, one.seen + two.seen);
    const dir = join(stack.home, 'series');
    await labelloop.exportCertificate(run, dir);
    assert.equal((await stack.run('certificate', 'verify', dir)).code, 0);
    assert.equal((await readFile(join(dir, 'ledger.jsonl'), 'utf8')).trim().split('\n').length, 2);
  });

  it('audits of classes share alpha, and their certificates stand side by side on the labels', async () => {
    const { run } = await labelloop.start({ ...RUN, salt: '' }, { run: 'by-class' });
    await labelloop.result(run);
    const flags = ['--error', '30%', '--budget', '80', '--by-class', '--answers', 'truth', '--repair', '0'];
    const counts = async () => {
      const found = new Map<string, number>();
      for await (const { certificate, class: name } of labelloop.labels(run))
        if (certificate !== '') found.set(`${certificate} ${name}`, (found.get(`${certificate} ${name}`) ?? 0) + 1);
      return found;
    };
    const sizes: number[] = [];
    for (const [i, name] of ['1', '0'].entries()) {
      await stack.json('audit', 'start', run, '--class', name, ...flags);
      const ended = await over(labelloop, run);
      assert.equal(ended.audit, i + 1, ended.words);
      const { certificate, holds } = await labelloop.certificate(run);
      assert.equal(certificate.id, `${run}.audit-${i + 1}`, ended.words);
      assert.equal(certificate.class, name);
      assert.equal(certificate.alpha, 0.005);
      assert.match(certificate.statement, new RegExp(`machine labels of class "${name}" differ`));
      assert.ok(holds.size > 0);
      sizes.push((await counts()).get(`${certificate.id} ${name}`) ?? 0);
    }
    assert.ok(sizes.every((size) => size > 0));
    assert.deepEqual(
      await counts(),
      new Map(sizes.map((size, i) => [`${run}.audit-${i + 1} ${i === 0 ? '1' : '0'}`, size])),
      "the second audit left the first one's labels as they were",
    );
    const first = await labelloop.certificate(run, 1);
    assert.deepEqual(first.changes, { changed: 0, added: 0, revoked: 0 });
    await assert.rejects(labelloop.certificate(run, 3), /These did: 1, 2\./);

    for (const audit of ['1', '2']) {
      const dir = join(stack.home, `class-${audit}`);
      await stack.json('certificate', 'export', run, '--out', dir, '--audit', audit);
      const checked = await stack.run('certificate', 'verify', dir);
      assert.equal(checked.code, 0, checked.stderr);
      const lines = (await readFile(join(dir, 'labels.jsonl'), 'utf8')).trim().split('\n');
      assert.deepEqual(
        new Set(lines.map((line) => (JSON.parse(line) as { label: number }).label)),
        new Set([audit === '1' ? 1 : 0]),
      );
    }

    const refused = async (settings: Parameters<typeof labelloop.startAudit>[1]) => {
      await labelloop.startAudit(run, { answers: 'truth', ...settings }).then(() => over(labelloop, run));
    };
    await assert.rejects(refused({ epsilon: '20%', class: 'eleven' }), { code: 'SETTINGS_INVALID' });
    await assert.rejects(refused({ epsilon: '20%', spending: 'classes' }), { code: 'SETTINGS_INVALID' });
    await assert.rejects(refused({ epsilon: '20%', class: '2', confidence: '90%', spending: 'classes' }), {
      code: 'AUDIT_INVALID',
    });
  });

  it('asks nobody where the budget can not do, and says what would', async () => {
    const { run } = await labelloop.start({ ...RUN, certify: { epsilon: '1%', budget: 20, answers: 'truth' } });
    await labelloop.result(run);
    const { audit, certificate, budget } = await labelloop.show(run);
    assert.equal(certificate, null);
    assert.equal(budget.audit, 0);
    assert.match(audit?.words ?? '', /^Nobody is asked: with 20 answers/);
  });
});

const phaseOf = async (labelloop: Labelloop, run: string): Promise<string | undefined> =>
  (await labelloop.audit(run).catch(() => null))?.phase;

async function over(labelloop: Labelloop, run: string): Promise<AuditState> {
  let state = await labelloop.audit(run);
  await until('the end of the audit', async () => (state = await labelloop.audit(run)).phase === 'done', 60);
  return state;
}

async function truthOf(labelloop: Labelloop, run: string): Promise<Map<string, number>> {
  const manifest = await labelloop.dataset(run);
  assert.ok(manifest?.truth);
  const rows = await decodeTable(tables.answers, await labelloop.store.readBytes(manifest.truth));
  return new Map(rows.map(({ id, label }) => [id, label]));
}
