import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type AsyncBuffer,
} from 'hyparquet';
import { ByteWriter, ParquetWriter, type ColumnSource, type SchemaElement } from 'hyparquet-writer';
import { storeErrors } from './errors.js';
import type { AnyColumnType, TableSpec } from './table-specs.js';

/** A shard's worth of rows: what one step of a reader or writer holds. */
const GROUP_ROWS = 4096;

type Rows<Row> = Iterable<Row> | AsyncIterable<Row>;

/** A table as the bytes of a Parquet file. Equal rows give equal bytes. */
export function encodeTable<Row extends object>(spec: TableSpec<Row>, rows: Iterable<Row>): Uint8Array {
  const encoder = new Encoder(spec);
  const parts = [...groupsOf(rows)].map((group) => encoder.group(group));
  return Buffer.concat([...parts, encoder.end()]);
}

/** A Parquet file in pieces, a row group each: for tables that should not be in memory as a whole. */
export async function* encodeTableStream<Row extends object>(
  spec: TableSpec<Row>,
  rows: Rows<Row>,
): AsyncGenerator<Uint8Array> {
  const encoder = new Encoder(spec);
  let group: Row[] = [];
  for await (const row of rows) {
    group.push(row);
    if (group.length < GROUP_ROWS) continue;
    yield encoder.group(group);
    group = [];
  }
  if (group.length > 0) yield encoder.group(group);
  yield encoder.end();
}

/** Writes a table to a file, a row group at a time. */
export async function writeTable<Row extends object>(
  path: string,
  spec: TableSpec<Row>,
  rows: Rows<Row>,
): Promise<void> {
  await pipeline(encodeTableStream(spec, rows), createWriteStream(path));
}

/** All rows of a table. */
export async function decodeTable<Row extends object>(
  spec: TableSpec<Row>,
  source: Uint8Array | string,
): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const group of readGroups(spec, source)) for (const row of group) rows.push(row);
  return rows;
}

/** The rows of a table, one after the other; a row group is in memory at a time. */
export async function* readRows<Row extends object>(
  spec: TableSpec<Row>,
  source: Uint8Array | string,
): AsyncGenerator<Row> {
  for await (const group of readGroups(spec, source)) yield* group;
}

/**
 * The rows of a table, a row group at a time.
 *
 * @param source bytes of the file, or its path
 * @throws FORMAT_UNKNOWN where it is no Parquet file or has other columns
 */
export async function* readGroups<Row extends object>(
  spec: TableSpec<Row>,
  source: Uint8Array | string,
): AsyncGenerator<Row[]> {
  const { file, metadata, absent } = await openTable(spec, source);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = (await parquetReadObjects({ file, metadata, rowStart, rowEnd })) as Row[];
    yield filled(rows, absent);
    rowStart = rowEnd;
  }
}

/**
 * The row at a position, null past the end; only its row group is read.
 *
 * @throws FORMAT_UNKNOWN as `readGroups` does
 */
export async function readRow<Row extends object>(
  spec: TableSpec<Row>,
  source: Uint8Array | string,
  position: number,
): Promise<Row | null> {
  const { file, metadata, absent } = await openTable(spec, source);
  if (position >= Number(metadata.num_rows)) return null;
  const rows = (await parquetReadObjects({ file, metadata, rowStart: position, rowEnd: position + 1 })) as Row[];
  return filled(rows, absent)[0] ?? null;
}

/**
 * Some columns of a table, a row group at a time; the others are not read.
 *
 * @throws FORMAT_UNKNOWN as `readGroups` does
 */
export async function* readColumns<Row extends object, Name extends keyof Row & string>(
  spec: TableSpec<Row>,
  source: Uint8Array | string,
  columns: readonly Name[],
): AsyncGenerator<Pick<Row, Name>[]> {
  const { file, metadata } = await openTable(spec, source);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    yield (await parquetReadObjects({ file, metadata, columns: [...columns], rowStart, rowEnd })) as Pick<Row, Name>[];
    rowStart = rowEnd;
  }
}

async function openTable<Row extends object>(spec: TableSpec<Row>, source: Uint8Array | string) {
  const place = typeof source === 'string' ? source : `table of ${source.length} bytes`;
  const file = typeof source === 'string' ? await asyncBufferFromFile(source) : asyncBufferOf(source);
  const metadata = await parquetMetadataAsync(file).catch((error: unknown) => {
    throw storeErrors.format(place, `a Parquet file of ${spec.name}`, error);
  });
  const columns = Object.keys(spec.columns);
  const found = parquetSchema(metadata).children.map((child) => child.element.name);
  const absent = Object.entries(spec.absent ?? {}).filter(([name]) => !found.includes(name));
  const expected = columns.filter((name) => !absent.some(([other]) => other === name));
  if (expected.join() !== found.join())
    throw storeErrors.format(place, `${spec.name} with columns ${columns.join(', ')}; it has ${found.join(', ')}`);
  return { file, metadata, absent };
}

/** Rows with what stands for the columns that an earlier version's file lacks. */
function filled<Row extends object>(rows: Row[], absent: readonly [string, unknown][]): Row[] {
  for (const [name, value] of absent) for (const row of rows) Object.assign(row, { [name]: value });
  return rows;
}

/** Writes row groups into one buffer that is taken away after each. */
class Encoder<Row extends object> {
  private readonly writer = new ByteWriter();
  private readonly parquet: ParquetWriter;
  private readonly columns: [string, AnyColumnType][];

  constructor(spec: TableSpec<Row>) {
    this.columns = Object.entries<AnyColumnType>(spec.columns);
    const schema = [{ name: 'root', num_children: this.columns.length }, ...this.columns.flatMap(schemaOf)];
    this.parquet = new ParquetWriter({ writer: this.writer, schema, createdBy: 'labelloop' });
  }

  group(rows: readonly Row[]): Uint8Array {
    const columnData = this.columns.map(([name, type]) => ({ name, data: columnOf(rows, name as keyof Row, type) }));
    void this.parquet.write({ columnData, rowGroupSize: GROUP_ROWS });
    return this.take();
  }

  end(): Uint8Array {
    void this.parquet.finish();
    return this.take();
  }

  // `offset` counts on, since the footer points into the whole file; `index` alone is the buffer's.
  private take(): Uint8Array {
    const bytes = this.writer.getBytes().slice();
    this.writer.index = 0;
    return bytes;
  }
}

function schemaOf([name, type]: [string, AnyColumnType]): SchemaElement[] {
  const repetition_type = 'REQUIRED';
  switch (type) {
    case 'string':
      return [{ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type }];
    case 'int32':
      return [{ name, type: 'INT32', repetition_type }];
    case 'float':
      return [{ name, type: 'FLOAT', repetition_type }];
    case 'boolean':
      return [{ name, type: 'BOOLEAN', repetition_type }];
    case 'float[]':
      return [
        { name, converted_type: 'LIST', repetition_type, num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', type: 'FLOAT', repetition_type },
      ];
  }
}

function columnOf<Row>(rows: readonly Row[], name: keyof Row, type: AnyColumnType): ColumnSource['data'] {
  if (type === 'int32') return Int32Array.from(rows, (row) => row[name] as number);
  if (type === 'float') return Float32Array.from(rows, (row) => row[name] as number);
  return rows.map((row) => row[name]);
}

function* groupsOf<Row>(rows: Iterable<Row>): Generator<Row[]> {
  let group: Row[] = [];
  for (const row of rows) {
    group.push(row);
    if (group.length < GROUP_ROWS) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

function asyncBufferOf(bytes: Uint8Array): AsyncBuffer {
  return {
    byteLength: bytes.length,
    slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
}
