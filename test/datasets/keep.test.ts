import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RandomStream } from '../../src/contracts/random.js';
import { chooseKept } from '../../src/datasets/keep.js';
import { mapOrdered } from '../../src/datasets/ordered.js';

const labelsAndCount = fc
  .array(fc.nat(4), { minLength: 1, maxLength: 80 })
  .chain((labels) => fc.tuple(fc.constant(labels), fc.nat(labels.length), fc.nat()));

describe('chooseKept', () => {
  it('keeps as many labels as asked for, the same for the same seed', () => {
    fc.assert(
      fc.property(
        labelsAndCount,
        fc.constantFrom('balanced' as const, 'random' as const),
        ([labels, count, seed], how) => {
          const kept = chooseKept(labels, count, how, new RandomStream([seed, 0]));
          assert.equal(kept.filter(Boolean).length, count);
          assert.deepEqual(chooseKept(labels, count, how, new RandomStream([seed, 0])), kept);
        },
      ),
    );
  });

  it('balances: a class has one label less than another only where it has no more images, or for the remainder', () => {
    fc.assert(
      fc.property(labelsAndCount, ([labels, count, seed]) => {
        const kept = chooseKept(labels, count, 'balanced', new RandomStream([seed, 0]));
        const present = [...new Set(labels)];
        const keptOf = present.map((label) => labels.filter((each, i) => each === label && kept[i]).length);
        const all = present.map((label) => labels.filter((each) => each === label).length);
        const most = Math.max(...keptOf);
        keptOf.forEach((n, i) => assert.ok(n >= most - 1 || n === all[i], `${keptOf.join()} of ${all.join()}`));
      }),
    );
  });
});

describe('mapOrdered', () => {
  async function* numbers(n: number) {
    for (let i = 0; i < n; i++) yield Promise.resolve(i);
  }

  it('gives results in the order of the source, whichever is ready first, at most so many at a time', async () => {
    let running = 0;
    let most = 0;
    const slowFirst = async (i: number) => {
      most = Math.max(most, ++running);
      for (let turns = (20 - i) * 3; turns > 0; turns--) await new Promise(setImmediate);
      running--;
      return i * i;
    };
    const results = [];
    for await (const result of mapOrdered(numbers(20), 4, slowFirst)) results.push(result);
    assert.deepEqual(
      results,
      Array.from({ length: 20 }, (_, i) => i * i),
    );
    assert.equal(most, 4);
  });

  it('fails with the first failure in order and closes the source', async () => {
    let closed = false;
    async function* source() {
      try {
        yield* numbers(10);
      } finally {
        closed = true;
      }
    }
    const fail = (i: number) => (i >= 3 ? Promise.reject(new Error(`no ${i}`)) : Promise.resolve(i));
    const drain = async () => {
      for await (const result of mapOrdered(source(), 4, fail)) assert.ok(result < 3);
    };
    await assert.rejects(drain(), /no 3/);
    assert.ok(closed);
  });
});
