import assert from 'node:assert/strict';
import { nextFor } from '../../src/client/queue.js';
import type { DueFile } from '../../src/contracts/audit-stages.js';

const places = (name: string, n: number) => Array.from({ length: n }, (_, i) => ({ id: `${name}${i}`, position: i }));
const file = (changes: Partial<DueFile> = {}): DueFile => ({
  format: 'labelloop.due/1',
  seen: 0,
  due: places('audit', 200),
  seconds: places('second', 50).map((place) => ({ ...place, by: 'ann' })),
  open: places('open', 300),
  people: [],
  ...changes,
});
const kind = ({ id }: { id: string }): string => id.replace(/\d+$/, '');

describe('the next images for a person', () => {
  it('are mixed: mostly what the audit needs, some for a second person, some that the run asks', () => {
    const counts = new Map<string, number>();
    for (const asked of nextFor('bob', 100, file())) counts.set(kind(asked), (counts.get(kind(asked)) ?? 0) + 1);
    assert.ok((counts.get('audit') ?? 0) > 55, JSON.stringify([...counts]));
    assert.ok((counts.get('second') ?? 0) > 2 && (counts.get('open') ?? 0) > 8, JSON.stringify([...counts]));
  });

  it('of the audit come in draw order to one who is alone', () => {
    const audit = nextFor('bob', 100, file()).filter((asked) => kind(asked) === 'audit');
    assert.deepEqual(
      audit.map(({ id }) => id),
      places('audit', audit.length).map(({ id }) => id),
    );
  });

  it('differ between people who answer at once', () => {
    const due = file({ seconds: [], people: ['ann', 'bob', 'cy'] });
    const lists = ['ann', 'bob', 'cy'].map((by) => nextFor(by, 30, due).map(({ id }) => id));
    assert.equal(new Set(lists.flat()).size, 90);
  });

  it('never bring an image back to who answered it, and bring the last ones to anybody', () => {
    assert.ok(nextFor('ann', 500, file()).every(({ again }) => !again));
    const last = file({ due: places('audit', 3), seconds: [], open: [], people: ['ann', 'bob'] });
    assert.equal(nextFor('ann', 10, last).length, 3);
  });
});
