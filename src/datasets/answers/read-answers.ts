import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { CsvError, parse } from 'csv-parse';
import { messageOf } from '../../contracts/errors.js';
import { place } from '../errors.js';
import { answerFileErrors } from './errors.js';
import { elementsOf } from './json-array.js';
import { annotationsOf, idOfTask, isTask, LABEL_STUDIO_ID } from './label-studio.js';
import type { AnswerFormat } from './write-tasks.js';

/** A row of an answer file as it was found; nothing of it is checked, but that it can be read. */
export interface FoundAnswer {
  /** `<file>:<row>`, or the task's number in a file of Label Studio. */
  place: string;
  id: string;
  /** As written; null: the person skipped the image; empty: not answered yet. */
  answer: string | null;
  by: string;
  at: string;
  seconds: string;
  /** Why the row as a whole can't be taken. */
  fault?: string;
}

/**
 * Names that columns may have, in any case; the first that is there is taken. The second ones are those of Label Studio's
 * flat exports, in which `id` is a number of its own.
 */
const COLUMNS = {
  id: [LABEL_STUDIO_ID, 'id'],
  answer: ['answer', 'choice'],
  by: ['by', 'annotator'],
  at: ['at', 'created_at'],
  seconds: ['seconds', 'lead_time'],
} as const;
type Column = keyof typeof COLUMNS;

/** The format of a file by its extension, null where it tells none. */
export const answerFormatOf = (file: string): AnswerFormat | null =>
  (({ '.csv': 'csv', '.tsv': 'csv', '.jsonl': 'jsonl', '.ndjson': 'jsonl', '.json': 'label-studio' }) as const)[
    extname(file).toLowerCase() as '.csv'
  ] ?? null;

/**
 * Reads an answer file, a row at a time: CSV (by commas, semicolons or tabs, as the header has them) or JSON lines with columns id, answer,
 * by, at, seconds; or what Label Studio exports (JSON with annotations, JSON_MIN; its CSV is CSV).
 *
 * @throws AUDIT_INVALID where the file as a whole can't be read
 */
export function readAnswers(file: string, format: AnswerFormat): AsyncGenerator<FoundAnswer> {
  return { csv: readCsv, jsonl: readJsonLines, 'label-studio': readLabelStudio }[format](file);
}

async function* readCsv(file: string): AsyncGenerator<FoundAnswer> {
  const parser = parse({
    bom: true,
    delimiter: await delimiterOf(file),
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
  });
  createReadStream(file)
    .on('error', (error) => parser.destroy(error))
    .pipe(parser);
  let header: string[] | null = null;
  try {
    for await (const { info, record } of parser as AsyncIterable<{ info: { lines: number }; record: string[] }>) {
      const at = place(file, info.lines);
      if (header === null) {
        header = record;
        needColumns(file, header);
      } else {
        const values = Object.fromEntries(header.map((name, i) => [name, record[i] ?? '']));
        yield record.length === header.length
          ? found(at, values)
          : { ...found(at, values), fault: `has ${record.length} fields, and the header ${header.length}` };
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw unreadable(file, error);
    throw answerFileErrors.broken(place(file, typeof error['lines'] === 'number' ? error['lines'] : undefined), error);
  }
  if (header === null) throw answerFileErrors.empty(file);
}

/** Spreadsheets write semicolons where the comma is the decimal sign. */
async function delimiterOf(file: string): Promise<string> {
  const handle = await open(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    const [header = ''] = buffer.toString('utf8', 0, bytesRead).split(/[\r\n]/);
    return ['\t', ';'].find((sign) => header.includes(sign) && !header.includes(',')) ?? ',';
  } finally {
    await handle.close();
  }
}

async function* readJsonLines(file: string): AsyncGenerator<FoundAnswer> {
  const lines = createInterface({ input: await textOf(file), crlfDelay: Number.POSITIVE_INFINITY });
  let row = 0;
  for await (const line of lines) {
    row++;
    const text = row === 1 ? line.replace(/^\uFEFF/, '') : line;
    if (text.trim() !== '') yield* parsed(place(file, row), text);
  }
}

async function* readLabelStudio(file: string): AsyncGenerator<FoundAnswer> {
  const pieces = (await textOf(file)) as AsyncIterable<string>;
  try {
    for await (const { text, number } of elementsOf(pieces)) yield* parsed(`${file}: task ${number}`, text);
  } catch (error) {
    throw error instanceof SyntaxError ? answerFileErrors.noArray(file, error) : error;
  }
}

async function textOf(file: string) {
  const handle = await open(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  return handle.createReadStream({ encoding: 'utf8' });
}

/** The answers in one JSON value: a row, or a task with the annotations of one or several people. */
function* parsed(at: string, text: string): Generator<FoundAnswer> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    yield { ...nothing(at), fault: `can't be read (${messageOf(error)})` };
    return;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    yield { ...nothing(at), fault: 'is no JSON object' };
    return;
  }
  const record = value as Record<string, unknown>;
  if (!isTask(record)) {
    yield found(at, record);
    return;
  }
  const id = idOfTask(record);
  const annotations = annotationsOf(record);
  if (annotations.length === 0) yield { ...nothing(at), id, answer: '' };
  for (const annotation of annotations) yield { place: at, id, ...annotation };
}

const nothing = (at: string): FoundAnswer => ({ place: at, id: '', answer: '', by: '', at: '', seconds: '' });

function found(at: string, record: Record<string, unknown>): FoundAnswer {
  const names = Object.keys(record);
  const get = (column: Column): string => {
    const value = record[nameOf(column, names) ?? ''];
    if (typeof value === 'string') return value.trim();
    return typeof value === 'number' ? String(value) : '';
  };
  const answer = record[nameOf('answer', names) ?? ''];
  const row = {
    place: at,
    id: get('id'),
    answer: get('answer'),
    by: get('by'),
    at: get('at'),
    seconds: get('seconds'),
  };
  return typeof answer === 'object' && answer !== null ? { ...row, fault: "has an 'answer' that is no text" } : row;
}

const nameOf = (column: Column, names: readonly string[]): string | undefined =>
  COLUMNS[column].flatMap((known) => names.filter((name) => name.trim().toLowerCase() === known))[0];

function needColumns(file: string, header: readonly string[]): void {
  const missing = (['id', 'answer'] as const).filter((column) => nameOf(column, header) === undefined);
  if (missing.length > 0) throw answerFileErrors.columnsMissing(file, missing, header);
}

const unreadable = (file: string, error: unknown): unknown =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code)
    ? answerFileErrors.unreadable(file, error)
    : error;
