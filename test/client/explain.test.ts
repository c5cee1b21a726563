import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explain } from '../../src/client/explain.js';
import type { Told } from '../../src/client/explain.js';
import { LabelloopError } from '../../src/contracts/errors.js';
import type { AuditState } from '../../src/contracts/audit.js';
import type { RoundRecord } from '../../src/contracts/stages.js';
import type { LabelRow, PosteriorRow } from '../../src/contracts/tables.js';
import { encodeTable, Store, tables } from '../../src/store/index.js';
import { labelRow, manifest } from '../cli/fixtures.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';

/** More than a row group, so that rows of two are asked for. */
const POOL = 5_000;
const SHARD = 3_000;

describe('explain', function () {
  this.timeout(60_000);
  let server: S3Server;
  let folder: string;
  let store: Store;
  let told: Told;

  const id = (i: number) => i.toString(16).padStart(32, '0');
  const row = (i: number, changes: Partial<LabelRow> = {}): LabelRow => ({
    ...labelRow(id(i)),
    name: i === 7 || i === 8 ? 'twice.png' : `beach/${i}.png`,
    ...changes,
  });
  const posterior = (i: number, p: number[]): PosteriorRow => ({
    id: id(i),
    predicted: p.indexOf(Math.max(...p)),
    probability: Math.max(...p),
    probability_std: 0.01,
    predictive_entropy: i / POOL,
    aleatoric: 0.01,
    epistemic: 0.01,
    log_variance: 0.1,
    variation_ratio: 0,
    kwon_aleatoric: 0,
    kwon_epistemic: 0,
    passes: 20,
    p,
  });

  async function record(round: number, rowOf: (i: number) => LabelRow, p: number[]): Promise<RoundRecord> {
    const shards = [];
    for (let offset = 0; offset < POOL; offset += SHARD) {
      const rows = Array.from({ length: Math.min(SHARD, POOL - offset) }, (_, i) => posterior(offset + i, p));
      const posteriors = await store.putBytes('posteriors/2', encodeTable(tables.posteriors, rows));
      shards.push({ posteriors, features: posteriors, count: rows.length, passes: 20 * rows.length });
    }
    const labels = encodeTable(
      tables.labels,
      Array.from({ length: POOL }, (_, i) => rowOf(i)),
    );
    return {
      round,
      model: { kind: 'model/2', sha256: String(round).repeat(64), bytes: 1 },
      labels: await store.putBytes('labels/2', labels),
      pool: await store.putJson('posterior-set/1', { format: 'labelloop.posterior-set/1', shards }),
      cutoff: await store.putJson('cutoff/2', cutoff),
    } as unknown as RoundRecord;
  }

  const reliability = { ece: 0, nll: 0, bins: [] };
  const cutoff = {
    format: 'labelloop.cutoff/2',
    score: 'predictive-entropy',
    rule: 'target-error',
    values: [0.3, 0.3],
    classwise: false,
    top: null,
    scaling: { method: 'temperature', scale: [1, 1], bias: [0, 0], before: reliability, after: reliability },
    estimate: { grade: 'B', accepted: 1, errors: 0, error: 0.25, upper: 0.9, coverage: 0.5 },
  };

  before(async function () {
    const binary = s3Binary(s3Servers[0]);
    if ('skip' in binary) return this.skip();
    server = await S3Server.start(s3Servers[0], binary.path);
    folder = await mkdtemp(join(tmpdir(), 'labelloop-explain-'));
    store = await Store.open(server.freshBucket(), { cacheDir: folder });
    const first = await record(1, (i) => row(i, { label: 0, class: 'cowrie', predicted: 0 }), [0.9, 0.1]);
    const second = await record(
      2,
      (i) => row(i, { change: 'flip', round: 2, model: '2'.repeat(64), certificate: 'shells.audit-1' }),
      [0.2, 0.8],
    );
    const at = '2026-01-02T03:04:05.000Z';
    const line = (seen: number, i: number, verdict: unknown) =>
      JSON.stringify({ seen, use: 'audit', rank: i, id: id(i), verdict, by: 'ada', at, seconds: 2.5 });
    const log = await store.putBytes(
      'audit-log/1',
      Buffer.from(`${[line(0, 4_999, 1), line(1, 3, 0), line(2, 4_999, 'unsure')].join('\n')}\n`),
    );
    const audit = { audit: 1, refs: { log, certificate: null } } as unknown as AuditState;
    const pool = [0, SHARD].map((offset, index) => ({ index, offset, count: Math.min(SHARD, POOL - offset) }));
    told = {
      run: 'shells-1',
      manifest: manifest({ shards: { labelled: [], pool: pool as never, test: [] } }),
      rounds: [first, second],
      labels: second.labels,
      said: null,
      audits: [audit],
      questions: [],
    };
  });
  after(async () => {
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('follows an image of the second row group and the second shard through all rounds', async () => {
    const explained = await explain(store, told, id(4_999));
    assert.deepEqual(
      [explained.name, explained.position, explained.label, explained.source, explained.certificate],
      ['beach/4999.png', 4_999, 'whelk', 'model', 'shells.audit-1'],
    );
    assert.deepEqual(
      explained.rounds.map(({ round, decision, label, model, given }) => [
        round,
        decision,
        label,
        model[0],
        given?.round,
      ]),
      [
        [1, 'accept', 'cowrie', '1', 1],
        [2, 'flip', 'whelk', '2', 2],
      ],
    );
    const [, last] = explained.rounds;
    assert.deepEqual(
      last?.classes.map((each) => [each.class, Number(each.probability.toFixed(3))]),
      [
        ['whelk', 0.8],
        ['cowrie', 0.2],
      ],
    );
    // The posterior's own value tells that the row is the image's and not another's of the shard.
    assert.equal(last?.score?.name, 'predictive-entropy');
    assert.ok(Math.abs((last?.score?.value ?? 0) - 4_999 / POOL) < 1e-6);
    assert.equal(last?.passes, 20);
  });

  it('tells what people said of the image, and of no other', async () => {
    const { answers } = await explain(store, told, id(4_999));
    assert.deepEqual(
      answers.map(({ by, answer, use, audit }) => [by, answer, use, audit]),
      [
        ['ada', 'whelk', 'audit', 1],
        ['ada', 'unsure', 'audit', 1],
      ],
    );
    assert.deepEqual((await explain(store, told, id(5))).answers, []);
  });

  it('finds an image by its name, and asks for an id where several have the name', async () => {
    assert.equal((await explain(store, told, 'beach/42.png')).id, id(42));
    const refused = (pattern: RegExp) => (error: unknown) =>
      error instanceof LabelloopError && error.code === 'USAGE' && pattern.test(error.message);
    await assert.rejects(explain(store, told, 'twice.png'), refused(new RegExp(`${id(7)}, ${id(8)}`)));
    await assert.rejects(explain(store, told, 'nowhere.png'), refused(/no image 'nowhere\.png'.*labels export/));
  });

  it('explains runs of 0.1, whose cut-offs it can not read, without a score', async () => {
    const old = { format: 'labelloop.cutoff/1', score: 'predictive_entropy', rule: 'fence', value: 0.3 };
    const cutoff = await store.putJson('cutoff/1', old);
    const rounds = told.rounds.map((record) => ({ ...record, cutoff }));
    const { rounds: explained } = await explain(store, { ...told, rounds }, id(1));
    assert.deepEqual(
      explained.map(({ score }) => score),
      [null, null],
    );
  });
});
