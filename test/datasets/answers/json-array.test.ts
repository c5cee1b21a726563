import assert from 'node:assert/strict';
import fc from 'fast-check';
import { elementsOf } from '../../../src/datasets/answers/json-array.js';
import { collect } from './support.js';

async function* cut(text: string, size: number): AsyncGenerator<string> {
  for (let i = 0; i < text.length; i += size) yield await Promise.resolve(text.slice(i, i + size));
}
const elements = async (text: string, size: number): Promise<string[]> =>
  (await collect(elementsOf(cut(text, size)))).map((element) => element.text);

describe('elementsOf', () => {
  it('gives what JSON.parse gives, however the text is cut and spaced', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.json()), fc.integer({ min: 1, max: 9 }), fc.nat(4), async (parts, size, space) => {
        const value = parts.map((part) => JSON.parse(part) as unknown);
        const found = await elements(JSON.stringify(value, null, space), size);
        assert.deepEqual(
          found.map((text) => JSON.parse(text) as unknown),
          value,
        );
      }),
    );
  });

  for (const wrong of ['', '  ', '{}', '[1', '[1,,2]', '[,1]', '[1] 2', '["a'])
    it(`refuses ${JSON.stringify(wrong)}`, () => assert.rejects(elements(wrong, 3), SyntaxError));

  it('holds one element at a time', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<string> {
      yield '[';
      for (;;) {
        read++;
        yield await Promise.resolve('{"a":"]"},');
      }
    }
    for await (const { number } of elementsOf(endless())) if (number === 5) break;
    assert.ok(read <= 6, String(read));
  });
});
