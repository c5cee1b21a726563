import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { Audits } from '../../src/client/audits.js';
import type { AuditSource } from '../../src/contracts/audit-stages.js';
import { AUDIT_WORKFLOW_TYPE, TASK_QUEUE } from '../../src/contracts/names.js';
import { runSettings } from '../../src/contracts/settings.js';
import { Store } from '../../src/store/index.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';
import { startTemporal, workflowBundle } from '../support/temporal.js';
import { ref } from '../workflows/script.js';

describe('audits, as a client sees them', function () {
  this.timeout(60_000);
  let env: TestWorkflowEnvironment;
  let server: S3Server;
  let folder: string;
  let audits: Audits;

  before(async function () {
    const binary = s3Binary(s3Servers[0]);
    if ('skip' in binary) return this.skip();
    [env, server] = await Promise.all([startTemporal(), S3Server.start(s3Servers[0], binary.path)]);
    folder = await mkdtemp(join(tmpdir(), 'labelloop-audits-'));
    audits = new Audits(env.client, await Store.open(server.connection, { cacheDir: folder }));
  });
  after(async () => {
    await Promise.all([env?.teardown(), server?.stop()]);
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const source: AuditSource = {
    run: 'shells',
    dataset: ref('dataset/1', 1),
    history: ref('history/1', 2),
    settings: runSettings.parse({ dataset: 'digits' }),
  };
  const handle = () => env.client.workflow.getHandle('shells.audit-1');

  /** An audit that ends before it has opened: this one because nothing was handed to it. */
  async function failBeforeOpening(): Promise<void> {
    const { nativeConnection: connection } = env;
    const worker = await Worker.create({ connection, taskQueue: TASK_QUEUE, workflowBundle: await workflowBundle() });
    await worker.runUntil(async () => {
      const options = { workflowId: 'shells.audit-1', taskQueue: TASK_QUEUE, args: [] };
      await assert.rejects(env.client.workflow.execute(AUDIT_WORKFLOW_TYPE, options));
    });
  }

  it('one that failed before it opened says why, hides nothing of its run, and is no obstacle to another', async () => {
    await failBeforeOpening();
    await assert.rejects(audits.get('shells'), { code: 'SETTINGS_INVALID' });
    assert.equal(await audits.shown('shells'), null);
    // No worker is up to plan it; it is started all the same.
    await assert.rejects(audits.start(source, { epsilon: '2%' }), { code: 'STACK_UNAVAILABLE' });
    assert.equal((await handle().describe()).status.name, 'RUNNING');
    await assert.rejects(audits.start(source, { epsilon: '2%' }), { code: 'AUDIT_INVALID' });
    await handle().terminate();
  });
});
