import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { LabelloopError } from '../../src/contracts/errors.js';
import { labelChanges, labelStatuses, type LabelRow, type PosteriorRow } from '../../src/contracts/tables.js';
import {
  decodeTable,
  encodeTable,
  encodeTableStream,
  readColumns,
  readGroups,
  readRow,
  readRows,
  writeTable,
  tables,
} from '../../src/store/index.js';

const { answers, assignments, items, labels, posteriors } = tables;

const float = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const int32 = fc.integer();
const plain = { noNullPrototype: true };
const text = fc.string({ unit: 'grapheme' });

const labelRow: fc.Arbitrary<LabelRow> = fc.record(
  {
    id: text,
    name: text,
    status: fc.constantFrom(...labelStatuses),
    change: fc.constantFrom(...labelChanges),
    label: int32,
    class: text,
    predicted: int32,
    probability: float,
    predictive_entropy: float,
    aleatoric: float,
    epistemic: float,
    total_uncertainty: float,
    cluster: int32,
    source: fc.constantFrom('model' as const, 'human' as const, '' as const),
    round: int32,
    model: text,
    threshold: float,
    certificate: text,
  },
  plain,
);

const posteriorRow: fc.Arbitrary<PosteriorRow> = fc.record(
  {
    id: text,
    predicted: int32,
    probability: float,
    probability_std: float,
    predictive_entropy: float,
    aleatoric: float,
    epistemic: float,
    log_variance: float,
    variation_ratio: float,
    kwon_aleatoric: float,
    kwon_epistemic: float,
    passes: int32,
    p: fc.array(float, { maxLength: 12 }),
  },
  plain,
);

const labelRowAt = (i: number): LabelRow => ({
  id: i.toString(16).padStart(32, '0'),
  name: `images/${i}.png`,
  status: i % 3 ? 'accepted' : 'open',
  change: 'accept',
  label: i % 10,
  class: `class ${i % 10}`,
  predicted: i % 10,
  probability: 0.5,
  predictive_entropy: i / 4096,
  aleatoric: 0,
  epistemic: 0,
  total_uncertainty: 0.5,
  cluster: i % 30,
  source: 'model',
  round: 1,
  model: 'ab'.repeat(32),
  threshold: 0.25,
  certificate: '',
});

function* labelRows(n: number): Generator<LabelRow> {
  for (let i = 0; i < n; i++) yield labelRowAt(i);
}

/** Runs Python with the packages that a suite may be given, or says why that can't be. */
function python(code: string, ...args: string[]): { out: string } | { skip: string } {
  const path = process.env['LABELLOOP_TEST_PYTHONPATH'];
  const env = path === undefined ? process.env : { ...process.env, PYTHONPATH: path };
  const probe = spawnSync('python3', ['-c', 'import pyarrow'], { env });
  if (probe.status !== 0)
    return { skip: 'python3 has no pyarrow (LABELLOOP_TEST_PYTHONPATH may name a folder with it)' };
  const run = spawnSync('python3', ['-c', code, ...args], { env, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return { out: run.stdout };
}

describe('tables', () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'labelloop-tables-'))));
  after(() => rm(folder, { recursive: true, force: true }));

  it('give back any label rows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(labelRow), async (rows) => {
        assert.deepEqual(await decodeTable(labels, encodeTable(labels, rows)), rows);
      }),
      { numRuns: 50 },
    );
  });

  it('give back any posterior rows with their lists, empty ones too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(posteriorRow), async (rows) => {
        const decoded = await decodeTable(posteriors, encodeTable(posteriors, rows));
        assert.deepEqual(
          decoded.map((row) => ({ ...row, p: [...row.p] })),
          rows,
        );
      }),
      { numRuns: 50 },
    );
  });

  it('give back items, answers and assignments', async () => {
    const itemRows = [{ id: 'a', name: 'ä/猫 "x",\n.png' }];
    assert.deepEqual(await decodeTable(items, encodeTable(items, itemRows)), itemRows);
    const answerRows = [{ id: 'a', label: -1 }];
    assert.deepEqual(await decodeTable(answers, encodeTable(answers, answerRows)), answerRows);
    const assignmentRows = [
      { id: 'a', cluster: 1, distance: 0.5, outlier: true },
      { id: 'b', cluster: 0, distance: 1.5, outlier: false },
    ];
    assert.deepEqual(await decodeTable(assignments, encodeTable(assignments, assignmentRows)), assignmentRows);
  });

  it('have the same bytes whole, in a stream and in a file, every time', async () => {
    const whole = encodeTable(labels, labelRows(9000));
    const parts = [];
    for await (const part of encodeTableStream(labels, labelRows(9000))) parts.push(part);
    assert.equal(parts.length, 4);
    assert.ok(Buffer.concat(parts).equals(whole));
    assert.ok(Buffer.from(encodeTable(labels, [...labelRows(9000)])).equals(whole));
    const path = join(folder, 'labels.parquet');
    await writeTable(path, labels, labelRows(9000));
    let i = 0;
    for await (const row of readRows(labels, path)) assert.deepEqual(row, labelRowAt(i++));
    assert.equal(i, 9000);
  });

  it('are read a row group of at most 4,096 rows at a time', async () => {
    const sizes = [];
    for await (const group of readGroups(labels, encodeTable(labels, labelRows(9000)))) sizes.push(group.length);
    assert.deepEqual(sizes, [4096, 4096, 808]);
  });

  it('give single rows and single columns as the whole table does', async () => {
    const bytes = encodeTable(labels, labelRows(9000));
    for (const position of [0, 4095, 4096, 8999])
      assert.deepEqual(await readRow(labels, bytes, position), labelRowAt(position));
    assert.equal(await readRow(labels, bytes, 9000), null);
    let i = 0;
    for await (const group of readColumns(labels, bytes, ['name', 'round']))
      for (const row of group) {
        const { name, round } = labelRowAt(i++);
        assert.deepEqual({ ...row }, { name, round });
      }
    assert.equal(i, 9000);
  });

  it('refuse other columns and what is no Parquet file', async () => {
    const refused = (error: unknown) => error instanceof LabelloopError && error.code === 'FORMAT_UNKNOWN';
    await assert.rejects(decodeTable(answers, encodeTable(items, [{ id: 'a', name: 'b' }])), refused);
    await assert.rejects(decodeTable(answers, Buffer.from('id,label\na,1\n')), refused);
  });

  it('are read by pyarrow, with the types that the columns promise', async function () {
    const rows: PosteriorRow[] = Array.from({ length: 5000 }, (_, i) => ({
      id: String(i),
      predicted: i % 3,
      probability: 0.5,
      probability_std: 0.25,
      predictive_entropy: 1.5,
      aleatoric: 1,
      epistemic: 0.5,
      log_variance: -1,
      variation_ratio: 0.25,
      kwon_aleatoric: 0.5,
      kwon_epistemic: 0.125,
      passes: 30,
      p: [0.5, 0.25, 0.25],
    }));
    const [posteriorPath, labelPath] = [join(folder, 'posteriors.parquet'), join(folder, 'labels2.parquet')];
    await writeFile(posteriorPath, encodeTable(posteriors, rows));
    await writeTable(labelPath, labels, labelRows(9000));
    const code = `
import sys, pyarrow.parquet as pq
p = pq.read_table(sys.argv[1]); l = pq.read_table(sys.argv[2])
print(p.num_rows, p.schema.field('p').type, p.schema.field('predicted').type, p.column('p')[4999].as_py())
print(l.num_rows, l.schema.field('threshold').type, l.column('name')[8999].as_py(), l.column('label')[8999].as_py())
`;
    const run = python(code, posteriorPath, labelPath);
    if ('skip' in run) {
      console.log(`      skipped: ${run.skip}`);
      return this.skip();
    }
    const [first, second] = run.out.trim().split('\n');
    assert.match(String(first), /^5000 list<\w+: float( not null)?> int32 \[0\.5, 0\.25, 0\.25\]$/);
    assert.equal(second, '9000 float images/8999.png 9');
  });
});
