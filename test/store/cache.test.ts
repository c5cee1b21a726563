import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskCache } from '../../src/store/cache.js';

const HOUR = 3600;

describe('disk cache', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'labelloop-cache-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Adds `text`, as if it had been used `secondsAgo`. */
  async function add(cache: DiskCache, text: string, secondsAgo: number): Promise<{ sha256: string; path: string }> {
    const sha256 = createHash('sha256').update(text).digest('hex');
    const temporary = cache.temporaryFile();
    await writeFile(temporary, text);
    const then = Date.now() / 1000 - secondsAgo;
    await utimes(temporary, then, then);
    return { sha256, path: await cache.adopt(temporary, sha256, text.length) };
  }

  it('evicts what was used longest ago until it is below its bound', async () => {
    const cache = await DiskCache.open(folder, 1000);
    const old = await add(cache, 'a'.repeat(400), 3 * HOUR);
    const used = await add(cache, 'b'.repeat(400), 2 * HOUR);
    const young = await add(cache, 'c'.repeat(400), HOUR);
    assert.deepEqual(
      [old, used, young].map(({ path }) => existsSync(path)),
      [false, true, true],
    );
  });

  it('takes no more than half of what its disk has for it', async () => {
    let free = 1100;
    const cache = await DiskCache.open(folder, 10_000, () => Promise.resolve(free));
    const take = (text: string, hours: number) => {
      free -= text.length;
      return add(cache, text, hours * HOUR);
    };
    const old = await take('a'.repeat(400), 3);
    assert.ok(existsSync(old.path), '400 of 1,100');
    const young = await take('b'.repeat(400), 2);
    assert.deepEqual([existsSync(old.path), existsSync(young.path)], [false, true]);
  });

  it('counts a find as a use', async () => {
    const cache = await DiskCache.open(folder, 1000);
    const first = await add(cache, 'a'.repeat(400), 3 * HOUR);
    const second = await add(cache, 'b'.repeat(400), 2 * HOUR);
    assert.equal(await cache.find(first.sha256), first.path);
    await add(cache, 'c'.repeat(400), HOUR);
    assert.ok(existsSync(first.path));
    assert.ok(!existsSync(second.path));
  });

  it('never evicts what was used in the last ten minutes, even beyond its bound', async () => {
    const cache = await DiskCache.open(folder, 1000);
    const files = [];
    for (const letter of 'abcdef') files.push(await add(cache, letter.repeat(400), 9 * 60));
    assert.ok(files.every(({ path }) => existsSync(path)));
  });

  it('bounds a folder that two processes fill', async () => {
    const [one, other] = [await DiskCache.open(folder, 1000), await DiskCache.open(folder, 1000)];
    for (let i = 0; i < 20; i++) await add(i % 2 ? one : other, `${i}`.padEnd(100, '.'), HOUR + 20 - i);
    let total = 0;
    for (const prefix of await readdir(join(folder, 'sha256')))
      for (const name of await readdir(join(folder, 'sha256', prefix)))
        total += (await stat(join(folder, 'sha256', prefix, name))).size;
    assert.ok(total <= 1000, `${total} bytes`);
  });

  it('removes temporary files that a dead process left a day ago, and no younger ones', async () => {
    const cache = await DiskCache.open(folder, 1000);
    const [abandoned, current] = [cache.temporaryFile(), cache.temporaryFile()];
    await writeFile(abandoned, '');
    await writeFile(current, '');
    const then = Date.now() / 1000 - 25 * HOUR;
    await utimes(abandoned, then, then);
    await cache.sweep();
    assert.ok(!existsSync(abandoned));
    assert.ok(existsSync(current));
  });
});
