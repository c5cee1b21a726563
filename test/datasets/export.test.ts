import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import { parquetReadObjects } from 'hyparquet';
import type { LabelRow } from '../../src/contracts/tables.js';
import { exportLabels, type ExportFormat } from '../../src/datasets/index.js';

const accepted: LabelRow = {
  id: 'ab'.repeat(16),
  name: 'a, "b"\n猫.png',
  status: 'accepted',
  change: 'accept',
  label: 1,
  class: 'dog, big',
  predicted: 1,
  probability: Math.fround(0.9),
  predictive_entropy: Math.fround(0.1),
  aleatoric: 0,
  epistemic: 0,
  total_uncertainty: Math.fround(0.3),
  cluster: 3,
  source: 'model',
  round: 2,
  model: 'cd'.repeat(32),
  threshold: 0.2,
  certificate: 'shells.audit-1',
};
const open: LabelRow = {
  ...accepted,
  id: 'cd'.repeat(16),
  name: '2.png',
  status: 'open',
  label: -1,
  class: '',
  source: '',
  round: 0,
  certificate: '',
};

async function write(format: ExportFormat, rows: Iterable<LabelRow> = [accepted, open]): Promise<Buffer> {
  const out = new PassThrough();
  const [bytes] = await Promise.all([buffer(out), exportLabels(rows, format, out)]);
  return bytes;
}

describe('exportLabels', () => {
  it('writes CSV that a CSV reader gives back', async () => {
    const text = (await write('csv')).toString();
    assert.match(text, /^name,id,label,status,source,confidence,predictive_entropy,round,certificate\r\n/);
    const [first, second] = parse(text, { columns: true });
    const { id, name } = accepted;
    const values = { status: 'accepted', source: 'model', confidence: '0.9', predictive_entropy: '0.1', round: '2' };
    assert.deepEqual(
      { ...(first as object) },
      { name, id, label: 'dog, big', ...values, certificate: 'shells.audit-1' },
    );
    assert.equal((second as { label: string }).label, '');
  });

  it('writes JSON lines with null for no label', async () => {
    const rows = (await write('jsonl'))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      rows.map(({ label, confidence }) => [label, confidence]),
      [
        ['dog, big', 0.9],
        [null, 0.9],
      ],
    );
  });

  it('writes Parquet', async () => {
    const bytes = await write('parquet');
    const rows = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
    assert.deepEqual(
      rows.map(({ name, label, round, certificate }) => [name, label, round, certificate] as unknown[]),
      [
        [accepted.name, 'dog, big', 2, 'shells.audit-1'],
        ['2.png', '', 0, ''],
      ],
    );
  });

  it('gives no confidence where the probability is about another class than the label', async () => {
    const byPerson = { ...accepted, source: 'human' as const };
    const permanent = { ...accepted, predicted: 0 };
    const rows = [byPerson, permanent];
    const csv = parse((await write('csv', rows)).toString(), { columns: true });
    assert.deepEqual(
      csv.map((row) => (row as { confidence: string }).confidence),
      ['', ''],
    );
    const [line] = (await write('jsonl', rows)).toString().split('\n');
    assert.equal((JSON.parse(line as string) as { confidence: unknown }).confidence, null);
    const [first] = await parquetReadObjects({ file: new Uint8Array(await write('parquet', rows)).buffer });
    assert.ok(Number.isNaN(first?.['confidence']));
  });

  it('streams: a slow reader holds the rows back', async () => {
    let made = 0;
    function* endless() {
      for (;;) {
        made++;
        yield accepted;
      }
    }
    const out = new PassThrough();
    const writing = exportLabels(endless(), 'csv', out);
    for (let turns = 0; turns < 1000; turns++) await new Promise(setImmediate);
    assert.ok(made < 2000, `${made} rows without a reader`);
    out.destroy();
    await assert.rejects(writing);
  });
});
