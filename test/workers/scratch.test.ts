import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { scratchFolder } from '../../src/workers/scratch.js';

describe('scratch folder', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'labelloop-scratch-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('replaces what killed processes of this machine left, and leaves all else alone', async () => {
    const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
    await once(child, 'exit');
    const dead = join(root, `${hostname()}-${child.pid}-0`);
    await mkdir(dead);
    await writeFile(join(dead, 'checkpoint.100'), 'weights');
    const others = [`${hostname()}-${process.pid}-0`, `elsewhere-${child.pid}-0`, 'notes'];
    for (const name of others) await mkdir(join(root, name));
    const folder = await scratchFolder(root);
    assert.deepEqual((await readdir(root)).sort(), [...others, basename(folder)].sort());
  });
});
