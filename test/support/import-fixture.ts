import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabelloopError, type ErrorCode } from '../../src/contracts/errors.js';
import { importDataset, type ImportOptions, type ImportResult } from '../../src/datasets/index.js';
import { Store } from '../../src/store/index.js';
import { image, writeTree } from './images.js';
import { s3Binary, S3Server, s3Servers } from './s3.js';

/** Checks an error's code and what its message names. */
export const raises =
  (code: ErrorCode, ...patterns: string[]) =>
  (error: unknown) => {
    assert.ok(error instanceof LabelloopError, String(error));
    assert.equal(error.code, code, error.message);
    for (const pattern of patterns) assert.ok(error.message.includes(pattern), error.message);
    return true;
  };

/** What a test of the import works with: an empty folder for its images and an empty store. */
export interface ImportFixture {
  readonly store: Store;
  /** Where the images go. */
  readonly data: string;
  /** Holds `data` and the store's `cache`. */
  readonly folder: string;
  fresh(): Promise<Buffer>;
  writeImages(...paths: string[]): Promise<void>;
  load(options?: Partial<ImportOptions>): Promise<ImportResult>;
}

/** Sets a fixture up for each test of the suite that calls this; skips the suite without a MinIO. */
export function importFixture(): ImportFixture {
  let server: S3Server | undefined;
  let folder: string;
  let store: Store;
  let seed = 0;

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
    folder = await mkdtemp(join(tmpdir(), 'labelloop-import-'));
    await mkdir(join(folder, 'data'));
    store = await Store.open((server as S3Server).freshBucket(), { cacheDir: join(folder, 'cache') });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const fresh = () => image(++seed);
  return {
    get store() {
      return store;
    },
    get folder() {
      return folder;
    },
    get data() {
      return join(folder, 'data');
    },
    fresh,
    load: (options = {}) => importDataset(store, { path: join(folder, 'data'), name: 'set', ...options }),
    async writeImages(...paths) {
      for (const path of paths) await writeTree(join(folder, 'data'), { [path]: await fresh() });
    },
  };
}

export const cats = ['cat/1.png', 'cat/2.png', 'cat/3.png'];
export const dogs = ['dog/1.png', 'dog/2.png'];
