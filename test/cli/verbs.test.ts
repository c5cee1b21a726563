import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { runView } from '../../src/contracts/run.js';
import { problem } from '../../src/contracts/errors.js';
import { explanation, labelloop, manifest, progress, rooms, shiftOf, view } from './fixtures.js';
import type { Log } from './fixtures.js';

const json = (out: string): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>;

describe('verbs with --json', () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(path.join(os.tmpdir(), 'labelloop-'))));
  after(() => rm(folder, { recursive: true }));

  const shapes: [string, string[]][] = [
    ['up', ['processes']],
    ['down', ['processes']],
    ['status', ['processes']],
    ['doctor', ['ok', 'checks']],
    ['setup', ['ok', 'checks']],
    ['dataset import ./shells --name shells', Object.keys(manifest())],
    ['dataset list', ['datasets']],
    ['dataset show shells', Object.keys(manifest())],
    ['run start --dataset shells', ['run']],
    ['run start --dataset shells --watch', Object.keys(view())],
    ['run list', ['runs']],
    ['run show shells-1a2b3c4d', Object.keys(view())],
    ['run watch shells-1a2b3c4d', Object.keys(view())],
    ['run pause shells-1a2b3c4d', ['run', 'status']],
    ['run resume shells-1a2b3c4d', ['run', 'status']],
    ['run cancel shells-1a2b3c4d', ['run', 'status']],
    ['labels export shells-1a2b3c4d --out OUT/labels.csv', ['run', 'out', 'format', 'rows']],
    ['labels export shells-1a2b3c4d --out OUT/classes --format folder', ['run', 'out', 'format', 'rows', 'images']],
    ['labels explain shells-1a2b3c4d 0a', Object.keys(explanation())],
    ['report shells-1a2b3c4d', ['run', 'report']],
    ['shift shells-1a2b3c4d beach', ['run', 'dataset', ...Object.keys(shiftOf()), 'report']],
    ['worker', ['role', 'stopped']],
    ['demo', Object.keys(view())],
  ];
  for (const [words, keys] of shapes)
    it(`print one document for '${words}'`, async () => {
      const { exitCode, out } = await labelloop(`${words.replace('OUT', folder)} --json`);
      assert.equal(exitCode, 0);
      assert.deepEqual(Object.keys(json(out)), keys);
    });

  it('take --json before the verb as well', async () => {
    assert.deepEqual(json((await labelloop('--json run list')).out), { runs: [] });
  });

  it('print the code and the message of an error as the document', async () => {
    const { exitCode, out, err } = await labelloop('run show nobody --json');
    const message = "no run 'nobody'. 'labelloop run list' shows the runs.";
    assert.equal(exitCode, 1);
    assert.deepEqual(json(out), { error: { code: 'RUN_UNKNOWN', message } });
    assert.equal(err, `RUN_UNKNOWN: ${message}\n`);
  });
});

describe('errors of a verb', () => {
  const failing = (error: Error) => rooms([], { client: { list: () => Promise.reject(error) } });

  it('are printed with code and message alone', async () => {
    const cause = new Error('connect ECONNREFUSED');
    const { exitCode, out, err } = await labelloop(
      'run list',
      failing(problem('STACK_UNAVAILABLE', "nothing answers. 'labelloop up' starts it.", cause)),
    );
    assert.equal(exitCode, 1);
    assert.equal(out, '');
    assert.equal(err, "STACK_UNAVAILABLE: nothing answers. 'labelloop up' starts it.\n");
  });

  it("come with the cause's stack with --verbose", async () => {
    const cause = new Error('connect ECONNREFUSED');
    const { err } = await labelloop('run list --verbose', failing(problem('STACK_UNAVAILABLE', 'no answer.', cause)));
    assert.match(err, /^STACK_UNAVAILABLE: no answer\.\nError: connect ECONNREFUSED\n {4}at /);
  });

  it('that nobody foresaw are one line that points to --verbose', async () => {
    const { exitCode, err } = await labelloop('run list', failing(new TypeError('x is undefined\nsecond line')));
    assert.equal(exitCode, 1);
    assert.match(err, /^INTERNAL: x is undefined\. .*--verbose.*\n$/);
  });

  it('leave the client closed', async () => {
    const log: Log = [];
    await labelloop('run show nobody', rooms(log));
    assert.deepEqual(log, ['close']);
  });
});

describe('run start', () => {
  const settingsOf = (log: Log) =>
    json((log.find((line) => line.startsWith('start ')) ?? 'start {}').slice('start '.length));

  it("prints the run's id alone on stdout and the next command on stderr", async () => {
    const { out, err } = await labelloop('run start --dataset shells');
    assert.equal(out, 'shells-1a2b3c4d\n');
    assert.equal(err, 'Next: labelloop run watch shells-1a2b3c4d\n');
  });

  it('sets a new salt each time with --fresh, and none without', async () => {
    const salts = new Set<unknown>();
    for (const words of ['', ' --fresh', ' --fresh']) {
      const log: Log = [];
      await labelloop(`run start --dataset shells${words}`, rooms(log));
      salts.add(settingsOf(log)['salt']);
    }
    assert.equal(salts.size, 3);
    assert.ok(salts.has(''));
  });

  it('passes an id on that the user gives', async () => {
    assert.equal((await labelloop('run start --dataset shells --run mine')).out, 'mine\n');
  });

  it('refuses a dataset that is not there, and starts nothing', async () => {
    const log: Log = [];
    const readDataset = () => Promise.reject(problem('DATASET_UNKNOWN', "no data set 'shels'."));
    const { exitCode, out, err } = await labelloop(
      'run start --dataset shels',
      rooms(log, { datasets: { readDataset } }),
    );
    assert.equal(exitCode, 1);
    assert.equal(out, '');
    assert.equal(err, "DATASET_UNKNOWN: no data set 'shels'.\n");
    assert.deepEqual(log, []);
  });

  it('says when the same settings are under way, or ran before', async () => {
    const listed = (status: 'running' | 'completed') => {
      const entry = { run: 'shells-1a2b3c4d', status, dataset: 'shells', round: 1, startedAt: '2026-01-01T00:00:00Z' };
      return rooms([], { client: { list: () => Promise.resolve([entry]) } });
    };
    const running = await labelloop('run start --dataset shells', listed('running'));
    assert.match(running.err, /A run with these settings is under way \(running\): shells-1a2b3c4d\./);
    const ended = await labelloop('run start --dataset shells', listed('completed'));
    assert.match(ended.err, /ran before: stages that are in the store are not computed again/);
  });
});

describe('run watch', () => {
  it('shows progress on stderr and the table on stdout, and writes the report', async () => {
    const { exitCode, out, err } = await labelloop('run watch shells-1a2b3c4d');
    assert.equal(exitCode, 0);
    assert.match(err, /^round 2\/3 {2}train {2}step 600\/1,200/);
    assert.match(out, /^round {2}accepted/);
    assert.match(out, /\/home\/reports\/shells-1a2b3c4d\.html/);
  });

  it('prints a final document that the contract describes', async () => {
    const { out } = await labelloop('run watch shells-1a2b3c4d --json');
    assert.equal(runView.parse(JSON.parse(out)).report, '/home/reports/shells-1a2b3c4d.html');
  });

  it('ends with 1 and the reason where the run failed, and writes no report', async () => {
    const error = { code: 'TRAINING_DIVERGED', message: 'the loss is NaN.' };
    const log: Log = [];
    const failed = rooms(log, { client: { show: () => Promise.resolve(view({ status: 'failed', error })) } });
    const { exitCode, out } = await labelloop('run watch shells-1a2b3c4d', failed);
    assert.equal(exitCode, 1);
    assert.match(out, /failed: TRAINING_DIVERGED: the loss is NaN\./);
    assert.ok(!log.some((line) => line.startsWith('report')));
  });

  it('shows the figures even where the report could not be written', async () => {
    const services = rooms([], { writeReport: () => Promise.reject(new Error('disk full')) });
    const { exitCode, out, err } = await labelloop('run watch shells-1a2b3c4d', services);
    assert.equal(exitCode, 0);
    assert.match(out, /labelloop report shells-1a2b3c4d/);
    assert.match(err, /could not be written: disk full/);
  });

  async function* forever(_run: string, options?: { signal?: AbortSignal }) {
    yield progress();
    await new Promise((resolve) => options?.signal?.addEventListener('abort', resolve));
  }

  it('leaves the run alone at Ctrl-C, says how to come back, and ends with 130', async () => {
    const log: Log = [];
    const services = rooms(log, { client: { watch: forever } });
    const { exitCode, out, err } = await labelloop('run watch shells-1a2b3c4d', services, { interrupt: true });
    assert.equal(exitCode, 130);
    assert.equal(out, '');
    for (const word of [
      'goes on without',
      'run watch shells',
      'run pause shells',
      'run cancel shells',
      'labelloop down',
    ])
      assert.ok(err.includes(word), word);
    assert.deepEqual(log, ['close']);
  });

  it('prints one document at Ctrl-C too', async () => {
    const services = rooms([], { client: { watch: forever } });
    const { out } = await labelloop('run watch shells-1a2b3c4d --json', services, { interrupt: true });
    assert.equal((json(out)['error'] as { code: string }).code, 'CANCELLED');
  });
});

describe('run list', () => {
  it('has the newest run first', async () => {
    const entry = (run: string, startedAt: string) =>
      ({ run, status: 'completed', dataset: 'shells', round: 3, startedAt }) as const;
    const runs = [entry('old', '2026-01-01T00:00:00Z'), entry('new', '2026-01-02T00:00:00Z')];
    const { out } = await labelloop('run list', rooms([], { client: { list: () => Promise.resolve(runs) } }));
    assert.match(out, /^run[^]*new[^]*old/);
  });

  it('says how to start one where there is none', async () => {
    assert.match((await labelloop('run list')).out, /labelloop run start --dataset NAME/);
  });
});

describe('dataset import', () => {
  it('hands the options on and leaves the rest to the importer', async () => {
    const log: Log = [];
    await labelloop(
      'dataset import ./x --name x --kind csv --keep-labels 500 --keep random --seed 7 --pool 100 --size 28x36 --grey --skip-bad --shard-size 64',
      rooms(log),
    );
    assert.deepEqual(json((log[0] ?? '').slice('import '.length)), {
      path: './x',
      name: 'x',
      kind: 'csv',
      keepLabels: 500,
      keep: 'random',
      seed: 7,
      pool: 100,
      size: { height: 28, width: 36 },
      channels: 1,
      skipBad: true,
      shardSize: 64,
    });
    const bare: Log = [];
    await labelloop('dataset import ./x --name x', rooms(bare));
    assert.deepEqual(bare, ['import {"path":"./x","name":"x"}']);
  });

  it('prints counts, classes, what it found, the dry run and the next command', async () => {
    const notes = { duplicates: 3, testOverlap: 1, skipped: 2, examples: ['a.png: cut off'] };
    const made = manifest({ dryRun: true, notes });
    const services = rooms([], { datasets: { importDataset: () => Promise.resolve(made) } });
    const { out, err } = await labelloop('dataset import ./shells --name shells', services);
    for (const words of [
      '500 images labelled, 10,000 in the pool',
      '2 classes: cowrie, whelk',
      '3 images had the content of another',
      '1 test image also in the labelled images or the pool',
      '2 bad images left out',
      'a.png: cut off',
      'Dry run:',
    ])
      assert.ok(out.includes(words), words);
    assert.equal(err, 'Next: labelloop run start --dataset shells --watch\n');
  });

  it('does not advise to start a run that would have nothing to label', async () => {
    const made = manifest({ counts: { labelled: 500, pool: 0, test: 0 } });
    const services = rooms([], { datasets: { importDataset: () => Promise.resolve(made) } });
    const { err } = await labelloop('dataset import ./shells --name shells', services);
    assert.match(err, /^No image is unlabelled, .*--keep-labels N/);
  });

  it('refuses --keep without --keep-labels, which would keep nothing back', async () => {
    const log: Log = [];
    const { exitCode, err } = await labelloop('dataset import ./x --name x --keep random', rooms(log));
    assert.equal(exitCode, 2);
    assert.match(err, /^USAGE: --keep .*--keep-labels N/);
    assert.deepEqual(log, []);
  });

  it('stops the importer at Ctrl-C and ends with 130', async () => {
    const services = rooms([], {
      datasets: {
        importDataset: ({ signal }) =>
          new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted')))),
      },
    });
    const { exitCode, err } = await labelloop('dataset import ./x --name x', services, { interrupt: true });
    assert.equal(exitCode, 130);
    assert.match(err, /dataset 'x' was not made/);
  });
});

describe('doctor', () => {
  it('ends with 1 and names the command that mends, where a run could not start', async () => {
    const checks = [
      { name: 'node', ok: true, version: '20.20.2', source: 'PATH', mend: null },
      { name: 'minio', ok: false, version: null, source: null, mend: 'labelloop setup' },
    ];
    const services = rooms([], { local: { doctor: () => Promise.resolve({ ok: false, checks }) } });
    const { exitCode, out } = await labelloop('doctor', services);
    assert.equal(exitCode, 1);
    assert.match(out, /minio +MISSING[^]*A run could not start\.\nTo mend:\n {2}minio: labelloop setup\n$/);
    assert.equal((await labelloop('doctor --json', services)).exitCode, 1);
  });
});

describe('report', () => {
  it('prints the path, and copies the report where --out says', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'labelloop-'));
    const written = path.join(folder, 'written.html');
    await writeFile(written, '<html>');
    const services = rooms([], { writeReport: () => Promise.resolve(written) });
    assert.equal((await labelloop('report shells-1a2b3c4d', services)).out, `${written}\n`);
    const out = path.join(folder, 'out.html');
    assert.equal((await labelloop(`report shells-1a2b3c4d --out ${out}`, services)).out, `${out}\n`);
    assert.equal(await readFile(out, 'utf8'), '<html>');
    await rm(folder, { recursive: true });
  });
});
