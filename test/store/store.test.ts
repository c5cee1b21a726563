import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import type { StoreConnection } from '../../src/contracts/connection.js';
import { isRetryable, LabelloopError, type ErrorCode } from '../../src/contracts/errors.js';
import type { Ref } from '../../src/contracts/references.js';
import { stageKey, Store, type StageRecord } from '../../src/store/index.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';

const blobPath = ({ sha256 }: Ref) => `sha256/${sha256.slice(0, 2)}/${sha256}`;

const raises =
  (code: ErrorCode, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof LabelloopError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };

function recordOf(input: unknown, output: unknown, worker = 'worker-1'): StageRecord {
  const key = stageKey('train', 3, input);
  const startedAt = '2026-01-02T03:04:05.000Z';
  return {
    format: 'labelloop.stage/1',
    stage: 'train',
    version: 3,
    key,
    input,
    output,
    seconds: 1.5,
    startedAt,
    worker,
  };
}

/** Damages the biggest file at or below `path`: servers keep an object as a file, or as a folder with parts. */
async function flipByteOnDisk(path: string): Promise<void> {
  const parts = (await stat(path)).isFile() ? [path] : await filesBelow(path);
  const sizes = await Promise.all(parts.map(async (part) => (await stat(part)).size));
  const victim = parts[sizes.indexOf(Math.max(...sizes))] as string;
  const bytes = await readFile(victim);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 0xff;
  await writeFile(victim, bytes);
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

for (const kind of s3Servers) {
  describe(`store on ${kind.name}`, () => {
    let server: S3Server;
    let connection: StoreConnection;
    let folder: string;
    let store: Store;

    before(async function () {
      const binary = s3Binary(kind);
      if ('skip' in binary) {
        console.log(`      skipped: ${binary.skip}`);
        return this.skip();
      }
      server = await S3Server.start(kind, binary.path);
    });
    after(() => server?.stop());

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'labelloop-store-'));
      connection = server.freshBucket();
      store = await Store.open(connection, { cacheDir: join(folder, 'cache') });
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    const another = (name = 'other') => Store.open(connection, { cacheDir: join(folder, name) });
    const overwrite = (ref: Ref, bytes: Buffer) => server.client().putObject(connection.bucket, blobPath(ref), bytes);
    const keysUnder = async (prefix: string) => (await another()).listPointers(prefix);

    it('opens a bucket that several processes make at the same time', async () => {
      const fresh = server.freshBucket();
      const options = { cacheDir: join(folder, 'cache') };
      await Promise.all(Array.from({ length: 4 }, () => Store.open(fresh, options)));
      assert.ok((await (await Store.open(fresh, options)).ping()).server.length > 0);
    });

    it('gives back what was put, under the digest of the bytes', async () => {
      const bytes = randomBytes(100_000);
      const ref = await store.putBytes('model/1', bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      assert.deepEqual(ref, { kind: 'model/1', sha256, bytes: bytes.length });
      assert.deepEqual(await store.readBytes(ref), bytes);
      assert.deepEqual(await (await another()).readBytes(ref), bytes);
    });

    it('keeps an empty blob', async () => {
      const ref = await store.putBytes('model/1', Buffer.alloc(0));
      await writeFile(join(folder, 'empty'), '');
      assert.deepEqual(await store.putFile('model/1', join(folder, 'empty')), ref);
      assert.equal((await store.readBytes(ref)).length, 0);
    });

    it('stores a file as it stores the same bytes, also one in several parts', async () => {
      const bytes = randomBytes(40 * 2 ** 20);
      const path = join(folder, 'big');
      await writeFile(path, bytes);
      const [ref, same] = await Promise.all([store.putFile('pixels/1', path), store.putFile('pixels/1', path)]);
      assert.deepEqual(ref, same);
      assert.deepEqual(await store.putBytes('pixels/1', bytes), ref);
      assert.deepEqual(await readFile(await store.fetch(ref)), bytes);
    });

    it('does not send a blob again that is there', async () => {
      const ref = await store.putBytes('model/1', Buffer.from('weights'));
      const client = server.client();
      const before = await client.statObject(connection.bucket, blobPath(ref));
      // Same size, other bytes: only an upload would put them right.
      await overwrite(ref, Buffer.from('WEIGHTS'));
      await store.putBytes('model/1', Buffer.from('weights'));
      const stored = await buffer(await client.getObject(connection.bucket, blobPath(ref)));
      assert.equal(stored.toString(), 'WEIGHTS');
      assert.equal(before.size, 7);
    });

    it('sends a blob again of which another size is there', async () => {
      const ref = await store.putBytes('model/1', Buffer.from('weights'));
      await overwrite(ref, Buffer.from('wei'));
      await store.putBytes('model/1', Buffer.from('weights'));
      assert.equal((await store.readBytes(ref)).toString(), 'weights');
    });

    it('stores JSON in canonical form and refuses what does not fit the schema', async () => {
      const ref = await store.putJson('cutoff/1', { b: 1, a: [true, null] });
      assert.equal((await store.readBytes(ref)).toString(), '{"a":[true,null],"b":1}');
      assert.deepEqual(await store.putJson('cutoff/1', { a: [true, null], b: 1 }), ref);
      assert.deepEqual(await store.readJson(ref, z.object({ b: z.number() })), { b: 1 });
      await assert.rejects(store.readJson(ref, z.object({ c: z.number() })), raises('FORMAT_UNKNOWN', /cutoff\/1/));
    });

    it('says which blob is missing', async () => {
      const ref: Ref = { kind: 'model/1', sha256: 'ab'.repeat(32), bytes: 1 };
      await assert.rejects(store.fetch(ref), raises('STORE_MISSING', /abab/));
    });

    it('fetches a blob once for callers at the same time', async () => {
      const ref = await store.putBytes('model/1', randomBytes(2e6));
      const paths = await Promise.all(Array.from({ length: 8 }, () => store.fetch(ref)));
      assert.equal(new Set(paths).size, 1);
      assert.deepEqual(await readdir(join(folder, 'cache', 'tmp')), []);
    });

    it('fetches a damaged cache file again without a word', async () => {
      const ref = await store.putBytes('model/1', Buffer.from('weights'));
      const path = await store.fetch(ref);
      await chmod(path, 0o644);
      await writeFile(path, 'WEIGHTS');
      assert.equal((await store.readBytes(ref)).toString(), 'weights');
    });

    it('sets a damaged blob aside, says so, and takes it anew', async () => {
      const ref = await store.putBytes('model/1', Buffer.from('weights'));
      await overwrite(ref, Buffer.from('WEIGHTS'));
      await assert.rejects(store.readBytes(ref), raises('STORE_DAMAGED', new RegExp(ref.sha256)));
      assert.ok(isRetryable('STORE_DAMAGED'));
      assert.deepEqual(await keysUnder('quarantine/'), [`quarantine/${blobPath(ref)}`]);
      await assert.rejects(store.readBytes(ref), raises('STORE_MISSING'));
      await store.putBytes('model/1', Buffer.from('weights'));
      assert.equal((await store.readBytes(ref)).toString(), 'weights');
    });

    it('gives a blob up that rots on the disk of the server, so that it is made again', async function () {
      const bytes = randomBytes(300_000);
      const ref = await store.putBytes('model/1', bytes);
      const record = await store.commit(recordOf({ seed: 9 }, { model: ref }));
      await flipByteOnDisk(join(server.folder, connection.bucket, blobPath(ref)));
      await assert.rejects(store.readBytes(ref), raises('STORE_DAMAGED', new RegExp(ref.sha256)));
      assert.equal(await store.lookup(record.key), null);
      await store.putBytes('model/1', bytes);
      assert.deepEqual(await store.readBytes(ref), bytes);
    });

    it('never removes what no stage makes again, however damaged, and an import mends it', async () => {
      const bytes = randomBytes(300_000);
      const path = join(folder, 'labels');
      await writeFile(path, bytes);
      const ref = await store.putBytes('answers/1', bytes);
      await flipByteOnDisk(join(server.folder, connection.bucket, blobPath(ref)));
      for (const reader of [store, await another()])
        await assert.rejects(reader.readBytes(ref), raises('STORE_DAMAGED', /import the data set again/));
      assert.deepEqual(await keysUnder('sha256/'), [blobPath(ref)]);
      assert.deepEqual(await keysUnder('quarantine/'), []);
      await store.putFile('answers/1', path);
      assert.deepEqual(await store.readBytes(ref), bytes);
    });

    it('commits a stage once: the first writer wins and the others get its record', async () => {
      const others = await Promise.all(Array.from({ length: 8 }, (_, i) => another(`cache-${i}`)));
      const results = await Promise.all(
        others.map((each, i) => each.commit(recordOf({ seed: 1 }, { loss: i }, `worker-${i}`))),
      );
      assert.equal(new Set(results.map((record) => record.worker)).size, 1);
      assert.deepEqual(await store.lookup(stageKey('train', 3, { seed: 1 })), results[0]);
      assert.equal(await store.lookup(stageKey('train', 4, { seed: 1 })), null);
    });

    it('forgets a stage whose blob is lost, wherever in the output it is, and lets it be committed anew', async () => {
      const blob = await store.putBytes('model/1', Buffer.from('weights'));
      const record = recordOf({ seed: 2 }, { parts: [{ model: blob }], loss: 1 });
      await store.commit(record);
      assert.deepEqual(await store.lookup(record.key), record);
      await server.client().removeObject(connection.bucket, blobPath(blob));
      assert.equal(await store.lookup(record.key), null);
      assert.deepEqual(await keysUnder('stages/'), []);
      assert.deepEqual(await keysUnder('quarantine/'), [`quarantine/stages/${record.key}.json`]);
      await store.putBytes('model/1', Buffer.from('weights'));
      assert.equal((await store.commit({ ...record, worker: 'worker-2' })).worker, 'worker-2');
    });

    it('does not let a record that lost its blobs win a commit', async () => {
      const blob = await store.putBytes('model/1', Buffer.from('weights'));
      await store.commit(recordOf({ seed: 3 }, { model: blob }));
      await server.client().removeObject(connection.bucket, blobPath(blob));
      await store.putBytes('model/1', Buffer.from('heavier'));
      const record = recordOf({ seed: 3 }, { loss: 0 }, 'worker-2');
      assert.deepEqual(await store.commit(record), record);
    });

    it('invalidates a stage on request', async () => {
      const record = await store.commit(recordOf({ seed: 4 }, {}));
      await store.invalidate(record.key);
      await store.invalidate(record.key);
      assert.equal(await store.lookup(record.key), null);
    });

    it('keeps pointers: creates once, overwrites, lists and removes', async () => {
      const schema = z.strictObject({ n: z.number() });
      assert.equal(await store.getPointer('runs/a.json', schema), null);
      assert.equal(await store.createPointer('runs/a.json', { n: 1 }), true);
      assert.equal(await store.createPointer('runs/a.json', { n: 2 }), false);
      assert.deepEqual(await store.getPointer('runs/a.json', schema), { n: 1 });
      await store.putPointer('runs/a.json', { n: 3 });
      await store.putPointer('runs/a/b.json', { n: 4 });
      await store.putPointer('progress/x.json', { n: 5 });
      assert.deepEqual(await store.listPointers('runs/'), ['runs/a.json', 'runs/a/b.json']);
      assert.deepEqual(await store.getPointer('runs/a.json', schema), { n: 3 });
      await store.removePointer('runs/a.json');
      await store.removePointer('runs/a.json');
      assert.deepEqual(await store.listPointers('runs/'), ['runs/a/b.json']);
    });

    it('says that wrong keys are refused', async () => {
      const wrong = { ...connection, secretKey: 'not-the-secret-key' };
      await assert.rejects(Store.open(wrong, { cacheDir: folder }), raises('STORE_DENIED', /access key/));
    });

    it('outlasts a restart of the server in the middle of its tries', async () => {
      const ref = await store.putBytes('model/1', Buffer.from('weights'));
      await server.halt();
      const [bytes] = await Promise.all([store.readBytes(ref), server.resume()]);
      assert.equal(bytes.toString(), 'weights');
    });

    it('says within seconds that a stopped server is unavailable', async () => {
      await server.halt();
      try {
        const started = Date.now();
        await assert.rejects(store.putBytes('model/1', Buffer.from('x')), raises('STORE_UNAVAILABLE', /ECONNREFUSED/));
        assert.ok(Date.now() - started < 10_000);
      } finally {
        await server.resume();
      }
    });
  });
}

describe('store on a server that fails', () => {
  let server: Server;
  let folder: string;
  let answer: (count: number) => { status: number; code: string };
  let requests: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labelloop-store-'));
    server = createServer((request, response) => {
      request.resume();
      const { status, code } = answer(requests++);
      response.writeHead(status).end(status === 200 ? '' : `<Error><Code>${code}</Code></Error>`);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  beforeEach(() => (requests = 0));
  after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  });

  const open = () => {
    const { port } = server.address() as AddressInfo;
    const keys = { accessKey: 'a', secretKey: 'b', bucket: 'labelloop', region: 'us-east-1' };
    return Store.open({ endPoint: '127.0.0.1', port, useSSL: false, ...keys }, { cacheDir: folder });
  };

  it('tries again after a server error', async () => {
    answer = (count) => (count === 0 ? { status: 503, code: 'SlowDown' } : { status: 200, code: '' });
    await open();
    assert.equal(requests, 2);
  });

  it('gives up after three tries with an error that can be retried', async () => {
    answer = () => ({ status: 500, code: 'InternalError' });
    await assert.rejects(open(), raises('STORE_UNAVAILABLE', /HTTP 500/));
    assert.equal(requests, 3);
    assert.ok(isRetryable('STORE_UNAVAILABLE'));
  });

  it('does not try again what is refused', async () => {
    answer = () => ({ status: 403, code: 'AccessDenied' });
    await assert.rejects(open(), raises('STORE_DENIED'));
    assert.equal(requests, 1);
  });
});

describe('stageKey', () => {
  it('depends on stage, version and input, and not on the order of properties', () => {
    assert.equal(stageKey('train', 1, { a: 1, b: 2 }), stageKey('train', 1, { b: 2, a: 1 }));
    const keys = [
      stageKey('train', 1, { a: 1 }),
      stageKey('train', 2, { a: 1 }),
      stageKey('train', 1, { a: 2 }),
      stageKey('sample', 1, { a: 1 }),
    ];
    assert.equal(new Set(keys).size, keys.length);
    // Independently: sha256('["train",1,{"a":1}]').
    const digest = createHash('sha256').update('["train",1,{"a":1}]').digest('hex');
    assert.equal(keys[0], `train/${digest}`);
  });
});
