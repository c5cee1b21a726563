import assert from 'node:assert/strict';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { demoState } from '../../src/cli/demo-state.js';
import { problem } from '../../src/contracts/errors.js';
import { certificateNow, labelloop, rooms, view } from './fixtures.js';
import type { RunView } from '../../src/contracts/run.js';
import type { Log } from './fixtures.js';

const CERTIFY = '"certify":{"epsilon":0.02,"budget":400,"answers":"truth"}';
const last = { run: 'mnist-demo-0a0b0c0d', salt: 's' };

/** Rooms where the demo's last run has this status. */
const after = (status: RunView['status'], log: Log) => {
  const endedAt = ['running', 'paused'].includes(status) ? null : '2026-01-01T00:00:00Z';
  // Once watched, it is completed.
  let asked = 0;
  return rooms(log, {
    demo: { last: () => Promise.resolve(last) },
    client: { show: (run) => Promise.resolve(view({ run, endedAt, status: asked++ === 0 ? status : 'completed' })) },
  });
};

describe('the demo', () => {
  it('goes from nothing to the table: stack, import, run, report', async () => {
    const log: Log = [];
    const unknown = problem('DATASET_UNKNOWN', "no dataset 'mnist-demo'.");
    const services = rooms(log, { datasets: { readDataset: () => Promise.reject(unknown) } });
    const { exitCode, out, err } = await labelloop('demo', services);
    assert.equal(exitCode, 0);
    assert.deepEqual(log, [
      'up',
      'import {"name":"mnist-demo","kind":"idx","keepLabels":500,"pool":10000,"seed":7,"path":"/mnist"}',
      `start {"dataset":"mnist-demo","seed":7,"rounds":3,${CERTIFY},"salt":""}`,
      'remember shells-1a2b3c4d',
      'show shells-1a2b3c4d',
      'report shells-1a2b3c4d',
      'close',
    ]);
    assert.match(out, /^round {2}accepted/);
    for (const words of ['70,000', '500 labels', '10,000', 'Dry run']) assert.ok(err.includes(words), words);
  });

  it('ends with its certificate beside the report, and with what a stranger who checks it reads', async () => {
    const log: Log = [];
    const { certificate } = certificateNow();
    const services = rooms(log, { client: { show: (run) => Promise.resolve(view({ run, certificate })) } });
    const { out } = await labelloop('demo', services);
    const dir = '/home/reports/shells-1a2b3c4d-certificate';
    assert.ok(log.includes(`export certificate shells-1a2b3c4d ${dir}`));
    assert.ok(log.includes(`verify ${dir}`));
    assert.match(out, /Certificate \(grade A\): At most 186 of these 9,312/);
    assert.match(out, /The certificate holds\.\n$/);
  });

  it('does not import twice', async () => {
    const log: Log = [];
    await labelloop('demo', rooms(log));
    assert.ok(!log.some((line) => line.startsWith('import')));
  });

  it('goes on with a run that is under way', async () => {
    const log: Log = [];
    const { err } = await labelloop('demo', after('running', log));
    assert.match(err, /The demo is under way; going on with it \(mnist-demo-0a0b0c0d\)/);
    assert.ok(!log.some((line) => line.startsWith('start')));
  });

  it('lets a paused run go on', async () => {
    const log: Log = [];
    await labelloop('demo', after('paused', log));
    assert.ok(log.includes('resume mnist-demo-0a0b0c0d'));
  });

  it('shows the result of a finished run at once and says so', async () => {
    const log: Log = [];
    const { out, err } = await labelloop('demo', after('completed', log));
    assert.match(err, /ran already: this is its result .*--fresh/);
    assert.doesNotMatch(err, /step 600/);
    assert.match(out, /^round {2}accepted/);
    assert.ok(!log.some((line) => line.startsWith('start')));
  });

  it('starts a failed run again with the same salt, so that the store helps', async () => {
    const log: Log = [];
    await labelloop('demo', after('failed', log));
    assert.ok(log.includes(`start {"dataset":"mnist-demo","seed":7,"rounds":3,${CERTIFY},"salt":"s"}`));
  });

  it('starts anew where the remembered run is gone', async () => {
    const log: Log = [];
    const gone = { ...last, run: 'nobody' };
    const { exitCode } = await labelloop('demo', rooms(log, { demo: { last: () => Promise.resolve(gone) } }));
    assert.equal(exitCode, 0);
    assert.ok(log.some((line) => line.startsWith('start')));
  });

  it('begins anew with --fresh: cancels what is under way and takes a new salt', async () => {
    const log: Log = [];
    await labelloop('demo --fresh', after('running', log));
    assert.ok(log.includes('cancel mnist-demo-0a0b0c0d'));
    assert.match(log.find((line) => line.startsWith('start')) ?? '', /"salt":"[0-9a-f]{16}"/);
  });

  it('says at Ctrl-C that all goes on and how to come back', async () => {
    const services = rooms([], { local: { up: () => new Promise(() => undefined) } });
    const { exitCode, err } = await labelloop('demo', services, { interrupt: true });
    assert.equal(exitCode, 130);
    assert.match(err, /Everything keeps running; npm start goes on from here\.\nlabelloop down stops it/);
  });
});

describe("the demo's memory", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(os.tmpdir(), 'labelloop-'))));
  afterEach(() => rm(folder, { recursive: true }));
  const state = () => demoState(() => Promise.resolve(path.join(folder, 'home')));

  it('gives back what it was told, and nothing before', async () => {
    assert.equal(await state().last(), null);
    await state().remember(last);
    assert.deepEqual(await state().last(), last);
  });

  it('takes a cut-off file and another version as nothing', async () => {
    await state().remember(last);
    for (const text of ['{"format":', '{"format":"labelloop.demo/9","run":"a","salt":""}', 'null']) {
      await writeFile(path.join(folder, 'home', 'demo.json'), text);
      assert.equal(await state().last(), null);
    }
  });

  it('knows where the digits are', () => access(path.join(state().images(), 'train-images-idx3-ubyte')));
});
