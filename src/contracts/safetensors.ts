import { problem } from './errors.js';

/**
 * The safetensors format: 8 bytes little-endian header length, a JSON header of name -> {dtype, shape, data_offsets},
 * then the tensors' bytes without gaps, little-endian, row-major. Any safetensors reader opens what is written here.
 *
 * Source: the format's own description, https://github.com/huggingface/safetensors#format.
 */
const TYPES = { F32: Float32Array, I32: Int32Array, U8: Uint8Array } as const;
export type TensorType = keyof typeof TYPES;

interface Arrays {
  F32: Float32Array;
  I32: Int32Array;
  U8: Uint8Array;
}
type TensorOf<T extends TensorType> = { dtype: T; shape: number[]; data: Arrays[T] };
export type StoredTensor = { [T in TensorType]: TensorOf<T> }[TensorType];

export interface TensorFile {
  tensors: Record<string, StoredTensor>;
  metadata: Record<string, string>;
}

/** The format's own limit; a longer header is damage. */
const HEADER_LIMIT = 100_000_000;

const elements = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);
const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Bytes of a safetensors file. The same tensors and metadata give the same bytes: names are sorted within the widest
 * element type first, so that every tensor is aligned to its own element, and the header is padded to 8 bytes.
 *
 * @throws SHAPE_MISMATCH where a shape does not fit its data
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0)
    header['__metadata__'] = Object.fromEntries(Object.entries(metadata).sort(byName));
  const entries = Object.entries(tensors).sort(
    (a, b) => b[1].data.BYTES_PER_ELEMENT - a[1].data.BYTES_PER_ELEMENT || byName(a, b),
  );
  let end = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    if (elements(shape) !== data.length)
      throw problem('SHAPE_MISMATCH', `tensor '${name}': shape [${shape.join(', ')}] for ${data.length} elements.`);
    header[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, 8, 8 + length);
  bytes.set(json, 8);
  let offset = 8 + length;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

const damaged = (what: string, cause?: unknown) =>
  problem('FORMAT_UNKNOWN', `not a whole safetensors file: ${what}. Make the file again, or take another copy.`, cause);

/**
 * Reads a safetensors file. The tensors are copies, so the file's bytes can be let go.
 *
 * @throws FORMAT_UNKNOWN where the header is not one, an element type is not F32, I32 or U8, or offsets and sizes
 * contradict each other or the length of the file
 */
export function decodeSafetensors(bytes: Uint8Array): TensorFile {
  if (bytes.length < 8) throw damaged(`${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > HEADER_LIMIT || 8 + length > bytes.length)
    throw damaged(`a header of ${length} bytes in ${bytes.length}`);
  const header = parseHeader(bytes.subarray(8, 8 + length));
  const body = bytes.subarray(8 + length);
  const file: TensorFile = { tensors: {}, metadata: {} };
  const spans: [number, number][] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      file.metadata = readMetadata(entry);
      continue;
    }
    const { dtype, shape, start, end } = readEntry(name, entry);
    const type = TYPES[dtype];
    if (end > body.length || end - start !== elements(shape) * type.BYTES_PER_ELEMENT)
      throw damaged(`tensor '${name}' at ${start} to ${end} of ${body.length}, shape [${shape.join(', ')}]`);
    spans.push([start, end]);
    // Uint8Array.from copies where a Buffer's slice would not, and the copy is aligned.
    const data = new type(Uint8Array.from(body.subarray(start, end)).buffer);
    file.tensors[name] = { dtype, shape, data } as StoredTensor;
  }
  let covered = 0;
  for (const [start, end] of spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (start !== covered) throw damaged(`a gap or an overlap at ${start}`);
    covered = end;
  }
  if (covered !== body.length) throw damaged(`${body.length - covered} bytes after the last tensor`);
  return file;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw damaged('the header is not JSON', error);
  }
  if (!isObject(header)) throw damaged('the header is not an object');
  return header;
}

function readMetadata(entry: unknown): Record<string, string> {
  if (!isObject(entry) || Object.values(entry).some((value) => typeof value !== 'string'))
    throw damaged('the metadata is not text');
  return entry as Record<string, string>;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function readEntry(name: string, entry: unknown): { dtype: TensorType; shape: number[]; start: number; end: number } {
  if (!isObject(entry)) throw damaged(`tensor '${name}' has no description`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(TYPES, dtype))
    throw damaged(`tensor '${name}' has element type ${JSON.stringify(dtype)}, not F32, I32 or U8`);
  if (!Array.isArray(shape) || !shape.every(isCount)) throw damaged(`tensor '${name}' has no shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw damaged(`tensor '${name}' has no offsets`);
  return { dtype: dtype as TensorType, shape, start: offsets[0] as number, end: offsets[1] as number };
}

/**
 * A tensor of a decoded file, of the element type that the reader expects.
 *
 * @throws FORMAT_UNKNOWN where it is missing or of another type
 */
export function tensorNamed<T extends TensorType>(file: TensorFile, name: string, dtype: T): TensorOf<T> {
  const tensor = file.tensors[name];
  if (tensor?.dtype !== dtype) throw problem('FORMAT_UNKNOWN', `no ${dtype} tensor '${name}' in the file.`);
  return tensor as TensorOf<T>;
}
