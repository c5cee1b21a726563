import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { cached, install } from '../../../src/local/provision/cache.js';
import { clean, fixture, runNode, temporaryFolder } from '../support.js';

describe('the cache', () => {
  after(clean);
  let cache: string;
  let log: string;
  beforeEach(() => {
    cache = temporaryFolder();
    log = path.join(cache, 'log');
  });
  const contents = (): string[] => fs.readdirSync(path.join(cache, 'thing-1'));
  const installs = (): number => fs.readFileSync(log, 'utf8').split('\n').length - 1;

  it('makes an entry once when two processes want it at the same time, and the second says whom it waits for', async () => {
    const runs = await Promise.all([1, 2].map(() => runNode([fixture('install'), cache, log, 'slow'])));
    assert.deepEqual(
      runs.map(({ code }) => code),
      [0, 0],
    );
    assert.equal(installs(), 1);
    assert.match(runs.map(({ stdout }) => stdout).join(''), /thing: another process \(\d+\) is setting it up/);
  });

  it('makes an entry anew after a process was killed half-way', async () => {
    await runNode([fixture('install'), cache, log, 'killed']);
    assert.equal(cached(cache, 'thing-1'), null);
    assert.equal((await runNode([fixture('install'), cache, log])).code, 0);
    assert.deepEqual(contents(), ['whole']);
  });

  it('keeps nothing of an entry that failed', async () => {
    const failing = install(
      cache,
      { name: 'thing', key: 'thing-1' },
      () => undefined,
      (folder) => {
        fs.writeFileSync(path.join(folder, 'half'), '');
        return Promise.reject(new Error('no network'));
      },
    );
    await assert.rejects(failing, /no network/);
    assert.deepEqual(
      fs.readdirSync(cache).filter((name) => name.startsWith('thing')),
      [],
    );
  });
});
