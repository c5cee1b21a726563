import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { auditSettings } from '../../src/contracts/audit.js';
import { problem } from '../../src/contracts/errors.js';
import type { Answer, AuditLine } from '../../src/contracts/audit.js';
import { auditState, labelloop, rooms } from './fixtures.js';
import type { Log } from './fixtures.js';

const run = 'shells-1a2b3c4d';
let folder: string;
beforeEach(async () => (folder = await mkdtemp(path.join(os.tmpdir(), 'labelloop-'))));
afterEach(() => rm(folder, { recursive: true }));

const read = (name: string) => readFile(path.join(folder, name), 'utf8');
const json = (out: string): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>;

describe('tasks export', () => {
  const to = (name: string) => `tasks export ${run} --out ${path.join(folder, name)}`;

  it('writes a file to fill in, with the images beside it', async () => {
    const log: Log = [];
    const { out } = await labelloop(`${to('tasks.csv')} --images ${path.join(folder, 'pictures')}`, rooms(log));
    assert.deepEqual(log, [`questions ${run} anybody 1000`, 'images 2 pictures', 'close']);
    assert.equal(
      await read('tasks.csv'),
      'id,name,image,answer,by,at,seconds\r\n0a,beach/0a.png,pictures/0a.jpg,,,,\r\n0b,beach/0 b.png,pictures/0b.jpg,,,,\r\n',
    );
    assert.match(
      out,
      /^2 tasks written to .*tasks\.csv \(csv\), images to .*pictures\.\nThen: labelloop answers import/,
    );
  });

  it('hands the limit and the person on, and writes nothing that tells the second of two people', async () => {
    const log: Log = [];
    await labelloop(`${to('tasks.jsonl')} --limit 1 --by ada`, rooms(log));
    assert.equal(log[0], `questions ${run} ada 1`);
    assert.deepEqual(Object.keys(json(await read('tasks.jsonl'))), [
      'id',
      'name',
      'image',
      'answer',
      'by',
      'at',
      'seconds',
    ]);
  });

  it("writes Label Studio's tasks and its configuration with the classes", async () => {
    const { out } = await labelloop(`${to('tasks.json')} --images ${path.join(folder, 'pictures')} --json`);
    const config = path.join(folder, 'config.xml');
    assert.deepEqual(json(out), {
      run,
      out: path.join(folder, 'tasks.json'),
      format: 'label-studio',
      tasks: 2,
      images: path.join(folder, 'pictures'),
      config,
    });
    const [first] = JSON.parse(await read('tasks.json')) as { data: Record<string, string> }[];
    assert.deepEqual(first, {
      data: { image_id: '0a', name: 'beach/0a.png', image: '/data/local-files/?d=pictures/0a.jpg' },
    });
    assert.match(await read('config.xml'), /<Choice value="cowrie" [^]*<Choice value="whelk" /);
  });

  it('takes the address of images that are served elsewhere, by file or by name', async () => {
    const imagesOf = async (name: string) =>
      (JSON.parse(await read(name)) as { data: { image: string } }[]).map(({ data }) => data.image);
    await labelloop(`${to('a.json')} --image-url https://x.example/`);
    assert.deepEqual(await imagesOf('a.json'), ['https://x.example/beach/0a.png', 'https://x.example/beach/0%20b.png']);
    await labelloop(`${to('b.json')} --image-url https://x.example/ --images ${path.join(folder, 'p')}`);
    assert.deepEqual(await imagesOf('b.json'), ['https://x.example/0a.jpg', 'https://x.example/0b.jpg']);
    const { exitCode, err } = await labelloop(to('c.json'));
    assert.equal(exitCode, 2);
    assert.match(err, /Pass --images DIR .*--image-url/);
  });

  it('overwrites neither tasks nor another configuration without --force', async () => {
    await writeFile(path.join(folder, 'config.xml'), '<View/>');
    for (const [words, file] of [
      [`${to('tasks.json')} --image-url x`, /config\.xml is there already/],
      [to('config.csv'), null],
      [to('config.csv'), /config\.csv is there already/],
    ] as const) {
      const { exitCode, err } = await labelloop(words);
      assert.equal(exitCode, file === null ? 0 : 2);
      if (file) assert.match(err, file);
    }
    assert.equal(await read('config.xml'), '<View/>');
    assert.equal((await labelloop(`${to('tasks.json')} --image-url x --force`)).exitCode, 0);
    assert.match(await read('config.xml'), /Choices/);
  });

  it('says where nothing is asked', async () => {
    const services = rooms([], { client: { questions: () => Promise.resolve([]) } });
    const { out } = await labelloop(to('tasks.csv'), services);
    assert.match(out, /^0 tasks written .*\nNothing is asked now\. waits for 37 answers\.\n$/);
  });

  it('asks for a format where the extension names none', async () => {
    const { exitCode, err } = await labelloop(to('tasks'));
    assert.equal(exitCode, 2);
    assert.match(err, /tasks: the extension names no format\. .*label-studio/);
  });
});

describe('answers import', () => {
  const file = async (text: string, name = 'tasks.csv'): Promise<string> => {
    await writeFile(path.join(folder, name), text);
    return `answers import ${run} ${path.join(folder, name)}`;
  };
  const sent = (log: Log): Answer[][] =>
    log
      .filter((line) => line.startsWith(`answer ${run} `))
      .map((line) => JSON.parse(line.slice(`answer ${run} `.length)) as Answer[]);

  it('sends what was filled in', async () => {
    const log: Log = [];
    const words = await file('id,answer,by,at,seconds\n0a,whelk,,2026-01-02T03:04:05Z,2.5\n0b,,,,\n');
    const { exitCode, out } = await labelloop(`${words} --by ada`, rooms(log));
    assert.equal(exitCode, 0);
    assert.deepEqual(sent(log), [[{ id: '0a', verdict: 1, by: 'ada', at: '2026-01-02T03:04:05.000Z', seconds: 2.5 }]]);
    assert.equal(out, '1 answer taken, 1 left blank.\nwaits for 37 answers.\n');
  });

  it('changes nothing where a row is wrong, and names every such row', async () => {
    const log: Log = [];
    const words = await file('id,answer\n0a,whelk\n0b,wehlk\n0b,\n7,whelk\n');
    const { exitCode, out, err } = await labelloop(`${words} --by ada`, rooms(log));
    assert.equal(exitCode, 1);
    assert.equal(out, '');
    assert.deepEqual(sent(log), []);
    assert.match(err, /^AUDIT_INVALID: 2 rows can't be taken, so nothing was taken:\n/);
    assert.match(err, /tasks\.csv:3: 'wehlk' is no class\. Did you mean 'whelk'\?/);
    assert.match(err, /tasks\.csv:5: the pool of run 'shells-1a2b3c4d' has no image '7'/);
  });

  it('sends nothing twice: what a person has said is known', async () => {
    const log: Log = [];
    const line: AuditLine = {
      seen: 0,
      use: 'audit',
      rank: 4,
      id: '0a',
      verdict: 1,
      by: 'ada',
      at: '2026-01-02T03:04:05.000Z',
      seconds: 2.5,
    };
    const services = rooms(log, {
      client: { answers: () => Promise.resolve([line]), questions: () => Promise.resolve([]) },
    });
    const { out } = await labelloop(`${await file('id,answer\n0a,whelk\n')} --by ada --json`, services);
    assert.deepEqual(sent(log), []);
    const { taken, known } = json(out);
    assert.deepEqual([taken, known], [0, 1]);
    // Another person's answer of the same image is no repetition.
    const ben = await labelloop(`${await file('id,answer\n0a,whelk\n')} --by ben`, services);
    assert.match(ben.err, /'0a' is not asked for now/);
    assert.match(
      (await labelloop(`${await file('id,answer\n0a,whelk\n')} --by ben --skip-unwanted`, services)).out,
      /^0 answers taken, 1 not asked for\./,
    );
  });

  const many = (n: number) => Array.from({ length: n }, (_, i) => i.toString(16).padStart(32, '0'));
  const asking = (ids: readonly string[]) =>
    Promise.resolve(ids.map((id, index) => ({ id, name: id, shard: 0, index, again: false })));
  const csv = (ids: readonly string[]) => `id,answer\n${ids.map((id) => `${id},whelk\n`).join('')}`;

  it('sends all in the order of the file', async () => {
    const ids = many(250);
    const log: Log = [];
    const services = rooms(log, { client: { questions: () => asking(ids) } });
    await labelloop(`${await file(csv(ids))} --by ada`, services);
    assert.deepEqual(
      sent(log).flatMap((all) => all.map(({ id }) => id)),
      ids,
    );
  });

  it('stops where the audit has ended, and says how many came too late', async () => {
    const ids = many(250);
    const services = rooms([], {
      client: {
        questions: () => asking(ids),
        answer: (_, __, options) => {
          const state = auditState({ phase: 'certify', words: 'Certified.' });
          options?.onTaken?.(100, state);
          return Promise.resolve(state);
        },
      },
    });
    const { exitCode, out } = await labelloop(`${await file(csv(ids))} --by ada`, services);
    assert.equal(exitCode, 0);
    assert.equal(out, '100 answers taken, 150 too late: the audit has ended.\nCertified.\n');
  });

  it('says how many were taken where one is refused on the way, and that the same import goes on', async () => {
    const ids = many(150);
    const services = rooms([], {
      client: {
        questions: () => asking(ids),
        answer: (_, __, options) => {
          options?.onTaken?.(100, auditState());
          return Promise.reject(problem('AUDIT_INVALID', "Image '7' is not due."));
        },
      },
    });
    const { exitCode, err } = await labelloop(`${await file(csv(ids))} --by ada`, services);
    assert.equal(exitCode, 1);
    assert.match(err, /^AUDIT_INVALID: 100 of 150 answers were taken, .* Image '7' is not due\. The same import again/);
  });

  it('is refused for an audit in which hidden labels answer', async () => {
    const settings = auditSettings.parse({ epsilon: 0.02, answers: 'truth' });
    const services = rooms([], { client: { asking: () => Promise.resolve(auditState({ settings })) } });
    const { exitCode, err } = await labelloop(`${await file(csv(['0a']))} --by ada`, services);
    assert.equal(exitCode, 1);
    assert.match(err, /it is a dry run, in which hidden labels answer/);
  });

  it('names a file that is not there', async () => {
    const { exitCode, err } = await labelloop(`answers import ${run} ${path.join(folder, 'no.csv')}`);
    assert.equal(exitCode, 2);
    assert.match(err, /no\.csv: can't be read/);
    assert.deepEqual(await readdir(folder), []);
  });
});
