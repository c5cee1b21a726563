import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { CsvError, parse } from 'csv-parse';
import { messageOf, type LabelloopError } from '../contracts/errors.js';
import { datasetErrors, place } from './errors.js';
import { normalizeLabel, splitOf, UNLABELLED, type Entry, type Source } from './source.js';

/** The names a column or property may have, in any case; the first that is there is taken. */
const COLUMNS = {
  image: ['file_name', 'filename', 'path', 'image', 'file'],
  label: ['label', 'class'],
  split: ['split', 'subset'],
  id: ['id'],
} as const;

type Column = keyof typeof COLUMNS;
interface Row {
  row: number;
  values: Partial<Record<Column, string>>;
}
type RowOrProblem = Row | { row: number; problem: LabelloopError };

/**
 * Reads a manifest: CSV (`.tsv`: by tabs) with a header, or JSON lines. Columns: `file_name` (or `path`, `image`; relative
 * to the manifest), and where there are such `label` (empty: unlabelled), `split` (train, validation, test, pool; empty:
 * train), `id` (unique; becomes the image's name).
 */
export function manifestSource(kind: 'csv' | 'jsonl', file: string): Source {
  return { kind, read: () => readEntries(file, kind === 'csv' ? readCsv(file) : readJsonLines(file)) };
}

async function* readEntries(file: string, rows: AsyncGenerator<RowOrProblem>): AsyncGenerator<Entry> {
  const rowOfId = new Map<string, number>();
  for await (const found of rows) {
    const at = place(file, found.row);
    const problem = 'problem' in found ? found.problem : problemOf(found, at, file, rowOfId);
    if (problem !== null || 'problem' in found) {
      if (problem !== null) yield { type: 'problem', file, row: found.row, problem };
      continue;
    }
    const { image = '', label = '', split = '', id } = found.values;
    const path = resolve(dirname(file), image);
    if (id) rowOfId.set(id, found.row);
    if (!(await isFile(path))) {
      yield { type: 'problem', file, row: found.row, problem: datasetErrors.imageMissing(at, image) };
      continue;
    }
    yield {
      type: 'image',
      name: id || image,
      file,
      row: found.row,
      content: { path },
      label: normalizeLabel(label),
      split: splitOf(split) ?? 'train',
    };
  }
}

function problemOf({ values }: Row, at: string, file: string, rowOfId: ReadonlyMap<string, number>) {
  const { image = '', split = '', id = '' } = values;
  const label = normalizeLabel(values.label ?? '');
  if (image === '') return datasetErrors.imageUnnamed(at, label);
  const pool = UNLABELLED.has(split.toLowerCase());
  if (split !== '' && !pool && splitOf(split) === null) return datasetErrors.splitUnknown(at, split);
  if (pool && label !== null) return datasetErrors.poolLabelled(at, label);
  const first = rowOfId.get(id);
  return first === undefined ? null : datasetErrors.idDuplicate(at, id, place(file, first));
}

async function* readCsv(file: string): AsyncGenerator<RowOrProblem> {
  const delimiter = extname(file).toLowerCase() === '.tsv' ? '\t' : ',';
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  });
  createReadStream(file)
    .on('error', (error) => parser.destroy(error))
    .pipe(parser);
  let header: string[] | null = null;
  let columns: Partial<Record<Column, string>> = {};
  try {
    for await (const { info, record } of parser as AsyncIterable<{ info: { lines: number }; record: string[] }>) {
      const row = info.lines;
      if (header === null) {
        header = record;
        columns = columnsOf(header);
        if (columns.image === undefined) throw datasetErrors.columnsUnknown(file, header);
      } else if (record.length === header.length) {
        yield { row, values: pick(columns, Object.fromEntries(header.map((name, i) => [name, record[i]]))) };
      } else {
        const cause = `${record.length} fields, the header has ${header.length}; quote fields with a '${delimiter === ',' ? delimiter : 'tab'}'`;
        yield { row, problem: datasetErrors.rowBroken(place(file, row), cause) };
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? error['lines'] : undefined;
    throw datasetErrors.fileBroken(place(file, line), error.message);
  }
  if (header === null) throw datasetErrors.columnsUnknown(file, []);
}

async function* readJsonLines(file: string): AsyncGenerator<RowOrProblem> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  let row = 0;
  for await (const line of lines) {
    row++;
    const text = row === 1 ? line.replace(/^\uFEFF/, '') : line;
    if (text.trim() === '') continue;
    const at = place(file, row);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      yield { row, problem: datasetErrors.rowBroken(at, messageOf(error)) };
      continue;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      yield { row, problem: datasetErrors.rowBroken(at, 'not a JSON object') };
      continue;
    }
    const columns = columnsOf(Object.keys(value));
    if (columns.image === undefined && row === 1) throw datasetErrors.columnsUnknown(at, Object.keys(value));
    yield { row, values: pick(columns, value as Record<string, unknown>) };
  }
}

/** Which of the found names stands for which column. */
function columnsOf(found: readonly string[]): Partial<Record<Column, string>> {
  const columns: Partial<Record<Column, string>> = {};
  for (const column of Object.keys(COLUMNS) as Column[])
    for (const known of [...COLUMNS[column]].reverse()) {
      const name = found.find((each) => each.trim().toLowerCase() === known);
      if (name !== undefined) columns[column] = name;
    }
  return columns;
}

function pick(columns: Partial<Record<Column, string>>, record: Record<string, unknown>): Row['values'] {
  const values: Row['values'] = {};
  for (const [column, name] of Object.entries(columns) as [Column, string][]) {
    const value = record[name];
    // Numbers are labels and ids too; null, and what is nested, is as good as nothing.
    if (typeof value === 'string') values[column] = value.trim();
    else if (typeof value === 'number' || typeof value === 'boolean') values[column] = String(value);
  }
  return values;
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
