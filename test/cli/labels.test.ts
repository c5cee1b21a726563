import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { problem } from '../../src/contracts/errors.js';
import { explanation, labelloop, rooms } from './fixtures.js';
import type { Log } from './fixtures.js';

describe('labels export', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(os.tmpdir(), 'labelloop-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const to = (name: string) => `labels export shells-1a2b3c4d --out ${path.join(folder, name)}`;

  it("takes the format from the file's extension, or from --format", async () => {
    await labelloop(to('a.jsonl'));
    assert.equal(await readFile(path.join(folder, 'a.jsonl'), 'utf8'), 'jsonl 0a\njsonl 0b\n');
    await labelloop(`${to('b.txt')} --format csv`);
    assert.equal(await readFile(path.join(folder, 'b.txt'), 'utf8'), 'csv 0a\ncsv 0b\n');
  });

  it('asks for a format where the extension names none', async () => {
    const { exitCode, err } = await labelloop(to('labels'));
    assert.equal(exitCode, 2);
    assert.match(err, /labels: the extension names no format\. .*--format csv\|jsonl\|parquet/);
  });

  it('does not overwrite a file without --force', async () => {
    const file = path.join(folder, 'a.csv');
    await writeFile(file, 'mine');
    const { exitCode, err } = await labelloop(to('a.csv'));
    assert.equal(exitCode, 2);
    assert.match(err, /a\.csv is there already\. Pass --force/);
    assert.equal(await readFile(file, 'utf8'), 'mine');
    assert.match((await labelloop(`${to('a.csv')} --force`)).out, /^2 rows written to .*a\.csv \(csv\)\.\n$/);
    assert.equal(await readFile(file, 'utf8'), 'csv 0a\ncsv 0b\n');
  });

  it('writes a folder a class whole or not at all, and never among other files', async () => {
    const out = path.join(folder, 'classes');
    const said = await labelloop(`${to('classes')} --format folder`);
    assert.match(said.out, /^2 labelled images written to .*classes, 2 rows to .*labels\.csv\.\n$/);
    assert.deepEqual(await readdir(path.join(out, 'whelk')), ['0a.png', '0b.png']);
    const again = await labelloop(`${to('classes')} --format folder`);
    assert.equal(again.exitCode, 2);
    assert.match(again.err, /classes is there already and not empty\./);
    const exportFolder = async (_run: string, _rows: unknown, part: string) => {
      await mkdir(path.join(part, 'whelk'), { recursive: true });
      throw problem('STORE_MISSING', 'the images are gone.');
    };
    assert.equal((await labelloop(`${to('b')} --format folder`, rooms([], { exportFolder }))).exitCode, 1);
    assert.deepEqual(await readdir(folder), ['classes']);
  });

  it('leaves nothing behind where the export fails half-way', async () => {
    const services = rooms([], {
      exportLabels: (_rows, _format, stream) => {
        stream.write('half');
        return Promise.reject(problem('STORE_MISSING', 'the labels are gone.'));
      },
    });
    const { exitCode, err } = await labelloop(to('a.csv'), services);
    assert.equal(exitCode, 1);
    assert.equal(err, 'STORE_MISSING: the labels are gone.\n');
    assert.deepEqual(await readdir(folder), []);
  });

  it('works with exporters that end the stream themselves', async () => {
    const services = rooms([], {
      exportLabels: (_rows, _format, stream) => new Promise((resolve) => stream.end('all', resolve)),
    });
    assert.equal((await labelloop(to('a.csv'), services)).exitCode, 0);
    assert.deepEqual(await readdir(folder), ['a.csv']);
  });

  it('names a folder that is not there', async () => {
    const { exitCode, err } = await labelloop(to('none/a.csv'));
    assert.equal(exitCode, 2);
    assert.match(err, /none\/a\.csv: can't be written/);
  });
});

describe('labels explain', () => {
  it('shows what is in force, a row a round, and what people said', async () => {
    const log: Log = [];
    const { out } = await labelloop('labels explain shells-1a2b3c4d beach/0a.png', rooms(log));
    assert.deepEqual(log, ['explain shells-1a2b3c4d beach/0a.png', 'close']);
    for (const words of [
      /image +beach\/0a\.png \(0a\)/,
      /label +whelk \(the model, first given in round 1 by model b{12}\)/,
      /certificate +none/,
      /round +decision +label/,
      /1 +accept +whelk +whelk +0\.9900 +0\.0200 +0\.0150 +0\.0050 +0\.0200 +0\.3000 +0 +20 +b{12}/,
      /The score is predictive-entropy/,
      /whelk 0\.980, cowrie 0\.020/,
      /Nobody was asked about it\./,
    ])
      assert.match(out, words);
  });

  it('names the person, the answer and the certificate', async () => {
    const at = '2026-01-02T03:04:05.000Z';
    const answers = [{ audit: 1, by: 'ada', at, seconds: 2.5, use: 'audit', verdict: 1, answer: 'whelk' } as const];
    const changes = {
      source: 'human',
      certificate: 'shells.audit-1',
      statement: 'At most 200 are wrong.',
      answers,
    } as const;
    const explain = () => Promise.resolve(explanation({ ...changes, answers: [...answers] }));
    const { out } = await labelloop('labels explain x 0a', rooms([], { client: { explain } }));
    assert.match(out, /label +whelk \(a person\)/);
    assert.match(out, /certificate +shells\.audit-1\n +At most 200 are wrong\./);
    assert.match(out, /whelk +ada +2026-01-02T03:04:05\.000Z +2\.5 +audit +1/);
  });
});
