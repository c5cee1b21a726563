import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { LabelRow } from '../contracts/tables.js';
import { encodeTableStream, type TableSpec } from '../store/index.js';

export const exportFormats = ['csv', 'jsonl', 'parquet'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** A row of exported labels: an image of the pool. `label` is the class's name, empty where there is none in force. */
interface ExportRow {
  name: string;
  id: string;
  label: string;
  status: string;
  source: string;
  probability: number;
  predictive_entropy: number;
  round: number;
}

const exported: TableSpec<ExportRow> = {
  name: 'exported labels',
  columns: {
    name: 'string',
    id: 'string',
    label: 'string',
    status: 'string',
    source: 'string',
    probability: 'float',
    predictive_entropy: 'float',
    round: 'int32',
  },
};
const COLUMNS = Object.keys(exported.columns) as (keyof ExportRow)[];

/** Decimal digits that a 32-bit float carries. */
const DIGITS = 7;

/**
 * Writes labels for people and programs, streamed: CSV (RFC 4180, UTF-8, with a header), JSON lines, or Parquet, with the
 * columns name, id, label, status, source, probability, predictive_entropy (nats), round. Ends `out`.
 */
export async function exportLabels(
  rows: AsyncIterable<LabelRow> | Iterable<LabelRow>,
  format: ExportFormat,
  out: Writable,
): Promise<void> {
  const picked = pick(rows);
  const pieces = { csv: toCsv, jsonl: toJsonLines, parquet: toParquet }[format](picked);
  await pipeline(Readable.from(pieces, { objectMode: true }), out);
}

async function* pick(rows: AsyncIterable<LabelRow> | Iterable<LabelRow>): AsyncGenerator<ExportRow> {
  for await (const row of rows) {
    const { name, id, status, source, round } = row;
    const probability = Number(row.probability.toPrecision(DIGITS));
    const predictive_entropy = Number(row.predictive_entropy.toPrecision(DIGITS));
    yield { name, id, label: row.class, status, source, probability, predictive_entropy, round };
  }
}

async function* toCsv(rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  yield `${COLUMNS.join(',')}\r\n`;
  for await (const row of rows) yield `${COLUMNS.map((column) => quote(String(row[column]))).join(',')}\r\n`;
}

async function* toJsonLines(rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify({ ...row, label: row.label || null })}\n`;
}

const toParquet = (rows: AsyncIterable<ExportRow>): AsyncGenerator<Uint8Array> => encodeTableStream(exported, rows);

const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
