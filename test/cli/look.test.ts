import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { labelloop, rooms, suspects } from './fixtures.js';
import type { Log } from './fixtures.js';

describe('labels suspects and duplicates', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(os.tmpdir(), 'labelloop-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('show who said what: people, the model, the cluster', async () => {
    const log: Log = [];
    const { out } = await labelloop('labels suspects shells', rooms(log));
    assert.deepEqual(log, ['suspects shells', 'close']);
    assert.match(out, /image +people +model +cluster +number/);
    assert.match(out, /beach\/0c\.png +cowrie +whelk 98\.7 % +whelk 91\.2 % +4/);
    assert.match(out, /none was changed\./);
    assert.match((await labelloop('labels duplicates shells')).out, /0 +beach\/0a\.png +0\.0100/);
  });

  it('write all rows to a file, and overwrite none without --force', async () => {
    const file = path.join(folder, 'a.csv');
    const { out } = await labelloop(`labels suspects shells --out ${file}`);
    assert.equal(out, `1 label written to ${file} (csv).\n`);
    assert.equal(
      await readFile(file, 'utf8'),
      'name,id,label,predicted,probability,cluster,cluster_label,cluster_probability\r\n' +
        'beach/0c.png,0c,cowrie,whelk,0.987,4,whelk,0.912\r\n',
    );
    await writeFile(file, 'mine');
    assert.equal((await labelloop(`labels duplicates shells --out ${file}`)).exitCode, 2);
    await labelloop(`labels duplicates shells --out ${file} --force`);
    assert.match(
      await readFile(file, 'utf8'),
      /^group,name,id,distance\r\n0,beach\/0a\.png,0a,0\.01\r\n0,"beach\/0b, again\.png",/,
    );
  });

  it('say so where there is nothing to look at, and how many more there are than a screen takes', async () => {
    const none = rooms([], { client: { suspects: () => Promise.resolve([]) } });
    assert.match((await labelloop('labels suspects shells', none)).out, /^No label that people gave is denied/);
    const many = rooms([], { client: { suspects: () => Promise.resolve(new Array(45).fill(suspects()[0])) } });
    assert.match((await labelloop('labels suspects shells', many)).out, /… and 5 more: --out FILE\.csv writes all\./);
    const { out } = await labelloop('labels suspects shells --json');
    assert.deepEqual(JSON.parse(out), { run: 'shells', suspects: suspects() });
  });

  it('run show names them', async () => {
    const { out } = await labelloop('run show shells');
    assert.match(out, /Look at: 3 labels of people that model and cluster deny: labelloop labels suspects shells\n/);
    assert.match(out, /12 images of the pool look like another one: labelloop labels duplicates shells\n/);
    assert.match(out, /Clusters: 30, of which 2 have no label\.\n/);
  });
});
