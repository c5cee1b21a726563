import assert from 'node:assert/strict';
import fc from 'fast-check';
import { nextAlpha, totalAlphaOf, withinAlpha } from '../../../src/labelling/audit/index.js';

const spentAll = (error: { code: string; message: string }) =>
  error.code === 'AUDIT_INVALID' && error.message.includes('spending');

describe('alpha ledger', () => {
  it('gives all to a single audit, and nothing to another', () => {
    assert.equal(nextAlpha('single', 0.05, []), 0.05);
    assert.throws(() => nextAlpha('single', 0.05, [0.05]), spentAll);
    assert.throws(() => nextAlpha('single', 0.05, [0.025]), spentAll);
  });

  it('gives 1 / (t (t + 1)) of it to audit t of a series, for ever within the total', () => {
    const opened: number[] = [];
    for (let audit = 1; audit <= 1000; audit++) opened.push(nextAlpha('series', 0.05, opened));
    assert.deepEqual(
      opened.slice(0, 3).map((alpha) => alpha.toFixed(5)),
      ['0.02500', '0.00833', '0.00417'],
    );
    assert.ok(withinAlpha(0.05, opened));
    assert.ok(!withinAlpha(0.05, [...opened, 0.025]));
  });

  it('refuses a series after a single audit has spent all', () => {
    assert.throws(() => nextAlpha('series', 0.05, [0.05]), spentAll);
  });

  it('gives each class the same, to the last one, and nothing after it', () => {
    for (const classes of [2, 3, 7, 10, 43, 100, 1000]) {
      const opened: number[] = [];
      for (let audit = 0; audit < classes; audit++) opened.push(nextAlpha('classes', 0.05, opened, classes));
      assert.ok(opened.every((alpha) => alpha === 0.05 / classes));
      assert.ok(withinAlpha(0.05, opened));
      assert.throws(() => nextAlpha('classes', 0.05, opened, classes), spentAll);
    }
  });

  it('never gives more than the total, however spending is mixed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('single' as const, 'series' as const, 'classes' as const), { maxLength: 60 }),
        fc.integer({ min: 1, max: 50 }),
        (spendings, classes) => {
          const opened: number[] = [];
          for (const spending of spendings)
            try {
              opened.push(nextAlpha(spending, 0.05, opened, classes));
            } catch (error) {
              assert.ok(spentAll(error as { code: string; message: string }));
            }
          assert.ok(withinAlpha(0.05, opened));
        },
      ),
    );
  });

  it('takes 1 - confidence without the dust of the subtraction', () => {
    assert.equal(totalAlphaOf(0.95), 0.05);
    assert.equal(totalAlphaOf(0.9), 0.1);
  });
});
