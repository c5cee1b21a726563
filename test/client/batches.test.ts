import assert from 'node:assert/strict';
import fc from 'fast-check';
import { batches } from '../../src/client/batches.js';

describe('batches of answers', () => {
  it('makes messages of at most 100 answers and less than 16 KiB, and loses none', () => {
    const answer = fc.record({
      id: fc.string({ minLength: 32, maxLength: 32 }),
      verdict: fc.constant('unsure' as const),
      by: fc.string({ unit: 'grapheme', maxLength: 100 }),
      at: fc.constant('2026-01-02T03:04:05.000Z'),
      seconds: fc.constant(2.5),
    });
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 400 }), (answers) => {
        const made = [...batches(answers)];
        assert.deepEqual(made.flat(), answers);
        for (const batch of made) {
          assert.ok(batch.length > 0 && batch.length <= 100);
          assert.ok(Buffer.byteLength(JSON.stringify({ answers: batch })) < 16_384);
        }
      }),
    );
  });
});
