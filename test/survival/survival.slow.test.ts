import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Labelloop } from '../../src/client/index.js';
import type { RunProgress, RunView } from '../../src/client/index.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';
import { MNIST, TestHome } from '../support/stack.js';
import { until } from '../support/wait.js';

/** A run long enough to be struck in the middle of everything, short enough to be struck often. */
const RUN = ['--dataset', 'digits', '--seed', '7', '--rounds', '2', '--steps', '400', '--passes', '30'];
/** What the design promises: no more than a minute of work is done twice. */
const SECONDS_LOST_AT_MOST = 60;

interface Status {
  supervisor: number | null;
  processes: { name: string; pid: number | null; healthy: boolean }[];
}
type Victim = 'learner' | 'host' | 'worker' | 'temporal' | 'minio' | 'cli' | 'all';

describe('survival', function () {
  this.timeout('15m');
  let minio: S3Server;
  let proxy: FaultProxy;
  let stack: TestHome;
  let labelloop: Labelloop;
  let undisturbed: Digests;
  const report: string[] = [];

  before(async function () {
    const binary = s3Binary(s3Servers[0]);
    if ('skip' in binary) return this.skip(); // needs a MinIO that it can kill: LABELLOOP_TEST_MINIO names one
    minio = await S3Server.start(s3Servers[0], binary.path);
    const { port, accessKey, secretKey } = minio.connection;
    proxy = await FaultProxy.start({ host: '127.0.0.1', port });
    stack = await TestHome.make({
      MINIO_ENDPOINT: `127.0.0.1:${proxy.port}`,
      MINIO_ACCESS_KEY: accessKey,
      MINIO_SECRET_KEY: secretKey,
    });
    await stack.json('up');
    await stack.json(
      ...['dataset', 'import', MNIST, '--name', 'digits', '--keep-labels', '100', '--seed', '7'],
      ...['--pool', '2000', '--shard-size', '512'],
    );
    labelloop = await stack.connect();
    undisturbed = await finish(await start('undisturbed'));
  });

  after(async () => {
    await labelloop?.close();
    await stack?.remove();
    await proxy?.stop();
    await minio?.stop();
    for (const line of report) console.log(`      ${line}`);
  });

  for (const victim of ['learner', 'host', 'worker', 'temporal', 'minio', 'cli', 'all'] satisfies Victim[]) {
    it(`kill -9 of ${victim} in training, in sampling and in a commit changes nothing but the time`, async () => {
      const run = await start(`kill-${victim}`);
      const watcher = stack.spawn(['run', 'watch', run]);
      const strike = (): Promise<void> => kill(victim, watcher);
      await reached(run, 'the middle of training', (at) => at.tasks.some(inTheMiddleOf('train')));
      await strike();
      await reached(run, 'the middle of sampling', (at) => at.stage === 'sample' && at.shards.done > 0);
      await strike();
      const held = proxy.holdNext((method, path) => method === 'PUT' && path.includes('/stages/train/'));
      await within(240, 'the commit of round 2', held);
      await strike();
      proxy.release();
      assert.deepEqual(await finish(run), undisturbed);
      await assertLittleLost(run, victim);
      watcher.kill('SIGKILL');
    });
  }

  it('a learner that hangs is noticed by its silence, though its host is well, and replaced', async () => {
    const run = await start('hang');
    await reached(run, 'the middle of training', (at) => at.tasks.some(inTheMiddleOf('train')));
    process.kill(await pidOf('learner'), 'SIGSTOP');
    assert.deepEqual(await finish(run), undisturbed);
    await assertLittleLost(run, 'a hung learner');
  });

  it('SIGTERM to the host in training hands over at a checkpoint', async () => {
    const run = await start('sigterm');
    await reached(run, 'the middle of training', (at) => at.tasks.some(inTheMiddleOf('train')));
    process.kill(await pidOf('host'), 'SIGTERM');
    assert.deepEqual(await finish(run), undisturbed);
    await assertLittleLost(run, 'SIGTERM');
  });

  it('SIGTERM to the workflow worker changes nothing', async () => {
    const run = await start('sigterm-worker');
    await reached(run, 'the middle of training', (at) => at.tasks.some(inTheMiddleOf('train')));
    process.kill(await pidOf('worker'), 'SIGTERM');
    assert.deepEqual(await finish(run), undisturbed);
  });

  it('a store that answers errors for 30 s changes nothing but the time', async () => {
    const run = await start('outage');
    await reached(run, 'sampling', (at) => at.stage === 'sample' && at.shards.done > 0);
    proxy.fail(true);
    await sleep(30_000);
    proxy.fail(false);
    assert.ok(proxy.refused > 0, 'the outage was felt');
    assert.deepEqual(await finish(run), undisturbed);
    await assertLittleLost(run, '30 s of store errors');
  });

  /** @param salt another one each time, so that all is computed anew: undisturbed, that gives the same (test/e2e/run.test.ts) */
  async function start(salt: string): Promise<string> {
    const { run } = await stack.json<{ run: string }>('run', 'start', ...RUN, '--salt', salt);
    return run;
  }

  async function reached(run: string, what: string, is: (progress: RunProgress) => boolean): Promise<void> {
    await until(
      what,
      async () => {
        const progress = await labelloop.progress(run).catch(() => null);
        if (progress?.error) throw new Error(progress.error.message);
        return progress !== null && is(progress);
      },
      240,
      100,
    );
  }

  async function finish(run: string): Promise<Digests> {
    await until(
      'the end',
      () =>
        labelloop.progress(run).then(
          (at) => at.status === 'completed' || at.error,
          () => null,
        ),
      300,
      500,
    );
    const view: RunView = await labelloop.show(run);
    assert.equal(view.status, 'completed', view.error?.message);
    return { labels: view.labelsDigest, models: view.rounds.map((round) => round.modelDigest) };
  }

  async function pidOf(name: string): Promise<number> {
    return until(`pid of ${name}`, async () => {
      const { processes } = await stack.json<Status>('status');
      return processes.find((process) => process.name === name)?.pid;
    });
  }

  async function restartMinio(): Promise<void> {
    await minio.halt();
    await minio.resume();
  }

  async function kill(victim: Victim, watcher: ChildProcess): Promise<void> {
    if (victim === 'cli') return void watcher.kill('SIGKILL');
    if (victim === 'minio') return restartMinio();
    if (victim !== 'all') return void process.kill(await pidOf(victim), 'SIGKILL');
    const { processes, supervisor } = await stack.json<Status>('status');
    watcher.kill('SIGKILL');
    for (const pid of [supervisor, ...processes.map((process) => process.pid)]) if (pid) tryKill(pid);
    await restartMinio();
    await stack.json('up');
  }

  /** Work that was done twice: of training, the steps between the last seen and the one it went on from. */
  async function assertLittleLost(run: string, what: string): Promise<void> {
    const lost = secondsDoneTwice(await stack.log('host'), run);
    report.push(`${what}: ${lost.toFixed(1)} s of compute done twice`);
    assert.ok(lost <= SECONDS_LOST_AT_MOST, `${lost} s of compute were done twice`);
  }
});

interface Digests {
  labels: string | null;
  models: string[];
}

const inTheMiddleOf =
  (stage: string) =>
  (task: RunProgress['tasks'][number]): boolean =>
    task.stage === stage && task.done > 0.3 * task.total && task.done < 0.8 * task.total;

/**
 * From the host's log. Training: progress lines against the step that the next attempt resumed at. Other stages: the
 * time from each start that was not the last of its key to the last sign of life.
 */
function secondsDoneTwice(log: Record<string, unknown>[], run: string): number {
  const byKey = new Map<string, Record<string, unknown>[]>();
  for (const line of log) {
    if (line['run'] !== run || typeof line['key'] !== 'string') continue;
    byKey.set(line['key'], [...(byKey.get(line['key']) ?? []), line]);
  }
  let seconds = 0;
  for (const lines of byKey.values()) {
    const starts = lines.filter((line) => line['event'] === 'started');
    for (const [index, begin] of starts.entries()) {
      const next = starts[index + 1];
      if (!next) break;
      const from = lines.indexOf(begin);
      const to = lines.indexOf(next);
      const progress = lines.slice(from, to).filter((line) => line['event'] === 'progress');
      const last = progress.at(-1);
      if (!last) continue;
      const work = (Number(last['time']) - Number(begin['time'])) / 1000;
      const resumed = lines.slice(to).find((line) => line['event'] === 'resumed' || line['event'] === 'committed');
      const startedAt = Number(lines.slice(from, to).find((line) => line['event'] === 'resumed')?.['step'] ?? 0);
      const resumedAt = resumed?.['event'] === 'resumed' ? Number(resumed['step']) : 0;
      const done = Number(last['done']);
      seconds += work * Math.min(1, Math.max(0, done - resumedAt) / Math.max(1, done - startedAt));
    }
  }
  return seconds;
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended between the look and the strike.
  }
}

async function within<T>(seconds: number, what: string, promise: Promise<T>): Promise<T> {
  const timeout = sleep(seconds * 1000, undefined, { ref: false }).then(() => {
    throw new Error(`gave up after ${seconds} s waiting for: ${what}`);
  });
  return Promise.race([promise, timeout]);
}
