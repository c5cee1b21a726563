import assert from 'node:assert/strict';
import { Desk } from '../../src/review/desk.js';
import { MemorySource } from './fixtures.js';

const answer = (id: string, by = 'anna') => ({ id, verdict: 1, by, at: '2026-01-01T00:00:00.000Z', seconds: 1 });
const ids = (questions: readonly { id: string }[]): string[] => questions.map(({ id }) => id);

describe('the desk', () => {
  it('deals no two people the same question, nor one person at two seats', async () => {
    const desk = new Desk(new MemorySource());
    const anna = await desk.next('anna', 'seat-of-anna', 5, []);
    const ben = await desk.next('ben', 'seat-of-ben', 5, []);
    const again = await desk.next('anna', 'second-of-anna', 5, []);
    assert.equal(new Set([anna, ben, again].flatMap(({ questions }) => ids(questions))).size, 15);
  });

  it('deals no question that a seat has, and keeps those for it', async () => {
    const desk = new Desk(new MemorySource());
    const have = ids((await desk.next('anna', 'seat-of-anna', 5, [])).questions);
    const more = ids((await desk.next('anna', 'seat-of-anna', 5, have)).questions);
    assert.equal(new Set([...have, ...more]).size, 10);
    // Of these ten she put two down: they are free for others.
    assert.deepEqual(await desk.next('anna', 'seat-of-anna', 0, more.slice(2)), { questions: [], withOthers: 0 });
    assert.deepEqual(ids((await desk.next('ben', 'seat-of-ben', 7, [])).questions), [...have, ...more.slice(0, 2)]);
  });

  it('says that the last ones lie before others, and deals them once those are gone', async () => {
    let now = 0;
    const desk = new Desk(new MemorySource({ images: 3 }), () => now);
    const have = ids((await desk.next('anna', 'seat-of-anna', 5, [])).questions);
    assert.deepEqual(await desk.next('ben', 'seat-of-ben', 5, []), { questions: [], withOthers: 3 });
    now += 100_000;
    await desk.next('anna', 'seat-of-anna', 5, have);
    now += 100_000;
    assert.equal((await desk.next('ben', 'seat-of-ben', 5, [])).questions.length, 0, 'she still looks');
    now += 200_000;
    assert.equal((await desk.next('ben', 'seat-of-ben', 5, [])).questions.length, 3);
  });

  it('takes the good ones of a batch, and gives the reason for each other', async () => {
    const source = new MemorySource();
    const desk = new Desk(source);
    const { questions } = await desk.next('anna', 'seat-of-anna', 2, []);
    const refused = await desk.take([...questions.map(({ id }) => answer(id)), answer('ffff')]);
    assert.deepEqual(refused, [{ id: 'ffff', reason: 'ffff is no image of this audit.' }]);
    assert.deepEqual([...source.answers.keys()], ids(questions));
  });

  it('throws what can pass, so that nothing is taken for refused', async () => {
    const source = new MemorySource();
    source.away = true;
    await assert.rejects(new Desk(source).take([answer('0'), answer('1')]), { code: 'STORE_UNAVAILABLE' });
  });

  it('reads no more of a large pool than is needed', async () => {
    const source = new MemorySource({ images: 100_000 });
    const desk = new Desk(source);
    await desk.next('anna', 'seat-of-anna', 16, []);
    await desk.next('ben', 'seat-of-ben', 16, []);
    assert.deepEqual(source.limits, [16, 32]);
  });

  it('knows the state that the last answer led to, and asks for it at most once a second otherwise', async () => {
    let now = 0;
    const source = new MemorySource();
    let asked = 0;
    const asking = source.asking.bind(source);
    source.asking = () => {
      asked++;
      return asking();
    };
    const desk = new Desk(source, () => now);
    await Promise.all([desk.asking(), desk.asking()]);
    assert.equal(asked, 1);
    const { questions } = await desk.next('anna', 'seat-of-anna', 1, []);
    await desk.take([answer(questions[0]?.id ?? '')]);
    assert.equal((await desk.asking())?.seen, 1);
    now += 2_000;
    source.away = true;
    await assert.rejects(desk.asking(), { code: 'STORE_UNAVAILABLE' });
    source.away = false;
    assert.equal((await desk.asking())?.seen, 1, 'a failure is not kept');
  });
});
