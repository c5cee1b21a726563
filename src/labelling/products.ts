import { assembleMultiply, LANES } from './multiply-kernel.js';
import type { Rows } from './rows.js';

/*
 * Products of rows with rows, the inner loop of everything that compares latents, as a WebAssembly function: JavaScript
 * has no vector instructions. On the same core it makes 28 billion multiplications a second, JavaScript .6 pair by pair
 * and 2.8 with eight sums at once. Its vectors have four lanes everywhere and multiplications are never fused with
 * additions, so that a product has the same bits on every machine, and wherever its rows stand in a block.
 */

/** Rows at most on either side of a call. */
export const LEFT = 256;
export const RIGHT = 512;
const FLOAT = 4;
const PAGE = 65_536;

/** The part of WebAssembly's JavaScript interface that is used; the compiler's library has it for browsers alone. */
declare const WebAssembly: {
  Memory: new (limits: { initial: number }) => { buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: { multiply: (left: number, right: number) => void } };
};

interface Kernel {
  left: Float32Array;
  right: Float32Array;
  product: Float32Array;
  /** Floats from row to row: the width, rounded up to whole vectors. What is beyond the width stays 0. */
  stride: number;
  multiply: (left: number, right: number) => void;
}
const kernels = new Map<number, Kernel>();

/**
 * Scalar products of up to LEFT rows of `a` with up to RIGHT rows of `b`, each from a row on, in single precision.
 *
 * @returns at [i * RIGHT + j] row `from + i` of `a` times row `otherFrom + j` of `b`. The next call overwrites it: read it
 *     before anything is awaited
 */
export function products(
  a: Rows,
  from: number,
  count: number,
  b: Rows,
  otherFrom: number,
  others: number,
): Float32Array {
  const kernel = kernelOf(a.width);
  copy(a, from, count, kernel.left, kernel.stride);
  copy(b, otherFrom, others, kernel.right, kernel.stride);
  if (count > 0 && others > 0) kernel.multiply(count, others);
  return kernel.product;
}

function copy({ data, width }: Rows, from: number, count: number, target: Float32Array, stride: number): void {
  if (width === stride) target.set(data.subarray(from * width, (from + count) * width));
  else
    for (let i = 0; i < count; i++) target.set(data.subarray((from + i) * width, (from + i + 1) * width), i * stride);
}

function kernelOf(width: number): Kernel {
  const known = kernels.get(width);
  if (known) return known;
  const stride = Math.ceil(width / LANES) * LANES;
  const [left, right] = [0, LEFT * stride * FLOAT];
  const product = right + RIGHT * stride * FLOAT;
  const bytes = product + LEFT * RIGHT * FLOAT;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
  const module = new WebAssembly.Module(
    assembleMultiply({ stride: stride * FLOAT, right, product, pitch: RIGHT * FLOAT }),
  );
  const { exports } = new WebAssembly.Instance(module, { host: { memory } });
  const kernel = {
    left: new Float32Array(memory.buffer, left, LEFT * stride),
    right: new Float32Array(memory.buffer, right, RIGHT * stride),
    product: new Float32Array(memory.buffer, product, LEFT * RIGHT),
    stride,
    multiply: exports.multiply,
  };
  kernels.set(width, kernel);
  return kernel;
}
