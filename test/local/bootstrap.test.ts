import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { Ran } from './support.js';
import { clean, repository, runNode, temporaryFolder } from './support.js';

/**
 * A checkout in small: the real infra, npm with a lock file that needs no network, and a compiler that copies src to
 * dist, or fails if a source says so.
 */
function checkout(): string {
  const root = temporaryFolder();
  const write = (file: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), text);
  };
  fs.cpSync(path.join(repository, 'infra'), path.join(root, 'infra'), { recursive: true });
  const local = { name: 'small', version: '1.0.0', type: 'module', dependencies: { typescript: 'file:compiler' } };
  write('package.json', JSON.stringify(local));
  const packages = {
    '': local,
    compiler: { name: 'typescript', version: '1.0.0' },
    'node_modules/typescript': { resolved: 'compiler', link: true },
  };
  write('package-lock.json', JSON.stringify({ name: 'small', lockfileVersion: 3, requires: true, packages }));
  write('compiler/package.json', JSON.stringify({ name: 'typescript', version: '1.0.0', type: 'commonjs' }));
  write(
    'compiler/bin/tsc',
    `const fs = require('node:fs');
     const text = fs.readFileSync('src/cli/main.ts', 'utf8');
     if (text.includes('mistake')) { console.log('main.ts: a mistake'); process.exit(2); }
     fs.mkdirSync('dist/src/cli', { recursive: true });
     fs.writeFileSync('dist/src/cli/main.js', text);`,
  );
  write('tsconfig.json', '{}');
  write('src/cli/main.ts', program('one'));
  return root;
}

const program = (word: string): string =>
  `export const main = (argv) => console.log(JSON.stringify(['${word}', ...argv.slice(2)]));`;

describe('bootstrap', function () {
  this.timeout(60_000);
  after(clean);
  let root: string;
  beforeEach(() => (root = checkout()));
  const labelloop = (...args: string[]): Promise<Ran> =>
    runNode([path.join(root, 'infra/labelloop.mjs'), ...args], {
      ...process.env,
      LABELLOOP_CACHE: path.join(root, 'cache'),
    });
  const source = (text: string): void => fs.writeFileSync(path.join(root, 'src/cli/main.ts'), text);

  it('installs and compiles a fresh clone, then runs the command, with its progress on stderr alone', async () => {
    const { code, stdout, stderr } = await labelloop('status', '--json');
    assert.equal(stdout, '["one","status","--json"]\n', stderr);
    assert.equal(code, 0);
    assert.match(
      stderr,
      /installing the packages[^]*npm ci\): done in [\d.]+ s\n[^]*compiling \(tsc\): done in [\d.]+ s\n/,
    );
  });

  it('does nothing the second time, and only what changed after that', async () => {
    await labelloop();
    assert.equal((await labelloop()).stderr, '');
    source(program('two'));
    const { stdout, stderr } = await labelloop();
    assert.equal(stdout, '["two"]\n');
    assert.doesNotMatch(stderr, /installing/);
  });

  it('shows why compiling failed, and compiles again although the source went back to what it was', async () => {
    await labelloop();
    source(`// mistake`);
    const { code, stderr } = await labelloop();
    assert.equal(code, 1);
    assert.match(stderr, /tsc failed \(2\):\nmain\.ts: a mistake/);
    source(program('one'));
    assert.match((await labelloop()).stderr, /compiling/);
  });

  it('removes the output of a source that is gone', async () => {
    await labelloop();
    const orphan = path.join(root, 'dist/test/old.test.js');
    fs.mkdirSync(path.dirname(orphan));
    fs.writeFileSync(orphan, '');
    source(program('two'));
    await labelloop();
    assert.equal(fs.existsSync(orphan), false);
  });

  it('lets the second of two wait for the first, which does the work', async () => {
    const both = await Promise.all([labelloop(), labelloop()]);
    assert.deepEqual(
      both.map(({ stdout }) => stdout),
      ['["one"]\n', '["one"]\n'],
    );
    const lines = both.map(({ stderr }) => stderr).join('');
    assert.equal(lines.match(/npm ci\) …/g)?.length, 1);
    assert.match(lines, /another set-up of this checkout is at work/);
  });

  it('refuses a Node that is too old, in one sentence', async () => {
    const { checkNode } = (await import(path.join(repository, 'infra/bootstrap.mjs'))) as {
      checkNode: (version: string) => void;
    };
    assert.throws(() => checkNode('18.20.4'), /Node 18\.20\.4 is too old: Labelloop needs 20\.19 or newer/);
    assert.throws(() => checkNode('20.18.3'), /too old/);
    for (const version of ['20.19.0', '22.0.0', '26.10.0']) checkNode(version);
  });
});
