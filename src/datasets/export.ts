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
  /** NaN where the model has none to give: see `confidenceOf`. */
  confidence: number;
  predictive_entropy: number;
  round: number;
  certificate: string;
}

const exported: TableSpec<ExportRow> = {
  name: 'exported labels',
  columns: {
    name: 'string',
    id: 'string',
    label: 'string',
    status: 'string',
    source: 'string',
    confidence: 'float',
    predictive_entropy: 'float',
    round: 'int32',
    certificate: 'string',
  },
};
const COLUMNS = Object.keys(exported.columns) as (keyof ExportRow)[];

/** Decimal digits that a 32-bit float carries. */
const DIGITS = 7;

/**
 * Writes labels for people and programs, streamed: CSV (RFC 4180, UTF-8, with a header), JSON lines, or Parquet, with the
 * columns name, id, label, status, source, confidence, predictive_entropy (nats), round, certificate. Ends `out`.
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

/**
 * The model's calibrated probability of the label, or of the likeliest class where no label is in force. NaN where it is
 * about another class than the label's: a person gave it, or it is permanent and the model has changed its mind.
 */
const confidenceOf = ({ source, label, predicted, probability }: LabelRow): number =>
  source === 'human' || (label >= 0 && label !== predicted) ? Number.NaN : shortened(probability);

const shortened = (value: number): number => Number(value.toPrecision(DIGITS));

async function* pick(rows: AsyncIterable<LabelRow> | Iterable<LabelRow>): AsyncGenerator<ExportRow> {
  for await (const row of rows) {
    const { name, id, status, source, round, certificate } = row;
    const confidence = confidenceOf(row);
    const predictive_entropy = shortened(row.predictive_entropy);
    yield { name, id, label: row.class, status, source, confidence, predictive_entropy, round, certificate };
  }
}

async function* toCsv(rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  yield csvLine(COLUMNS);
  for await (const row of rows) yield csvLine(COLUMNS.map((column) => row[column]));
}

async function* toJsonLines(rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  // JSON writes NaN as null.
  for await (const row of rows) yield `${JSON.stringify({ ...row, label: row.label || null })}\n`;
}

const toParquet = (rows: AsyncIterable<ExportRow>): AsyncGenerator<Uint8Array> => encodeTableStream(exported, rows);

/** A line of CSV (RFC 4180); NaN is an empty field. */
export const csvLine = (values: readonly (string | number)[]): string =>
  `${values.map((value) => quote(Number.isNaN(value) ? '' : String(value))).join(',')}\r\n`;

const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
