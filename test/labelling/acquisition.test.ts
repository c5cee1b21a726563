import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bald, batchBald, highest } from '../../src/labelling/acquisition.js';
import { fixture } from './fixtures.js';
import type { Passes } from '../../src/labelling/acquisition.js';

const KEY = [7, 0] as const;

/** [n][passes][classes] */
const passesOf = (p: number[][][]): Passes => ({
  p: Float64Array.from(p.flat(2)),
  n: p.length,
  passes: (p[0] as number[][]).length,
  classes: (p[0] as number[][])[0]?.length as number,
});
const entropy = (p: number[]): number => p.reduce((sum, x) => sum - (x > 0 ? x * Math.log(x) : 0), 0);
const mean = (values: number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
const near = (got: number, expected: number, tolerance = 1e-12): void =>
  assert.ok(Math.abs(got - expected) <= tolerance, `${got}, expected ${expected}`);

/** I[y_A, w] as it is defined: from the probabilities of all outcomes of the items' labels. */
function jointInformation(p: number[][][], items: number[]): number {
  const [passes, classes] = [(p[0] as number[][]).length, (p[0] as number[][])[0]?.length as number];
  const outcomes = Array.from({ length: classes ** items.length }, (_, code) => {
    const likelihoods = Array.from({ length: passes }, (_, t) =>
      items.reduce(
        (product, item, i) => product * (p[item]?.[t]?.[Math.floor(code / classes ** i) % classes] as number),
        1,
      ),
    );
    return mean(likelihoods);
  });
  const known = items.reduce((sum, item) => sum + mean((p[item] as number[][]).map(entropy)), 0);
  return entropy(outcomes) - known;
}

const distribution = (classes: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 0, max: 20 }), { minLength: classes, maxLength: classes }).map((weights) => {
    const sum = weights.reduce((a, b) => a + b, 0);
    return sum === 0 ? weights.map(() => 1 / classes) : weights.map((weight) => weight / sum);
  });
const predictions = (items = 6): fc.Arbitrary<number[][][]> =>
  fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 2, max: 4 })).chain(([passes, classes]) =>
    fc.array(fc.array(distribution(classes), { minLength: passes, maxLength: passes }), {
      minLength: 1,
      maxLength: items,
    }),
  );

/** Two passes that are each sure, and disagree: their label tells the pass, ln 2. */
const DISPUTED = [
  [1, 0],
  [0, 1],
];
const [SURE, COIN] = [
  [
    [1, 0],
    [1, 0],
  ],
  [
    [0.5, 0.5],
    [0.5, 0.5],
  ],
];

describe('BALD', () => {
  it('is ln 2 where two sure passes disagree, and 0 where all agree, be it that they do not know', () => {
    const [disputed, sure, coin] = bald(passesOf([DISPUTED, SURE, COIN]));
    near(disputed as number, Math.LN2);
    assert.deepEqual([sure, coin], [0, 0]);
  });

  it('is the predictive entropy less the expected one', () => {
    const [got] = bald(
      passesOf([
        [
          [0.9, 0.1],
          [0.5, 0.5],
        ],
      ]),
    );
    near(got as number, entropy([0.7, 0.3]) - (entropy([0.9, 0.1]) + Math.LN2) / 2);
  });

  it('lies between 0 and the least of ln passes, ln classes and the predictive entropy', () => {
    fc.assert(
      fc.property(predictions(), (p) => {
        const scores = bald(passesOf(p));
        p.forEach((item, i) => {
          const predictive = entropy((item[0] as number[]).map((_, c) => mean(item.map((pass) => pass[c] as number))));
          const most = Math.min(Math.log(item.length), predictive);
          assert.ok((scores[i] as number) >= 0 && (scores[i] as number) <= most + 1e-12);
        });
      }),
    );
  });

  it('takes the highest scores, the first of equal ones', () => {
    assert.deepEqual(highest([0.1, 0.5, 0.3, 0.5], 3), [1, 3, 2]);
    assert.deepEqual(highest([0.1], 3), [0]);
  });

  it('says what does not fit where rows are missing', () => {
    assert.throws(() => bald({ p: new Float32Array(5), n: 1, passes: 2, classes: 3 }), {
      code: 'SHAPE_MISMATCH',
      message: /got 5 numbers, expected 1 rows of 6/,
    });
  });
});

describe('BatchBALD', () => {
  it('does not take an item twice over, where BALD takes both copies', () => {
    // Four passes: a and its copy tell apart the first two from the last two, b less clearly the even from the odd.
    const a = [
      [1, 0],
      [1, 0],
      [0, 1],
      [0, 1],
    ];
    const b = [
      [0.9, 0.1],
      [0.1, 0.9],
      [0.9, 0.1],
      [0.1, 0.9],
    ];
    const p = passesOf([a, a, b]);
    assert.deepEqual(highest(bald(p), 2), [0, 1]);
    const { items, gains } = batchBald(p, { size: 3, key: KEY });
    assert.deepEqual(items, [0, 2, 1]);
    near(gains[0] as number, Math.LN2);
    // b says nothing of what a says: its gain is its own information in full.
    near(gains[1] as number, bald(p)[2] as number);
    near(gains[2] as number, 0);
  });

  it("agrees with NumPy's joint entropies on the batch and its information", () => {
    for (const { p, size, items, information } of fixture<{ cases: NumPyCase[] }>('acquisition.json').cases) {
      const batch = batchBald(passesOf(p), { size, key: KEY });
      assert.deepEqual(batch.items, items);
      let sum = 0;
      batch.gains.forEach((gain, i) => near((sum += gain), information[i] as number, 1e-9));
    }
  });

  it("adds up to the batch's mutual information, and takes the item of the greatest gain in each step", () => {
    fc.assert(
      fc.property(predictions(), fc.integer({ min: 1, max: 4 }), (p, size) => {
        const { items, gains } = batchBald(passesOf(p), { size, key: KEY });
        assert.equal(items.length, Math.min(size, p.length));
        assert.equal(new Set(items).size, items.length);
        gains.forEach((gain, i) => {
          const before = items.slice(0, i);
          const known = jointInformation(p, before);
          near(gain, jointInformation(p, [...before, items[i] as number]) - known, 1e-9);
          const others = p.map((_, item) => item).filter((item) => !before.includes(item));
          for (const other of others) assert.ok(gain >= jointInformation(p, [...before, other]) - known - 1e-9);
        });
      }),
    );
  });

  it('gains ever less, and no item more than BALD gives it', () => {
    fc.assert(
      fc.property(predictions(), (p) => {
        const { items, gains } = batchBald(passesOf(p), { size: 4, key: KEY });
        const scores = bald(passesOf(p));
        gains.forEach((gain, i) => {
          assert.ok(gain <= (scores[items[i] as number] as number) + 1e-12);
          assert.ok(i === 0 || gain <= (gains[i - 1] as number) + 1e-12);
        });
      }),
    );
  });

  it('comes near the information of all outcomes with drawn ones, the same for the same key', () => {
    for (const { p, size, items, information } of fixture<{ cases: NumPyCase[] }>('acquisition.json').cases) {
      const classes = p[0]?.[0]?.length as number;
      if (classes ** (size - 1) <= DRAWN) continue;
      const batch = batchBald(passesOf(p), { size, key: KEY, outcomes: DRAWN });
      const sum = batch.gains.reduce((a, b) => a + b, 0);
      near(sum, information.at(-1) as number, 0.03);
      assert.deepEqual(batch.items.slice(0, 3), items.slice(0, 3));
      assert.deepEqual(batchBald(passesOf(p), { size, key: KEY, outcomes: DRAWN }), batch);
    }
  });
});

/** Fewer than there are once three or four items are taken. */
const DRAWN = 500;

interface NumPyCase {
  p: number[][][];
  size: number;
  items: number[];
  /** I[y_A, w] after each item. */
  information: number[];
}
