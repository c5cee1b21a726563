import assert from 'node:assert/strict';
import fc from 'fast-check';
import { correctLabel, firstVerdicts } from '../../../src/labelling/audit/correct.js';
import { Desk, isDoubled } from '../../../src/labelling/audit/desk.js';
import { judge } from '../../../src/labelling/audit/index.js';
import { askingWords, endedWords, hopelessWords } from '../../../src/labelling/audit/words.js';
import type { Answer, Protocol, Verdict } from '../../../src/contracts/audit.js';
import { labelRow } from '../../cli/fixtures.js';

/** 40 labels of class 1 by rank; the two riskiest are repaired, a cut of 38 needs six right answers, or eleven with one wrong. */
const PROTOCOL = {
  run: 'shells',
  labels: 40,
  classes: ['no', 'yes'],
  alpha: 0.05,
  totalAlpha: 0.05,
  epsilon: 0.3,
  instrument: 'looks',
  drawing: 'uniform',
  bets: [],
  cuts: [
    {
      size: 38,
      most: 11,
      looks: [
        { answers: 6, allowed: 0 },
        { answers: 11, allowed: 1 },
      ],
    },
  ],
  repair: { from: 38, count: 2 },
  budget: 20,
  panel: { countsAsWrong: ['unsure', 'none'], double: 0.1, answersFrom: 'people' },
} as unknown as Protocol;
/** Odd ranks first. */
const ORDER = Uint32Array.from({ length: 38 }, (_, i) => (i < 19 ? 2 * i + 1 : 2 * (i - 19)));
const FROZEN = { rankOf: (id: string) => (/^i\d+$/.test(id) ? Number(id.slice(1)) : null), labelOf: () => 1 };

const desk = (): Desk => new Desk(PROTOCOL, ORDER, FROZEN, []);
const answer = (rank: number, verdict: Verdict = 1, by = 'ann'): Answer => ({
  id: `i${rank}`,
  verdict,
  by,
  at: '2026-01-02T03:04:05.000Z',
  seconds: 1,
});
const isOpen = (id: string): boolean => id === 'open';

describe('the desk where answers are taken down', () => {
  it('wants repairs first, then the draw, and no more than can decide', () => {
    const at = desk();
    assert.deepEqual(at.wanted, [38, 39]);
    at.take(answer(39), isOpen);
    assert.throws(() => at.take(answer(1), isOpen), /is not due/);
    at.take(answer(38), isOpen);
    assert.deepEqual(at.wanted, [1, 3, 5, 7, 9, 11]);
  });

  it('takes a second answer of an image for the agreement, and a third for nothing', () => {
    const at = desk();
    for (const by of ['ann', 'bob', 'cy']) at.take(answer(38, 1, by), isOpen);
    const again = new Desk(PROTOCOL, ORDER, FROZEN, [...at.log]);
    again.take(answer(38, 0, 'dan'), isOpen);
    assert.deepEqual(
      again.log.map(({ use, rank }) => [use, rank]),
      [
        ['repair', 38],
        ['second', 38],
        ['question', null],
        ['question', null],
      ],
    );
  });

  it('certifies with the last answer that it needs; a later one is a label and no evidence', () => {
    const at = desk();
    while (at.wanted.length > 0) at.take(answer(at.wanted[0] as number), isOpen);
    assert.equal(at.judgement.outcome, 'certified');
    assert.deepEqual(at.wanted, []);
    at.take(answer(13), isOpen);
    assert.deepEqual(at.log.at(-1), { seen: 8, use: 'question', rank: null, ...answer(13) });
    assert.equal(at.close().answers.audit, 6);
  });

  it('counts what nobody can tell as wrong, and asks on', () => {
    const at = desk();
    for (const rank of [38, 39]) at.take(answer(rank), isOpen);
    at.take(answer(1, 'unsure'), isOpen);
    assert.equal(at.judgement.outcome, 'open');
    assert.equal(at.wanted.length, 10, 'ten more to the look that allows one mistake');
    at.take(answer(3, 'none'), isOpen);
    assert.equal(at.judgement.outcome, 'failed');
  });

  it('is a function of the log: read back at any moment, it goes on as if nothing had been', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ pick: fc.nat(), wrong: fc.boolean(), by: fc.constantFrom('ann', 'bob') }), {
          maxLength: 30,
        }),
        fc.nat(30),
        (steps, cutAt) => {
          let at = desk();
          steps.forEach(({ pick, wrong, by }, i) => {
            if (i === cutAt) at = new Desk(PROTOCOL, ORDER, FROZEN, [...at.log]);
            const rank = at.wanted[pick % Math.max(1, at.wanted.length)];
            if (rank !== undefined) at.take(answer(rank, wrong && i % 5 === 0 ? 0 : 1, by), isOpen);
          });
          assert.deepEqual(
            at.log.map(({ seen }) => seen),
            at.log.map((_, i) => i),
          );
          const audit = new Map(
            at.log.filter(({ use }) => use === 'audit').map((line) => [line.rank as number, line.verdict === 1]),
          );
          const repaired = new Set(at.log.filter(({ use }) => use === 'repair').map(({ rank }) => rank as number));
          assert.deepEqual(at.close(), judge(PROTOCOL, ORDER, { audit, repaired }));
          assert.ok(audit.size + repaired.size <= PROTOCOL.budget);
        },
      ),
    );
  });

  it('says in words what it waits for, how it ended, and what would do where nothing does', () => {
    const at = desk();
    const outlook = { instrument: 'looks', repair: 2, size: 38, expected: 9, percentile90: 13, success: 0.9 } as const;
    assert.match(
      askingWords(PROTOCOL, outlook, at.close(), 8),
      /^waits for 8 answers on the riskiest labels, which come before the draw, to certify at most 30 % of up to 38/,
    );
    assert.match(askingWords(PROTOCOL, outlook, at.close(), 8), /9 answers expected, 13 in nine of ten cases/);
    assert.match(endedWords(PROTOCOL, at.close(), true), /^Nothing is certified after 0 answers\..* It was stopped/);
    assert.match(
      hopelessWords({ epsilon: 0.01, budget: 50 }, 900, { nearest: outlook, budgetNeeded: 320 }),
      /Nobody is asked: with 50 answers .* at most 1 % of the 900 labels.* A budget of 320 answers would do/,
    );
  });

  it('says why no budget would do, where the settings themselves rule it out', () => {
    const none = { nearest: null, budgetNeeded: null };
    const few = hopelessWords({ epsilon: 0.02, budget: 400 }, 40, none);
    assert.match(few, /2 % of 40 labels is less than one label/);
    assert.doesNotMatch(few, /believed/);
    assert.match(
      hopelessWords({ epsilon: 0.02, budget: 400, repair: 400 }, 5000, none),
      /a repair of 400 labels leaves nothing to audit of a budget of 400 answers/,
    );
    assert.match(
      hopelessWords({ epsilon: 0.02, budget: 400, instrument: 'looks', drawing: 'uncertainty' }, 5000, none),
      /looks are exact for uniform draws alone/,
    );
  });
});

describe('who is asked twice', () => {
  it('is a share of the images, by hash', () => {
    const doubled = Array.from({ length: 5000 }, (_, i) => isDoubled('seed', `i${i}`, 0.1)).filter(Boolean).length;
    // Five standard deviations of a binomial of 5,000 at .1 are 106.
    assert.ok(Math.abs(doubled - 500) < 106, String(doubled));
  });
});

describe('labels after an audit', () => {
  const row = { ...labelRow('i1'), class: 'yes' };
  const certificate = { id: 'shells.audit-1', claim: { size: 20, most: 2 } };
  const after = (verdict: Verdict | undefined, rank: number | null) =>
    correctLabel(row, verdict, rank, certificate, PROTOCOL.classes);

  it('carry the certificate where they are under it and still the machine', () => {
    assert.equal(after(undefined, 19).certificate, 'shells.audit-1');
    assert.equal(after(undefined, 20).certificate, '');
    assert.equal(after(1, 3).certificate, '');
  });

  it('are what people said, and open where they could not tell', () => {
    const said = after(0, 3);
    assert.deepEqual(
      [said.status, said.change, said.label, said.class, said.source],
      ['accepted', 'flip', 0, 'no', 'human'],
    );
    const open = after('none', 3);
    assert.deepEqual([open.status, open.change, open.label, open.source], ['open', 'revoke', -1, '']);
  });

  it('are what the first person said', () => {
    const log = [
      { seen: 0, use: 'audit' as const, rank: 1, ...answer(1, 1) },
      { seen: 1, use: 'second' as const, rank: 1, ...answer(1, 0, 'bob') },
    ];
    assert.deepEqual([...firstVerdicts(log)], [['i1', 1]]);
  });
});
