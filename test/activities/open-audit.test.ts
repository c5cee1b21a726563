import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLedger } from '../../src/activities/audit/ledger.js';
import { openAudit } from '../../src/activities/audit/open.js';
import type { OpenAuditInput } from '../../src/contracts/audit-stages.js';
import { auditSettings } from '../../src/contracts/audit.js';
import { Store } from '../../src/store/index.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';
import { ref } from '../workflows/script.js';

describe('opening an audit', function () {
  this.timeout(60_000);
  let server: S3Server;
  let folder: string;
  let store: Store;

  before(async function () {
    const binary = s3Binary(s3Servers[0]);
    if ('skip' in binary) return this.skip();
    server = await S3Server.start(s3Servers[0], binary.path);
    folder = await mkdtemp(join(tmpdir(), 'labelloop-open-audit-'));
    store = await Store.open(server.connection, { cacheDir: folder });
  });
  after(async () => {
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const input = (audit: number): OpenAuditInput => ({
    run: 'shells',
    audit,
    dataset: ref('dataset/1', 1),
    round: {
      labels: ref('labels/2', 2),
      base: ref('labels/2', 2),
      pool: ref('posterior-set/1', 3),
      cutoff: ref('cutoff/2', 4),
      labelled: ref('posterior-set/1', 5),
      split: ref('split/2', 6),
    },
    frozen: {
      frozen: null,
      root: null,
      labels: 0,
      positions: ref('positions/1', 7),
      scores: ref('scores/1', 8),
      questions: ref('questions/1', 9),
    },
    settings: auditSettings.parse({ epsilon: 0.02 }),
    seed: 1,
  });

  it('asks nobody where no label is the machine', async () => {
    const { refs, words } = await openAudit(input(1), store);
    assert.equal(refs, null);
    assert.match(words, /no machine labels/);
  });

  it('takes no number past the next: its line of the ledger, and its alpha, are that one', async () => {
    await assert.rejects(openAudit(input(3), store), /the next is number 1/);
    assert.deepEqual(await readLedger(store, 'shells'), []);
  });
});
