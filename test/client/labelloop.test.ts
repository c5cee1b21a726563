import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Labelloop, LabelloopError } from '../../src/client/index.js';
import { auditPaths } from '../../src/contracts/audit-stages.js';
import { auditSettings } from '../../src/contracts/audit.js';
import { MEMO_RUN, TASK_QUEUE, WORKFLOW_TYPE } from '../../src/contracts/names.js';
import { runSettings } from '../../src/contracts/settings.js';
import { jsonLines } from '../../src/labelling/certificate/index.js';
import type { LabelRow } from '../../src/contracts/tables.js';
import { encodeTable, Store, tables } from '../../src/store/index.js';
import { certificateNow, labelRow } from '../cli/fixtures.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';
import { startTemporal } from '../support/temporal.js';
import { ref } from '../workflows/script.js';

/** No worker is up here: what is asked of the servers alone. */
describe('client', function () {
  this.timeout(60_000);
  let env: TestWorkflowEnvironment;
  let server: S3Server;
  let home: string;
  let labelloop: Labelloop;

  before(async function () {
    const binary = s3Binary(s3Servers[0]);
    if ('skip' in binary) return this.skip();
    [env, server] = await Promise.all([startTemporal(), S3Server.start(s3Servers[0], binary.path)]);
    home = await mkdtemp(join(tmpdir(), 'labelloop-client-'));
    const temporal = { connectionOptions: { address: env.address }, namespace: 'default' };
    labelloop = await Labelloop.connect({ home, connections: { temporal, store: server.connection } });
  });
  after(async () => {
    await labelloop?.close();
    await Promise.all([env?.teardown(), server?.stop()]);
    if (home) await rm(home, { recursive: true, force: true });
  });

  const code = (expected: string) => (error: unknown) => error instanceof LabelloopError && error.code === expected;

  it('finds a run without a worker waiting, and cancels it', async () => {
    const { run } = await labelloop.start({ dataset: 'digits' });
    assert.equal((await labelloop.show(run)).status, 'waiting');
    await assert.rejects(labelloop.pause(run), code('STACK_UNAVAILABLE'));
    await labelloop.cancel(run);
    await env.client.workflow.getHandle(run).terminate();
  });

  it('says that a run has ended instead of steering it', async () => {
    const { run } = await labelloop.start({ dataset: 'digits', seed: 2 });
    await env.client.workflow.getHandle(run).terminate();
    for (const verb of ['pause', 'resume', 'cancel'] as const)
      await assert.rejects(labelloop[verb](run), (error) => code('RUN_UNKNOWN')(error) && /ended/.test(String(error)));
  });

  it('does not take a run under way for one with other settings', async () => {
    const settings = runSettings.parse({ dataset: 'digits', seed: 3 });
    await env.client.workflow.start(WORKFLOW_TYPE, {
      taskQueue: TASK_QUEUE,
      workflowId: 'mine',
      args: [settings],
      memo: { [MEMO_RUN]: { settings } },
    });
    assert.deepEqual(await labelloop.start(settings, { run: 'mine' }), { run: 'mine' });
    await assert.rejects(labelloop.start({ ...settings, seed: 4 }, { run: 'mine' }), code('RUN_EXISTS'));
    await env.client.workflow.getHandle('mine').terminate();
    assert.deepEqual(await labelloop.start({ ...settings, seed: 4 }, { run: 'mine' }), { run: 'mine' });
    await env.client.workflow.getHandle('mine').terminate();
  });

  it('a certificate of a run that was started anew is held against the labels that there are now', async () => {
    const store = await Store.open(server.connection, { cacheDir: join(home, 'other') });
    const { certificate } = certificateNow();
    const rows = ['0a', '0b', '0c', '0d'].map((id) => ({ ...labelRow(id), certificate: certificate.id }));
    const table = (changed: LabelRow[]) => store.putBytes('labels/2', encodeTable(tables.labels, changed));
    const audited = await table(rows);
    const [first, second, ...rest] = rows.map((row) => ({ ...row, certificate: '' })) as [LabelRow, LabelRow];
    const anew = await table([{ ...first, label: 0 }, { ...second, status: 'open', label: -1 }, ...rest]);

    const settings = auditSettings.parse({ epsilon: 0.02 });
    const outlook = { instrument: 'looks', repair: 0, size: 4, expected: 1, percentile90: 1, success: 1 };
    const some = ref('frozen/1', 1);
    // Of two images that people could not tell, one is beyond the claim.
    const unsure = [3, certificate.claim.size].map((rank, seen) => {
      const [use, verdict] = ['audit', 'unsure'];
      return { seen, use, rank, id: `0${'d-e'[2 * seen]}`, verdict, by: 'ann', at: '', seconds: 1 };
    });
    const frozenLines = unsure.map(({ id, rank }) => ({ id, image: 'a'.repeat(64), label: 1, rank }));
    const refs = {
      ...{ positions: some, questions: some, protocol: some, plan: some, seed: some, order: some },
      frozen: await store.putBytes('frozen/1', Buffer.from(jsonLines(frozenLines))),
      log: await store.putBytes('audit-log/1', Buffer.from(jsonLines(unsure))),
      ...{ ledger: some, certificate: await store.putJson('certificate/1', certificate), labels: audited },
    };
    const given = { settings, refs, outlook };
    await store.putPointer(auditPaths.ledgerLine('anew', 1), {});
    await store.putPointer(auditPaths.opened('anew', 1), {
      ...{ format: 'labelloop.opened-audit/1', ...given, labels: audited, base: audited, openedAt: '' },
    });
    await store.putPointer(auditPaths.ended('anew', 1), {
      ...{ run: 'anew', audit: 1, phase: 'done', ...given, seen: 1, judgement: null, words: '' },
    });
    const record = {
      ...{ round: 1, model: some, labels: anew, cutoff: some, clusters: some, pool: some, loss: 0, seconds: {} },
      counts: { accepted: 3, added: 3, kept: 0, flipped: 0, revoked: 0, open: 1, outliers: 0 },
      estimate: { grade: 'C', accepted: 1, errors: 0, error: 0, upper: 1, coverage: 1 },
      ...{ testAccuracy: null, calibrationAccuracy: 1, fromStore: [] },
    };
    const history = await store.putJson('history/1', { format: 'labelloop.history/1', rounds: [record] });
    await env.client.workflow.start(WORKFLOW_TYPE, {
      taskQueue: TASK_QUEUE,
      workflowId: 'anew',
      args: [runSettings.parse({ dataset: 'digits' })],
      memo: {
        [MEMO_RUN]: { settings: runSettings.parse({ dataset: 'digits' }), history, pool: { total: 4 } },
      },
    });
    await env.client.workflow.getHandle('anew').terminate();

    const { changes, holds } = await labelloop.certificate('anew');
    assert.deepEqual(changes, { changed: 1, added: 0, revoked: 1 });
    const { claim, corrected } = certificate;
    assert.deepEqual(holds, { size: claim.size - 1 - 1, most: claim.most - corrected + 1 });
    // A view of the run and its report show its labels, which no certificate is about.
    const { certificate: shown, labelsDigest } = await labelloop.show('anew');
    assert.deepEqual([shown, labelsDigest], [null, anew.sha256]);
  });
});
