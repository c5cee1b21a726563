import assert from 'node:assert/strict';
import fc from 'fast-check';
import { deriveSeed, RandomStream } from '../../../src/contracts/random.js';
import { earliestLooks, judge, wanted, type GivenAnswers, type Rules } from '../../../src/labelling/audit/index.js';

function rules(changes: Partial<Rules> & { sizes: number[]; epsilon?: number }): Rules {
  const { sizes, epsilon = 0.05, ...others } = changes;
  return {
    labels: 1000,
    alpha: 0.05,
    instrument: 'looks',
    drawing: 'uniform',
    bets: others.instrument === 'betting' ? [0.95, 0.8, 0.6, 0.4, 0.2] : [],
    cuts: sizes.map((size) => {
      const most = Math.floor(epsilon * size);
      const looks = others.instrument === 'betting' ? [] : earliestLooks(size, most, 0.05, [0, 1, 4], [0.6, 0.8, 1]);
      return { size, most, looks };
    }),
    repair: { from: 1000, count: 0 },
    budget: 400,
    ...others,
  };
}

const orderOf = (size: number, seed = 1): Uint32Array =>
  new RandomStream(deriveSeed(seed, 'acquire')).shuffle(Uint32Array.from({ length: size }, (_, rank) => rank));

/** Asks one after the other until nothing is wanted. */
function ask(protocol: Rules, order: Uint32Array, wrong: (rank: number) => boolean, limit = 1): GivenAnswers {
  const audit = new Map<number, boolean>();
  const repaired = new Set<number>();
  for (;;) {
    const ranks = wanted(protocol, order, { audit, repaired }, limit);
    if (ranks.length === 0) return { audit, repaired };
    for (const rank of ranks)
      if (rank >= protocol.repair.from) repaired.add(rank);
      else audit.set(rank, !wrong(rank));
  }
}

describe('judge', () => {
  for (const instrument of ['betting', 'looks'] as const)
    describe(instrument, () => {
      it('certifies cut after cut, and stops there', () => {
        const protocol = rules({ sizes: [600, 800, 1000], instrument });
        const order = orderOf(1000);
        const given = ask(protocol, order, () => false);
        const { cuts, outcome, certified, answers } = judge(protocol, order, given);
        assert.deepEqual([outcome, certified], ['certified', 2]);
        assert.ok(
          cuts.every(
            ({ status, audited, certifiedAt }) => status === 'certified' && audited >= (certifiedAt as number),
          ),
        );
        assert.equal(answers.audit, given.audit.size);
        assert.equal(answers.left, 400 - given.audit.size);
        const first = cuts[0]?.certifiedAt as number;
        assert.equal(first, instrument === 'looks' ? protocol.cuts[0]?.looks[0]?.answers : first);
        // Widening costs the shells' labels alone, not another audit.
        assert.ok(given.audit.size < 2 * first, `${given.audit.size} answers, the first cut took ${first}`);
      });

      it('does not test a cut before the one before it is certified', () => {
        const protocol = rules({ sizes: [500, 1000], instrument, budget: 1000 });
        const order = orderOf(1000);
        // The first half is bad, the second makes up for it.
        const given = ask(protocol, order, (rank) => rank < 100);
        const everything: GivenAnswers = {
          audit: new Map(Array.from(order, (rank) => [rank, rank >= 100 || rank > 40])),
          repaired: new Set(),
        };
        for (const each of [given, everything]) {
          const { cuts, outcome, certified } = judge(protocol, order, each);
          assert.deepEqual([outcome, certified], ['failed', null]);
          assert.deepEqual(
            cuts.map(({ status }) => status),
            ['failed', 'untested'],
          );
        }
      });

      it('takes answers in draw order and no further than the first gap', () => {
        const protocol = rules({ sizes: [1000], instrument });
        const order = orderOf(1000);
        const answered = Array.from(order.subarray(0, 90), (rank) => [rank, true] as const);
        const gap = answered.filter((_, i) => i !== 40);
        const judged = judge(protocol, order, { audit: new Map(gap), repaired: new Set() });
        assert.equal(judged.cuts[0]?.audited, 40);
        assert.equal(wanted(protocol, order, { audit: new Map(gap), repaired: new Set() }, 5)[0], order[40]);
        // In whatever order they came in.
        assert.deepEqual(
          judge(protocol, order, { audit: new Map(answered), repaired: new Set() }),
          judge(protocol, order, { audit: new Map(answered.toReversed()), repaired: new Set() }),
        );
      });

      it('asks several people for no answer that it could do without', () => {
        const protocol = rules({ sizes: [700, 1000], instrument });
        const order = orderOf(1000);
        const alone = ask(protocol, order, (rank) => rank % 97 === 5);
        const together = ask(protocol, order, (rank) => rank % 97 === 5, 17);
        assert.deepEqual(judge(protocol, order, together), judge(protocol, order, alone));
        assert.deepEqual([...together.audit.keys()].toSorted(), [...alone.audit.keys()].toSorted());
      });

      it('asks for the repair first, and keeps its share of the budget', () => {
        const protocol = rules({ sizes: [900], instrument, repair: { from: 900, count: 60 }, budget: 400 });
        const order = orderOf(900);
        const none = { audit: new Map<number, boolean>(), repaired: new Set<number>() };
        assert.deepEqual(wanted(protocol, order, none, 3), [900, 901, 902]);
        assert.equal(wanted(protocol, order, none, 62).length, 60, 'nothing of the draw before all are repaired');
        const given = ask(protocol, order, () => false);
        assert.equal(given.repaired.size, 60);
        assert.equal(judge(protocol, order, given).outcome, 'certified');
        // 100 answers would do for the audit but for the repair.
        assert.equal(judge({ ...protocol, budget: 100 }, order, none).outcome, 'budget');
      });

      it('stops when the budget could not certify even if all were right', () => {
        const protocol = rules({ sizes: [1000], instrument, budget: 90 });
        const order = orderOf(1000);
        let asked = 0;
        const given = ask(protocol, order, () => asked++ < 3);
        const { outcome, answers } = judge(protocol, order, given);
        assert.equal(outcome, 'budget');
        assert.ok(answers.left > 80, `${answers.left} left`);
      });
    });

  it('counts looks at their sizes alone', () => {
    const cuts = [
      {
        size: 1000,
        most: 50,
        looks: [
          { answers: 60, allowed: 0 },
          { answers: 100, allowed: 1 },
        ],
      },
    ];
    const protocol = { ...rules({ sizes: [] }), cuts };
    const order = orderOf(1000);
    const upTo = (n: number, wrong: readonly number[]) =>
      judge(protocol, order, {
        audit: new Map(Array.from(order.subarray(0, n), (rank, i) => [rank, !wrong.includes(i)])),
        repaired: new Set(),
      }).cuts[0];
    assert.equal(upTo(59, [])?.status, 'open');
    assert.equal(upTo(60, [])?.status, 'certified');
    assert.equal(upTo(99, [3])?.status, 'open');
    assert.equal(upTo(100, [3])?.certifiedAt, 100);
    assert.equal(upTo(120, [3, 4])?.status, 'failed');
    // A certificate stays one: what is found afterwards was not part of the look.
    assert.equal(upTo(120, [70, 80])?.certifiedAt, 60);
    // Two wrong ones: no look is left that could certify, so that nothing more is asked.
    assert.equal(upTo(30, [3, 4])?.status, 'failed');
  });

  it('refuses looks for draws that prefer some labels', () => {
    const protocol = rules({ sizes: [1000], drawing: 'uncertainty' });
    assert.throws(
      () => judge(protocol, orderOf(1000), { audit: new Map(), repaired: new Set() }),
      (error: { code: string }) => error.code === 'AUDIT_INVALID',
    );
  });

  it('never goes over the budget, whatever is wrong', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('betting' as const, 'looks' as const),
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 0.2, noNaN: true }),
        fc.integer({ min: 20, max: 300 }),
        fc.integer({ min: 1, max: 20 }),
        (instrument, seed, error, budget, limit) => {
          const protocol = rules({ sizes: [400, 900], instrument, repair: { from: 900, count: 15 }, budget });
          const stream = new RandomStream(deriveSeed(seed, 'split'));
          const wrong = Array.from({ length: 900 }, () => stream.uniform() < error);
          const order = orderOf(900, seed);
          const given = ask(protocol, order, (rank) => wrong[rank] as boolean, limit);
          const { outcome } = judge(protocol, order, given);
          assert.ok(given.audit.size + given.repaired.size <= budget);
          assert.notEqual(outcome, 'open');
        },
      ),
      { numRuns: 60 },
    );
  });

  it('judges 400 answers of a million labels in a few milliseconds', () => {
    const sizes = Array.from({ length: 20 }, (_, i) => 500_000 + 25_000 * i);
    const order = orderOf(1_000_000);
    const audit = new Map(Array.from(order.subarray(0, 400), (rank) => [rank, true]));
    const protocol = rules({ sizes, instrument: 'betting', labels: 1_000_000, repair: { from: 1_000_000, count: 0 } });
    const begin = process.cpuUsage();
    for (let i = 0; i < 20; i++) judge(protocol, order, { audit, repaired: new Set() });
    const milliseconds = process.cpuUsage(begin).user / 1000 / 20;
    // Of the processor, so that a busy machine makes no difference: some 5 ms.
    assert.ok(milliseconds < 60, `${milliseconds.toFixed(1)} ms`);
  });
});
