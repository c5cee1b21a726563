import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { merkleRoot } from '../../../src/labelling/certificate/index.js';

const sha256 = (...parts: (string | Uint8Array)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** The definition of RFC 6962, 2.1, word for word. */
function byDefinition(lines: readonly string[]): Buffer {
  if (lines.length === 0) return sha256();
  if (lines.length === 1) return sha256(Buffer.of(0), lines[0] as string);
  let k = 1;
  while (2 * k < lines.length) k *= 2;
  return sha256(Buffer.of(1), byDefinition(lines.slice(0, k)), byDefinition(lines.slice(k)));
}

describe('the Merkle root', () => {
  it("is that of Certificate Transparency's test tree, and of nothing", () => {
    const hexes = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    assert.equal(
      merkleRoot(hexes.map((each) => Buffer.from(each, 'hex').toString())),
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    );
    assert.equal(merkleRoot([]), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('is that of the definition, for any number of lines', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 70 }), (lines) => {
        assert.equal(merkleRoot(lines), byDefinition(lines).toString('hex'));
      }),
    );
  });

  it('takes a stream, and no node for a leaf', () => {
    function* lines() {
      for (let i = 0; i < 1000; i++) yield `line ${i}`;
    }
    assert.equal(merkleRoot(lines()), merkleRoot([...lines()]));
    const node = Buffer.concat([sha256(Buffer.of(0), 'a'), sha256(Buffer.of(0), 'b')]).toString('latin1');
    assert.notEqual(merkleRoot([node]), merkleRoot(['a', 'b']));
  });
});
