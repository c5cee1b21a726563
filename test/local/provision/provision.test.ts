import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { placeOf } from '../../../src/local/provision/compute-library.js';
import { goKey } from '../../../src/local/provision/go.js';
import { locate, provision } from '../../../src/local/provision/index.js';
import { minioModule } from '../../../src/local/provision/pins.js';
import { clean, temporaryFolder } from '../support.js';

const noConfiguration = { TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml' };

/** A folder with a program that prints one line. */
function programs(name: string, line: string): string {
  const folder = temporaryFolder();
  fs.writeFileSync(path.join(folder, name), `#!/bin/sh\necho '${line}'\n`, { mode: 0o755 });
  return folder;
}

describe('provisioning', () => {
  after(clean);

  it('installs nothing where the user has configured a server', async () => {
    const lines: string[] = [];
    const env = {
      PATH: '',
      TEMPORAL_ADDRESS: 'temporal.lan:7233',
      MINIO_ENDPOINT: 's',
      MINIO_ACCESS_KEY: 'a',
      MINIO_SECRET_KEY: 'b',
    };
    const found = await provision(['temporal', 'minio'], { env, onLine: (line) => lines.push(line) });
    assert.deepEqual(found, { temporal: { configured: 'temporal.lan:7233' }, minio: { configured: 's:9000' } });
    assert.deepEqual(lines, ['temporal: temporal.lan:7233, as configured', 'minio: s:9000, as configured']);
  });

  it('takes a program on PATH before the one in the cache', async () => {
    const folder = programs('minio', 'minio version RELEASE.2025-09-07T16-13-09Z');
    const cache = temporaryFolder();
    fs.mkdirSync(path.join(cache, goKey(minioModule)));
    const env = { ...noConfiguration, PATH: `${folder}:/bin:/usr/bin`, LABELLOOP_CACHE: cache };
    assert.deepEqual(await locate('minio', { env }), {
      path: path.join(folder, 'minio'),
      version: 'RELEASE.2025-09-07T16-13-09Z',
      source: 'PATH',
    });
    const without = await locate('minio', { env: { ...env, PATH: '' } });
    assert.ok(without !== null && 'source' in without && without.source === 'cache');
  });

  it('passes over a Temporal on PATH whose server is too old', async () => {
    const old = programs('temporal', 'temporal version 1.1.0 (Server 1.25.0, UI 2.30.3)');
    const env = { ...noConfiguration, PATH: `${old}:/bin:/usr/bin`, LABELLOOP_CACHE: temporaryFolder() };
    assert.equal(await locate('temporal', { env }), null);
    const recent = programs('temporal', 'temporal version 1.6.2 (Server 1.30.0, UI 2.40.0)');
    const found = await locate('temporal', { env: { ...env, PATH: `${recent}:/bin:/usr/bin` } });
    assert.ok(found !== null && 'version' in found && found.version === '1.6.2');
  });

  it('names each source that failed and what the user can do, where there is none', async () => {
    const env = { ...noConfiguration, PATH: temporaryFolder(), LABELLOOP_CACHE: temporaryFolder() };
    await assert.rejects(
      provision(['temporal'], { env }),
      /Temporal could not be set up\.\n {2}- no Python 3 with pip on PATH[^]*TEMPORAL_ADDRESS/,
    );
    await assert.rejects(provision(['minio'], { env }), /MinIO could not be set up[^]*Install Go[^]*MINIO_ENDPOINT/);
  });

  it('goes on without what is optional, and says so', async () => {
    const lines: string[] = [];
    const env = { ...noConfiguration, PATH: temporaryFolder(), LABELLOOP_CACHE: temporaryFolder() };
    const found = await provision(['versitygw'], { env, optional: ['versitygw'], onLine: (line) => lines.push(line) });
    assert.deepEqual(found, {});
    assert.match(lines.at(-1) ?? '', /versitygw: not available, going on without it/);
  });

  it('takes out of the compute wheels libraries and C headers, and nothing that only Python needs', () => {
    assert.equal(placeOf('tensorflow/libtensorflow_cc.so.2'), 'lib/libtensorflow_cc.so.2');
    assert.equal(placeOf('tensorflow/libtensorflow_cc.2.dylib'), 'lib/libtensorflow_cc.2.dylib');
    assert.equal(placeOf('nvidia/cudnn/lib/libcudnn_ops.so.9'), 'lib/libcudnn_ops.so.9');
    assert.equal(placeOf('nvidia/cuda_runtime/lib/libcudart.so.12'), 'lib/libcudart.so.12');
    assert.equal(placeOf('tensorflow/include/tensorflow/c/c_api.h'), 'include/tensorflow/c/c_api.h');
    for (const left of [
      'tensorflow/__init__.py',
      'tensorflow/compiler/tf2xla/ops/_xla_ops.so',
      'tensorflow/include/external/zlib/zlib.h',
    ]) {
      assert.equal(placeOf(left), null);
    }
  });
});
