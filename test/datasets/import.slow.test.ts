import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importDataset } from '../../src/datasets/index.js';
import { Store } from '../../src/store/index.js';
import { idx, image } from '../support/images.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';

/** Beyond what the process has at the start. All pixels of the 100,000 images below are 307 MB, all files more. */
const BOUND_BYTES = 300e6;

/** PNG files to import: what CI has time for. 100,000 take two and a half minutes. */
const FILES = Number(process.env['LABELLOOP_TEST_FILES'] ?? 10_000);

describe('importDataset, at length', function () {
  this.timeout(300_000);
  let server: S3Server;
  let folder: string;
  let store: Store;

  before(async function () {
    const [minio] = s3Servers;
    const binary = s3Binary(minio);
    if ('skip' in binary) {
      console.log(`      skipped: ${binary.skip}`);
      return this.skip();
    }
    server = await S3Server.start(minio, binary.path);
  });
  after(() => server?.stop());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labelloop-slow-'));
    store = await Store.open(server.freshBucket(), { cacheDir: join(folder, 'cache') });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function importMeasured(path: string, images: number): Promise<void> {
    const before = process.memoryUsage().rss;
    let peak = 0;
    const onProgress = () => (peak = Math.max(peak, process.memoryUsage.rss()));
    const started = performance.now();
    const { manifest } = await importDataset(store, { path, name: 'big', keepLabels: 500, onProgress });
    const { labelled, pool } = manifest.counts;
    assert.equal(labelled + pool, images);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`      ${images} images in ${seconds} s, ${Math.round((peak - before) / 1e6)} MB more`);
    assert.ok(peak - before < BOUND_BYTES, `${peak - before} bytes`);
  }

  it(`imports ${FILES} PNG files in bounded memory`, async () => {
    const path = join(folder, 'files');
    for (const name of ['cat', 'dog']) await mkdir(join(path, name), { recursive: true });
    for (let i = 0; i < FILES; i++)
      await writeFile(join(path, i % 2 ? 'cat' : 'dog', `${i}.png`), await image(i, { width: 28, height: 28 }));
    await importMeasured(path, FILES);
  });

  it('imports 100,000 IDX images in bounded memory', async () => {
    const path = join(folder, 'idx');
    await mkdir(path);
    const [n, side] = [100_000, 56];
    const pixels = Buffer.alloc(n * side * side);
    for (let i = 0; i < n; i++) pixels.writeUInt32BE(i, i * side * side);
    await writeFile(join(path, 'train-images-idx3-ubyte'), idx([n, side, side], pixels));
    await writeFile(
      join(path, 'train-labels-idx1-ubyte'),
      idx(
        [n],
        Buffer.from({ length: n }).map((_, i) => i % 10),
      ),
    );
    await importMeasured(path, n);
  });
});
