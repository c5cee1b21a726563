import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { configuredStore, configuredTemporal } from '../../src/contracts/configured.js';
import { clean, temporaryFolder } from './support.js';

const keys = { MINIO_ACCESS_KEY: 'access', MINIO_SECRET_KEY: 'secret' };

describe('a configured object store', () => {
  it('is none where there is no endpoint, whatever else is set', () => {
    assert.equal(configuredStore({ ...keys }), null);
    assert.equal(configuredStore({ ...keys, MINIO_ENDPOINT: '' }), null);
  });

  it('may be named by host, host and port, or URL', () => {
    const at = (endpoint: string, more: NodeJS.ProcessEnv = {}): string => {
      const store = configuredStore({ ...keys, MINIO_ENDPOINT: endpoint, ...more });
      return `${store?.useSSL ? 'TLS ' : ''}${store?.endPoint} ${store?.port}`;
    };
    assert.equal(at('store.lan'), 'store.lan 9000');
    assert.equal(at('store.lan:9010'), 'store.lan 9010');
    assert.equal(at('store.lan:9010', { MINIO_USE_SSL: 'true' }), 'TLS store.lan 9010');
    assert.equal(at('https://store.lan'), 'TLS store.lan 443');
    assert.equal(at('http://10.0.0.1:9000'), '10.0.0.1 9000');
    assert.equal(at('http://[::1]:9000'), '::1 9000');
  });

  it("takes the root user's names for keys, and has a bucket by default", () => {
    const store = configuredStore({ MINIO_ENDPOINT: 'a', MINIO_ROOT_USER: 'root', MINIO_ROOT_PASSWORD: 'password' });
    assert.deepEqual(
      [store?.accessKey, store?.secretKey, store?.bucket, store?.region],
      ['root', 'password', 'labelloop', 'us-east-1'],
    );
  });

  it('without its keys is refused with the name of the variable', () => {
    assert.throws(() => configuredStore({ MINIO_ENDPOINT: 'a' }), /MINIO_ACCESS_KEY is not/);
    assert.throws(() => configuredStore({ MINIO_ENDPOINT: 'a', MINIO_ACCESS_KEY: 'k' }), /MINIO_SECRET_KEY is not/);
  });
});

describe('a configured Temporal', () => {
  after(clean);

  it('comes from TEMPORAL_ADDRESS or from temporal.toml', () => {
    const file = path.join(temporaryFolder(), 'temporal.toml');
    fs.writeFileSync(file, '[profile.default]\naddress = "temporal.lan:7233"\nnamespace = "team"\n');
    const nowhere = { TEMPORAL_CONFIG_FILE: path.join(temporaryFolder(), 'none.toml') };
    assert.equal(configuredTemporal(nowhere), null);
    assert.deepEqual(configuredTemporal({ TEMPORAL_CONFIG_FILE: file }), {
      address: 'temporal.lan:7233',
      namespace: 'team',
    });
    assert.deepEqual(configuredTemporal({ ...nowhere, TEMPORAL_ADDRESS: 'a:1' }), {
      address: 'a:1',
      namespace: 'default',
    });
  });

  it('that can not be read is refused', () => {
    const file = path.join(temporaryFolder(), 'temporal.toml');
    fs.writeFileSync(file, '[profile');
    assert.throws(() => configuredTemporal({ TEMPORAL_CONFIG_FILE: file }), /temporal\.toml/);
  });
});
