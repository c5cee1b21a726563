import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LabelloopError } from '../../src/contracts/errors.js';
import { decodeSafetensors, encodeSafetensors, tensorNamed } from '../../src/contracts/safetensors.js';
import type { StoredTensor } from '../../src/contracts/safetensors.js';

const unknown = (error: unknown) => error instanceof LabelloopError && error.code === 'FORMAT_UNKNOWN';

const tensor: fc.Arbitrary<StoredTensor> = fc.oneof(
  fc.float32Array({ maxLength: 20 }).map((data) => ({ dtype: 'F32' as const, shape: [data.length], data })),
  fc.int32Array({ maxLength: 20 }).map((data) => ({ dtype: 'I32' as const, shape: [1, data.length], data })),
  fc.uint8Array({ maxLength: 20 }).map((data) => ({ dtype: 'U8' as const, shape: [data.length, 1], data })),
);
const name = fc
  .string({ minLength: 1, maxLength: 8 })
  .filter((text) => text !== '__metadata__' && text !== '__proto__');

/** A file by hand: header text and body. */
function file(header: unknown, body: number[] = []): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = Buffer.alloc(8 + json.length + body.length);
  bytes.writeBigUInt64LE(BigInt(json.length));
  json.copy(bytes, 8);
  bytes.set(body, 8 + json.length);
  return bytes;
}

describe('safetensors', () => {
  it('reads what it wrote, from any position in a buffer', () => {
    fc.assert(
      fc.property(fc.dictionary(name, tensor, { noNullPrototype: true }), fc.nat(9), (tensors, shift) => {
        const bytes = encodeSafetensors(tensors, { format: 'test', other: 'é' });
        const shifted = new Uint8Array(bytes.length + shift);
        shifted.set(bytes, shift);
        const read = decodeSafetensors(shifted.subarray(shift));
        assert.deepEqual({ ...read.tensors }, { ...tensors });
        assert.deepEqual(read.metadata, { format: 'test', other: 'é' });
      }),
    );
  });

  it('gives the same bytes whatever order the tensors come in', () => {
    const a: StoredTensor = { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) };
    const b: StoredTensor = { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) };
    const once = encodeSafetensors({ a, b }, { x: '1', y: '2' });
    assert.deepEqual(encodeSafetensors({ b, a }, { y: '2', x: '1' }), once);
  });

  it('lays bytes out as the format says', () => {
    const bytes = encodeSafetensors({ w: { dtype: 'F32', shape: [1], data: Float32Array.of(1) } });
    const length = Number(Buffer.from(bytes).readBigUInt64LE());
    assert.equal(length % 8, 0);
    const header = Buffer.from(bytes.subarray(8, 8 + length)).toString();
    assert.equal(header.trimEnd(), '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}');
    assert.deepEqual([...bytes.subarray(8 + length)], [0, 0, 0x80, 0x3f]);
  });

  it('aligns every tensor to its element', () => {
    const bytes = encodeSafetensors({
      a: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
      b: { dtype: 'I32', shape: [1], data: Int32Array.of(7) },
    });
    const header = Buffer.from(bytes.subarray(8, 8 + Number(Buffer.from(bytes).readBigUInt64LE()))).toString();
    assert.match(header, /"b":\{[^}]*"data_offsets":\[0,4\]/);
  });

  it('refuses a shape that does not fit the data', () => {
    assert.throws(
      () => encodeSafetensors({ w: { dtype: 'F32', shape: [3], data: new Float32Array(2) } }),
      (error) => error instanceof LabelloopError && error.code === 'SHAPE_MISMATCH',
    );
  });

  it('refuses every truncation and every byte too many', () => {
    const bytes = encodeSafetensors({ w: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } });
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => decodeSafetensors(bytes.subarray(0, length)), unknown, `${length} bytes`);
    assert.throws(() => decodeSafetensors(Buffer.concat([bytes, Buffer.from([0])])), unknown);
  });

  it('refuses headers that lie', () => {
    const entry = (fields: object) => ({ w: { dtype: 'U8', shape: [2], data_offsets: [0, 2], ...fields } });
    assert.doesNotThrow(() => decodeSafetensors(file(entry({}), [1, 2])));
    for (const header of [
      'not json',
      [],
      { w: 1 },
      entry({ dtype: 'F64' }),
      entry({ dtype: 'toString' }),
      entry({ shape: [3] }),
      entry({ shape: [-1, -2] }),
      entry({ shape: 'two' }),
      entry({ data_offsets: [1, 3] }),
      entry({ data_offsets: [2, 0] }),
      entry({ data_offsets: [0] }),
      { ...entry({}), v: { dtype: 'U8', shape: [2], data_offsets: [0, 2] } },
      { __metadata__: { a: 1 }, ...entry({}) },
    ])
      assert.throws(() => decodeSafetensors(file(header, [1, 2])), unknown, JSON.stringify(header));
  });

  it('names the tensor that a reader misses', () => {
    const read = decodeSafetensors(encodeSafetensors({ w: { dtype: 'U8', shape: [1], data: Uint8Array.of(1) } }));
    assert.deepEqual([...tensorNamed(read, 'w', 'U8').data], [1]);
    assert.throws(() => tensorNamed(read, 'w', 'F32'), unknown);
    assert.throws(() => tensorNamed(read, 'v', 'U8'), unknown);
  });
});
