import assert from 'node:assert/strict';
import fc from 'fast-check';
import { assignKeys, COMMAND_KEYS, meaningOf, MOST_KEYS } from '../../src/review/page/keys.js';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `class ${i}`);
const press = (key: string, more: Partial<Parameters<typeof meaningOf>[0]> = {}) =>
  meaningOf({ key, code: '', ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

describe("keys of the people's page", () => {
  it('are digits first, from 1 to 0, then letters', () => {
    assert.deepEqual(assignKeys(names(12)), [...'1234567890ab']);
  });

  it('leave a class that is called like a key its own', () => {
    assert.deepEqual(assignKeys([...'0123456789']), [...'0123456789']);
    assert.deepEqual(assignKeys(['none of them', '1', 'B']), ['2', '1', 'b']);
  });

  it('are not enough for more classes than there are keys', () => {
    assert.equal(assignKeys(names(MOST_KEYS))?.length, MOST_KEYS);
    assert.equal(assignKeys(names(MOST_KEYS + 1)), null);
  });

  it('are never given twice, whatever the classes are called', () => {
    const called = fc.oneof(fc.string({ maxLength: 2 }), fc.constantFrom(...'019azAZ'));
    fc.assert(
      fc.property(fc.array(called, { maxLength: MOST_KEYS }), (classes) => {
        const keys = assignKeys(classes) ?? [];
        assert.equal(new Set(keys).size, classes.length);
        for (const key of keys) assert.deepEqual(press(key), { class: key });
      }),
    );
  });

  it('and those of the commands don’t overlap', () => {
    for (const [command, { key }] of Object.entries(COMMAND_KEYS))
      if (command !== 'send') assert.deepEqual(press(key), { command });
  });

  it('are found on a French keyboard, where digits need Shift', () => {
    assert.deepEqual(press('&', { code: 'Digit1' }), { class: '1' });
    assert.deepEqual(press('1', { code: 'Digit1', shiftKey: true }), { class: '1' });
    // The same key with Shift is a star on an English one.
    assert.deepEqual(press('*', { code: 'Digit8', shiftKey: true }), { command: 'grid' });
  });

  it("leave the browser's own shortcuts alone", () => {
    assert.equal(press('1', { ctrlKey: true }), null);
    assert.equal(press('r', { metaKey: true }), null);
    assert.equal(press('1', { altKey: true }), null);
    assert.equal(press('Tab'), null);
  });
});
