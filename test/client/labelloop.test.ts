import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Labelloop, LabelloopError } from '../../src/client/index.js';
import { MEMO_RUN, TASK_QUEUE, WORKFLOW_TYPE } from '../../src/contracts/names.js';
import { runSettings } from '../../src/contracts/settings.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';
import { startTemporal } from '../support/temporal.js';

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
});
