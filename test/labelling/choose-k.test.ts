import assert from 'node:assert/strict';
import { deriveSeed } from '../../src/contracts/random.js';
import { chooseK } from '../../src/labelling/choose-k.js';
import { classesWithLooks } from './clusters.js';

const key = deriveSeed(1, 'cluster', 1);

describe('the number of clusters', () => {
  it('is judged by distances in rows that the centroids were not fitted to', async () => {
    // Two unit vectors, 40 of each, at right angles: one cluster leaves their halves about 1/2 a row, two leave 0.
    const rows = {
      data: Float32Array.from({ length: 160 }, (_, at) => Number(at % 4 === 0 || at % 4 === 3)),
      n: 80,
      width: 2,
    };
    const { k, criterion } = await chooseK(rows, 1, key);
    assert.equal(k, 2);
    assert.deepEqual(criterion[1], { k: 2, value: 0 });
    // Halves need not have 20 of each: 1/4 + (share - 1/2)^2 and so on, for shares near 1/2.
    assert.ok(Math.abs(criterion[0]!.value - 0.5) < 0.05);
  });

  for (const [looks, apart] of [
    [1, 0],
    [3, 0.7],
    [6, 0.8],
  ] as const)
    it(`is that of the groups there are, for ${looks} look(s) a class`, async () => {
      const rows = classesWithLooks({ n: 4000, width: 32, classes: 8, looks, apart, spread: 0.3, seed: looks });
      const { k, criterion } = await chooseK(rows, 8, key);
      assert.equal(k, 8 * looks, JSON.stringify(criterion));
    });

  it('is one a class where rows have no groups', async () => {
    const rows = classesWithLooks({ n: 2000, width: 32, classes: 1, looks: 1, apart: 0, spread: 0.5, seed: 4 });
    assert.equal((await chooseK(rows, 5, key)).k, 5);
  });

  it('lies between one and ten a class, ascending in what is reported, and is the same for the same key', async () => {
    const rows = classesWithLooks({ n: 3000, width: 8, classes: 5, looks: 2, apart: 0.5, spread: 0.3, seed: 5 });
    const chosen = await chooseK(rows, 5, key);
    assert.deepEqual(await chooseK(rows, 5, key), chosen);
    assert.deepEqual(
      chosen.criterion.map(({ k }) => k),
      [5, 8, 10, 15, 20, 30, 40, 50],
    );
    assert.ok(chosen.criterion.some(({ k }) => k === chosen.k));
    assert.ok(chosen.criterion.every(({ value }) => value > 0 && value < 1));
  });

  it('stays below a fortieth of the rows, and with few rows at one a class or a row of a half each', async () => {
    const of = async (n: number) =>
      (await chooseK(classesWithLooks({ n, width: 4, classes: 5, looks: 1, apart: 0, spread: 0.1, seed: 6 }), 5, key))
        .criterion;
    assert.equal(Math.max(...(await of(400)).map(({ k }) => k)), 10);
    assert.deepEqual(
      (await of(60)).map(({ k }) => k),
      [5],
    );
    assert.deepEqual(
      (await of(3)).map(({ k }) => k),
      [2],
    );
    assert.deepEqual(await of(1), [{ k: 1, value: 0 }]);
  });
});
