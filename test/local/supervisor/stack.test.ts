import { Client, Connection } from '@temporalio/client';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Client as StoreClient } from 'minio';
import { startOf } from '../../../src/local/lock.js';
import { onPath } from '../../../src/local/provision/command.js';
import type { UpOptions } from '../../../src/local/stack.js';
import { down, status, up } from '../../../src/local/stack.js';
import { readStack } from '../../../src/local/supervisor/connections.js';
import { paths } from '../../../src/contracts/paths.js';
import { clean, fixture, runNode, temporaryFolder, until } from '../support.js';

const temporal = process.env['LABELLOOP_TEST_TEMPORAL'] ?? onPath('temporal');
const minio = process.env['LABELLOOP_TEST_MINIO'] ?? onPath('minio');

// Real servers; the workers are a script that says it is well, since what workers do is their own suites' subject.
describe('the embedded stack', function () {
  this.timeout(120_000);
  // Never the default: that is the stack of whoever runs the tests.
  let env: NodeJS.ProcessEnv = { LABELLOOP_HOME: temporaryFolder() };
  let options: UpOptions & { env: NodeJS.ProcessEnv };

  before(function () {
    if (temporal === null || minio === null) this.skip();
  });
  beforeEach(() => {
    env = { ...process.env, LABELLOOP_HOME: temporaryFolder(), TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml' };
    // The stack of the test, whatever servers its user has configured.
    for (const name of ['TEMPORAL_ADDRESS', 'MINIO_ENDPOINT']) delete env[name];
    const worker = [process.execPath, fixture('worker')];
    options = { env, programs: { temporal: temporal!, minio: minio! }, workers: { worker, host: worker } };
  });
  afterEach(() => down({ env }));
  after(clean);

  const pidOf = (name: string): number => {
    const pid = status(env).processes.find((each) => each.name === name)?.pid;
    assert.ok(pid != null, `${name} has a process`);
    return pid;
  };
  const kill = (...pids: number[]): void => pids.forEach((pid) => process.kill(pid, 'SIGKILL'));
  const supervisor = (): number => {
    const pid = status(env).supervisor;
    assert.ok(pid !== null);
    return pid;
  };
  const gone = (pid: number): boolean => startOf(pid) === null;
  const names = ['temporal', 'minio', 'worker', 'host'];

  /** Leaves something in both servers, and gives back a check that it is still there. */
  async function leaveData(): Promise<() => Promise<void>> {
    const connect = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
      const address = readStack(paths(env))!.temporal!.address;
      const connection = await Connection.connect({ address });
      try {
        return await work(new Client({ connection }));
      } finally {
        await connection.close();
      }
    };
    const store = (): StoreClient => new StoreClient(readStack(paths(env))!.store!);
    await connect((client) => client.workflow.start('nobodyRunsThis', { workflowId: 'kept', taskQueue: 'none' }));
    await store().makeBucket('labelloop');
    await store().putObject('labelloop', 'kept', 'some data');
    return async () => {
      const { status } = await connect((client) => client.workflow.getHandle('kept').describe());
      assert.equal(status.name, 'RUNNING');
      assert.equal((await store().statObject('labelloop', 'kept')).size, 9);
    };
  }

  it('comes up with all four well, and up again takes under a second and changes nothing', async () => {
    const first = await up(options);
    assert.deepEqual(
      first.processes.map(({ name, healthy, restarts }) => [name, healthy, restarts]),
      names.map((name) => [name, true, 0]),
    );
    assert.ok(first.temporal !== null && first.ui !== null && first.store !== null);
    assert.ok((await fetch(first.ui)).ok);
    const begun = Date.now();
    assert.deepEqual(await up(options), first);
    assert.ok(Date.now() - begun < 1_000, `took ${Date.now() - begun} ms`);
  });

  it('keeps the keys of the store to the user', async () => {
    await up(options);
    for (const file of [paths(env).stackFile, paths(env).credentialsFile]) {
      assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    }
    assert.ok(
      !fs.readFileSync(`/proc/${supervisor()}/cmdline`, 'utf8').includes(readStack(paths(env))!.store!.secretKey),
    );
  });

  it('starts each process again that is killed, with its data', async () => {
    await up(options);
    const check = await leaveData();
    for (const name of names) {
      const before = pidOf(name);
      kill(before);
      await until(`${name} is back`, () => {
        // One look: between two, the supervisor may have noticed more.
        const { up: isUp, processes } = status(env);
        return isUp && processes.find((each) => each.name === name)?.pid !== before;
      });
    }
    assert.deepEqual(
      status(env).processes.map(({ restarts }) => restarts),
      [1, 1, 1, 1],
    );
    await check();
  });

  it('ends what a killed host left running', async () => {
    await up(options);
    const child = Number(fs.readFileSync(path.join(paths(env).home, 'host.child'), 'utf8'));
    kill(pidOf('host'));
    await until('the child of the killed host is gone', () => gone(child));
  });

  it('goes on without its supervisor, and the next one takes its processes over', async () => {
    await up(options);
    const before = names.map(pidOf);
    kill(supervisor());
    await until('the supervisor is gone', () => status(env).supervisor === null);
    assert.deepEqual(names.map(pidOf), before);
    assert.ok((await up(options)).up);
    assert.deepEqual(names.map(pidOf), before);
    kill(pidOf('worker'));
    await until(
      'a process that was taken over is started again',
      () => status(env).up && pidOf('worker') !== before[2],
    );
  });

  it('comes back at the same addresses with its data after everything was killed at once', async () => {
    const first = await up(options);
    const check = await leaveData();
    kill(supervisor(), ...names.map(pidOf));
    const second = await up(options);
    assert.deepEqual([second.temporal, second.ui, second.store], [first.temporal, first.ui, first.store]);
    await check();
  });

  it('is started anew when its code has changed, with its data', async () => {
    await up(options);
    const check = await leaveData();
    const before = names.map((name) => pidOf(name));
    fs.writeFileSync(paths(env).codeFile, JSON.stringify('an older build'));
    await up(options);
    assert.ok(before.every(gone), 'no process of the older build is left');
    await check();
  });

  it('is one stack when two bring it up at the same time', async () => {
    const both = await Promise.all(
      [1, 2].map(() => runNode([fixture('up'), JSON.stringify({ ...options, env: undefined })], env)),
    );
    assert.deepEqual(
      both.map(({ code, stderr }) => [code, stderr]),
      [
        [0, ''],
        [0, ''],
      ],
    );
    assert.equal(both[0]!.stdout, both[1]!.stdout);
  });

  it('leaves nothing running after down, and its data for the next up', async () => {
    await up(options);
    const check = await leaveData();
    const pids = [supervisor(), ...names.map(pidOf)];
    const after = await down({ env });
    assert.deepEqual(
      pids.filter((pid) => !gone(pid)),
      [],
    );
    assert.deepEqual([after.up, after.supervisor], [false, null]);
    await up(options);
    await check();
  });

  it('ends workers before the servers that they save to', async () => {
    await up(options);
    await down({ env });
    for (const name of ['worker', 'host']) {
      const words = fs.readFileSync(path.join(paths(env).home, `${name}.last-words`), 'utf8');
      assert.equal(words, 'the store was there');
    }
  });

  it('leaves nothing running after down either if its supervisor was killed', async () => {
    await up(options);
    const pids = names.map(pidOf);
    kill(supervisor());
    await down({ env });
    assert.deepEqual(
      pids.filter((pid) => !gone(pid)),
      [],
    );
  });

  it('takes another port if somebody else has its own by now', async () => {
    const first = await up(options);
    await down({ env });
    const { createServer } = await import('node:net');
    const squatter = createServer().listen(Number(new URL(first.store!).port), '127.0.0.1');
    try {
      const second = await up(options);
      assert.notEqual(second.store, first.store);
      assert.equal(second.temporal, first.temporal);
    } finally {
      squatter.close();
    }
  });

  it('says which process is not well, and the end of its log', async () => {
    const host = [process.execPath, fixture('broken-worker')];
    await assert.rejects(
      up({ ...options, workers: { ...options.workers!, host }, deadline: 8_000 }),
      /host was not healthy after 8 s[^]*host\.log:[^]*the worker has no idea what to do[^]*labelloop doctor/,
    );
  });

  it('down where nothing runs does nothing', async () => {
    assert.equal((await down({ env })).up, false);
  });
});
