import assert from 'node:assert/strict';
import { Outbox, type Kept } from '../../src/review/page/outbox.js';
import type { AnswersReply, GivenAnswer } from '../../src/review/wire.js';
import { until } from '../support/wait.js';

const answer = (id: string, at = '2026-01-01T00:00:00.000Z'): GivenAnswer => ({
  id,
  verdict: 1,
  by: 'anna',
  at,
  seconds: 1,
});

/** A browser's storage. */
class Storage implements Kept {
  readonly items = new Map<string, string>();
  get length(): number {
    return this.items.size;
  }
  key = (index: number): string | null => [...this.items.keys()][index] ?? null;
  getItem = (key: string): string | null => this.items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.items.set(key, value);
  removeItem = (key: string): void => void this.items.delete(key);
}

function outbox(kept: Kept | null = new Storage(), by: string | null = null) {
  const server = { away: false, sent: [] as string[][], refused: [] as string[] };
  const box = new Outbox({
    run: 'r',
    kept,
    by,
    async send(answers): Promise<AnswersReply> {
      await Promise.resolve();
      if (server.away) throw new TypeError('Failed to fetch');
      server.sent.push(answers.map(({ id }) => id));
      const refused = answers.filter(({ id }) => id === 'bad').map(({ id }) => ({ id, reason: 'no such image' }));
      return { taken: [], refused, progress: null };
    },
    onChange: () => undefined,
    onRefused: (refused) => server.refused.push(...refused.map(({ id }) => id)),
  });
  return { box, server, kept };
}

describe('the outbox of answers', () => {
  it('holds the newest answer back, and sends the one before it', async () => {
    const { box, server } = outbox();
    box.give(answer('a'));
    box.give(answer('b'));
    await until('a is sent', () => server.sent.length > 0);
    assert.deepEqual(server.sent, [['a']]);
    assert.equal(box.undoable?.id, 'b');
    assert.equal(box.undo()?.id, 'b');
    box.flush();
    assert.equal(box.pending, 0);
    assert.deepEqual(server.sent, [['a']]);
  });

  it('keeps an answer in the storage until the server has it, and no longer', async () => {
    const kept = new Storage();
    const { box, server } = outbox(kept);
    server.away = true;
    box.give(answer('a'));
    box.flush();
    await until('it has failed', () => box.offline);
    assert.deepEqual([...kept.items.keys()], ['labelloop.review/r/anna/a']);
    server.away = false;
    await until('it is sent again by itself', () => server.sent.length > 0);
    await until('nothing is pending', () => box.pending === 0);
    assert.equal(kept.items.size, 0);
    assert.equal(box.offline, false);
  });

  it('forgets an answer that is taken back', () => {
    const kept = new Storage();
    const { box } = outbox(kept);
    box.give(answer('a'));
    assert.equal(kept.items.size, 1);
    box.undo();
    assert.equal(kept.items.size, 0);
    assert.equal(box.undo(), null);
  });

  it('sends what a page that died left behind, but not what another still holds back', async () => {
    const kept = new Storage();
    const now = Date.parse('2026-01-01T01:00:00.000Z');
    outbox(kept).box.giveAll([]);
    for (const one of [answer('old'), answer('new', '2026-01-01T00:59:55.000Z')])
      kept.setItem(`labelloop.review/r/anna/${one.id}`, JSON.stringify(one));
    kept.setItem('labelloop.review/r/anna/torn', '{"id":');
    kept.setItem('labelloop.review/another/anna/x', JSON.stringify(answer('x')));
    const { box, server } = outbox(kept);
    box.adopt(now);
    await until('it is sent', () => server.sent.length > 0);
    assert.deepEqual(server.sent, [['old']]);
    assert.deepEqual([...kept.items.keys()], ['labelloop.review/r/anna/new', 'labelloop.review/another/anna/x']);
  });

  it('sends two people’s answers to one image, but none under another’s name', async () => {
    const kept = new Storage();
    for (const by of ['anna', 'ben'])
      kept.setItem(`labelloop.review/r/${by}/a`, JSON.stringify({ ...answer('a'), by }));
    const now = Date.parse('2026-01-01T01:00:00.000Z');
    const { box, server } = outbox(kept, 'ben');
    box.adopt(now);
    await until('his is sent', () => server.sent.length > 0);
    assert.deepEqual([...kept.items.keys()], ['labelloop.review/r/anna/a']);
    kept.setItem('labelloop.review/r/ben/a', JSON.stringify({ ...answer('a'), by: 'ben' }));
    const both = outbox(kept);
    both.box.adopt(now);
    await until('both are sent', () => both.box.pending === 0);
    assert.deepEqual(both.server.sent, [['a', 'a']]);
  });

  it('sends at most 50 at once, in the order in which they were given', async () => {
    const { box, server } = outbox();
    box.giveAll(Array.from({ length: 120 }, (_, i) => answer(`i${i}`)));
    await until('all are sent', () => box.pending === 0);
    assert.deepEqual(
      server.sent.map(({ length }) => length),
      [50, 50, 20],
    );
    assert.equal(server.sent[1]?.[0], 'i50');
  });

  it('tells of an answer that was refused, and keeps it no longer', async () => {
    const kept = new Storage();
    const { box, server } = outbox(kept);
    box.giveAll([answer('good'), answer('bad')]);
    await until('both are gone', () => box.pending === 0);
    assert.deepEqual(server.refused, ['bad']);
    assert.equal(kept.items.size, 0);
  });

  it('works where the browser keeps nothing, or its storage is full', async () => {
    const full = new Storage();
    full.setItem = () => {
      throw new Error('QuotaExceededError');
    };
    for (const kept of [null, full]) {
      const { box, server } = outbox(kept);
      box.give(answer('a'));
      box.flush();
      await until('it is sent', () => server.sent.length > 0);
    }
  });
});
