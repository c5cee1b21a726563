/** Floats of a vector. */
export const LANES = 4;
const FLOAT = 4;
/** Rows by rows of one step: eight sums stay in registers; with twelve or sixteen it is less than half as fast. */
const TILE = { left: 4, right: 2 } as const;

export interface Layout {
  /** Bytes from row to row, whole vectors; rows of the left side begin at address 0. */
  stride: number;
  /** Address of the right side's rows. */
  right: number;
  /** Address of the products, and bytes from one left row's products to the next one's. */
  product: number;
  pitch: number;
}

/**
 * A WebAssembly module with one function, `multiply(left, right)`: scalar products of so many left rows with so many right
 * rows, both at least 1, in the imported memory `host.memory`. It reads and writes whole tiles, so both sides need room
 * for a multiple of 4 and 2 rows. Each product is four partial sums over every fourth element, added up at the end.
 *
 * Source: WebAssembly Core Specification 2.0, section 5 (binary format).
 */
export function assembleMultiply(layout: Layout): Uint8Array {
  const body = [...declarations, ...multiply(layout), END];
  const type = [FUNCTION, ...list([[I32], [I32]]), 0];
  return Uint8Array.from([
    ...[...text('\0asm').slice(1), 1, 0, 0, 0],
    ...section(1, [type]),
    ...section(2, [[...text('host'), ...text('memory'), 2, 0, 1]]),
    ...section(3, [[0]]),
    ...section(7, [[...text('multiply'), 0, 0]]),
    ...section(10, [[...unsigned(body.length), ...body]]),
  ]);
}

type Bytes = readonly number[];

/** LEB128, as the format has its numbers. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}
function signed(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}
const list = (items: readonly Bytes[]): number[] => [...unsigned(items.length), ...items.flat()];
const text = (characters: string): number[] => list([...characters].map((c) => [c.charCodeAt(0)]));
function section(id: number, items: readonly Bytes[]): number[] {
  const content = list(items);
  return [id, ...unsigned(content.length), ...content];
}

const FUNCTION = 0x60;
const I32 = 0x7f;
const V128 = 0x7b;
const END = 0x0b;
const VECTOR = 0xfd;
const get = (local: number): number[] => [0x20, ...unsigned(local)];
const set = (local: number): number[] => [0x21, ...unsigned(local)];
const constant = (value: number): number[] => [0x41, ...signed(value)];
const loop = (body: Bytes): number[] => [0x03, 0x40, ...body, END];
/** Goes round the innermost loop again while `a` is below `b`. */
const againIfLess = (a: number, b: number): number[] => [...get(a), ...get(b), 0x49, 0x0d, 0];
const loadVector = (pointer: number, offset: number): number[] => [...get(pointer), VECTOR, 0, 4, ...unsigned(offset)];
const zeroVector = [VECTOR, 12, ...new Array<number>(16).fill(0)];
const multiplyVectors = [VECTOR, ...unsigned(0xe6)];
const addVectors = [VECTOR, ...unsigned(0xe4)];
const lane = (local: number, index: number): number[] => [...get(local), VECTOR, 0x1f, index];
const addFloats = 0x92;
const storeFloat = (offset: number): number[] => [0x38, 2, ...unsigned(offset)];
const addIntegers = 0x6a;
const multiplyIntegers = 0x6c;

const copyPlus = (target: number, from: number, step: number): number[] => [
  ...[...get(from), ...constant(step), addIntegers],
  ...set(target),
];
const advance = (local: number, step: number): number[] => copyPlus(local, local, step);

/** Locals: the two parameters, pointers in bytes, then vectors: the tile's sums, its right rows, one left row. */
const local = {
  ...{
    leftCount: 0,
    rightCount: 1,
    left: 2,
    leftEnd: 3,
    right: 4,
    rightEnd: 5,
    outRow: 6,
    out: 7,
    a: 8,
    aEnd: 9,
    b: 10,
  },
  sum: (i: number, j: number): number => 11 + i * TILE.right + j,
  rightVector: (j: number): number => 11 + TILE.left * TILE.right + j,
  leftVector: 11 + TILE.left * TILE.right + TILE.right,
};
const POINTERS = 9;
const VECTORS = TILE.left * TILE.right + TILE.right + 1;
const declarations = [2, POINTERS, I32, VECTORS, V128];

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const tile = (make: (i: number, j: number) => Bytes): number[] =>
  range(TILE.left).flatMap((i) => range(TILE.right).flatMap((j) => make(i, j)));

/** Loops over tiles of left rows, tiles of right rows, and the vectors of a row. */
function multiply({ stride, right, product, pitch }: Layout): number[] {
  const end = (count: number, begin: number): number[] => [
    ...[...get(count), ...constant(stride), multiplyIntegers],
    ...[...constant(begin), addIntegers],
  ];
  const overVectors = loop([
    ...accumulate(stride),
    ...advance(local.b, LANES * FLOAT),
    ...advance(local.a, LANES * FLOAT),
    ...againIfLess(local.a, local.aEnd),
  ]);
  const overRight = loop([
    ...tile((i, j) => [...zeroVector, ...set(local.sum(i, j))]),
    ...copyPlus(local.a, local.left, 0),
    ...copyPlus(local.aEnd, local.left, stride),
    ...copyPlus(local.b, local.right, 0),
    ...overVectors,
    ...storeSums(pitch),
    ...advance(local.out, TILE.right * FLOAT),
    ...advance(local.right, TILE.right * stride),
    ...againIfLess(local.right, local.rightEnd),
  ]);
  const overLeft = loop([
    ...[...constant(right), ...set(local.right)],
    ...copyPlus(local.out, local.outRow, 0),
    ...overRight,
    ...advance(local.outRow, TILE.left * pitch),
    ...advance(local.left, TILE.left * stride),
    ...againIfLess(local.left, local.leftEnd),
  ]);
  return [
    ...[...end(local.leftCount, 0), ...set(local.leftEnd)],
    ...[...end(local.rightCount, right), ...set(local.rightEnd)],
    ...[...constant(product), ...set(local.outRow)],
    ...overLeft,
  ];
}

/** One vector of each row of the tile: their products are added to the tile's sums. */
function accumulate(stride: number): number[] {
  return [
    ...range(TILE.right).flatMap((j) => [...loadVector(local.b, j * stride), ...set(local.rightVector(j))]),
    ...range(TILE.left).flatMap((i) => [
      ...[...loadVector(local.a, i * stride), ...set(local.leftVector)],
      ...range(TILE.right).flatMap((j) => [
        ...[...get(local.sum(i, j)), ...get(local.leftVector), ...get(local.rightVector(j))],
        ...[...multiplyVectors, ...addVectors, ...set(local.sum(i, j))],
      ]),
    ]),
  ];
}

/** Adds the lanes of each sum and stores it where its two rows meet. */
function storeSums(pitch: number): number[] {
  return tile((i, j) => {
    const sum = local.sum(i, j);
    return [
      ...get(local.out),
      ...[...lane(sum, 0), ...lane(sum, 2), addFloats],
      ...[...lane(sum, 1), ...lane(sum, 3), addFloats],
      ...[addFloats, ...storeFloat(i * pitch + j * FLOAT)],
    ];
  });
}
