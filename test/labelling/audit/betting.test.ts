import assert from 'node:assert/strict';
import { BettingEvidence } from '../../../src/labelling/audit/index.js';
import { weightOf } from '../../../src/labelling/audit/index.js';
import { arrangements } from './arrangements.js';

const bets = [0.95, 0.8, 0.6, 0.4, 0.2];
const uniform = (labels: number) => ({ bets, drawing: 'uniform' as const, labels });

/** certificates.md B.3, step 6, as it is written there. */
function asWritten(size: number, most: number, wrongAt: readonly boolean[]): number {
  const products = bets.map(() => 1);
  let right = 0;
  let greatest = 1;
  for (const [i, wrong] of wrongAt.entries()) {
    const m = (size - (most + 1) - right) / (size - i);
    const y = wrong ? 0 : 1;
    if (m <= 0 && y === 1) return Infinity;
    for (const [k, b] of bets.entries()) (products[k] as number) *= 1 + (b / m) * (y - m);
    greatest = Math.max(greatest, products.reduce((a, b) => a + b, 0) / bets.length);
    right += y;
  }
  return greatest;
}

describe('betting evidence', () => {
  it('is the mixture of certificates.md, step by step', () => {
    for (const wrongAt of [
      [false, false, false, false],
      [false, true, false, false, false, true, false],
      [true, false, false, false, false, false, false, false, false],
    ]) {
      const evidence = new BettingEvidence(uniform(40), { size: 40, most: 4 });
      for (const [i, wrong] of wrongAt.entries()) evidence.add(i, !wrong);
      const expected = asWritten(40, 4, wrongAt);
      assert.ok(Math.abs(evidence.greatest / expected - 1) < 1e-12, `${evidence.greatest}, ${expected}`);
    }
  });

  it('needs the reference number of answers when none is wrong', () => {
    // certificates.md, "Human labels needed", N = 10,000: 81 at 5 %, 203 at 2 %, 402 at 1 %.
    for (const [epsilon, answers] of [
      [0.05, 81],
      [0.02, 203],
      [0.01, 402],
    ] as const)
      assert.equal(
        new BettingEvidence(uniform(10_000), { size: 10_000, most: 10_000 * epsilon }).needed(20, 1000),
        answers,
      );
  });

  it('has a mean of at most one and rarely reaches 1 / alpha, over all draw orders of a false claim', () => {
    for (const [size, most, wrong] of [
      [14, 2, 3],
      [14, 2, 5],
      [15, 4, 5],
      [12, 0, 1],
    ] as const)
      for (const stop of [1, 5, size]) {
        let [all, sum, reached] = [0, 0, 0];
        for (const isWrong of arrangements(size, wrong)) {
          const evidence = new BettingEvidence(uniform(size), { size, most });
          for (let i = 0; i < stop; i++) evidence.add(i, !(isWrong[i] as boolean));
          all++;
          sum += Math.exp(evidence.log);
          if (evidence.greatest >= 4) reached++;
        }
        // With exactly most + 1 wrong, until the claim is refuted, it is a martingale.
        assert.ok(sum / all <= 1 + 1e-9, `mean ${sum / all}`);
        assert.ok(reached / all <= 1 / 4, `reached in ${reached} of ${all}`);
      }
  });

  it('has a mean of at most one when uncertain labels are drawn more often', () => {
    const labels = 12;
    const rules = { bets, drawing: 'uncertainty' as const, labels };
    const weights = Array.from({ length: labels }, (_, rank) => weightOf('uncertainty', rank, labels));
    assert.ok(new Set(weights).size > 1);
    for (const wrongRanks of [
      [0, 1],
      [10, 11],
      [3, 11],
      [0, 5, 11],
    ])
      for (const stop of [1, 3, 5]) {
        let mean = 0;
        // All draws of `stop` labels, each with its probability under successive sampling.
        const walk = (drawn: readonly number[], chance: number): void => {
          if (drawn.length === stop) {
            const evidence = new BettingEvidence(rules, { size: labels, most: 1 });
            for (const rank of drawn) evidence.add(rank, !wrongRanks.includes(rank));
            mean += chance * Math.exp(evidence.log);
            return;
          }
          const left = weights.map((_, rank) => rank).filter((rank) => !drawn.includes(rank));
          const total = left.reduce((sum, rank) => sum + (weights[rank] as number), 0);
          for (const rank of left) walk([...drawn, rank], (chance * (weights[rank] as number)) / total);
        };
        walk([], 1);
        assert.ok(mean <= 1 + 1e-9, `mean ${mean} with wrong labels ${wrongRanks.join(', ')}`);
      }
  });

  it('is infinite once the claim can not be false any more, and never of a claim known to be false', () => {
    const census = new BettingEvidence(uniform(10), { size: 10, most: 1 });
    for (let rank = 0; rank < 9; rank++) census.add(rank, true);
    assert.equal(census.greatest, Number.MAX_VALUE);
    const refuted = new BettingEvidence(uniform(10), { size: 10, most: 1 });
    for (let rank = 0; rank < 10; rank++) refuted.add(rank, rank > 1);
    assert.ok(refuted.refuted && refuted.greatest < 20);
    assert.equal(refuted.needed(20, 100), null);
  });

  it('says how many right answers it takes, exactly', () => {
    const evidence = new BettingEvidence(uniform(500), { size: 500, most: 10 });
    for (let rank = 0; rank < 60; rank++) evidence.add(rank, rank !== 30);
    const more = evidence.needed(20, 1000) as number;
    for (let i = 1; i < more; i++) evidence.add(60 + i, true);
    assert.ok(evidence.greatest < 20);
    evidence.add(60 + more, true);
    assert.ok(evidence.greatest >= 20);
    assert.equal(evidence.needed(1e9, 3), null);
  });
});
