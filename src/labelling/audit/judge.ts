import { BettingEvidence } from './betting.js';
import { auditErrors } from './errors.js';
import type { Cut, CutJudgement, Judgement, Protocol } from '../../contracts/audit.js';

/*
 * Fixed-sequence testing: cut 0 is tested at alpha, cut 1 at alpha once cut 0 is certified, and so on. No correction: a
 * false certificate needs the first cut of the sequence whose claim is false to be certified, and its own test does that
 * with probability alpha at most. All that counts for a cut is its own labels in draw order, up to the first one without an
 * answer; what was asked for another cut, or out of turn, changes nothing.
 *
 * Source: Maurer, Hothorn and Lehmacher 1995; Bauer 1991 ("a priori ordered hypotheses").
 */

/** What the judgement needs of the protocol. */
export type Rules = Pick<
  Protocol,
  'labels' | 'alpha' | 'instrument' | 'drawing' | 'bets' | 'cuts' | 'repair' | 'budget'
>;

/** What people have said so far. */
export interface GivenAnswers {
  /** By rank: whether the machine label is right. Not sure, or no class: wrong. */
  audit: ReadonlyMap<number, boolean>;
  /** Ranks of `protocol.repair` that were answered. */
  repaired: ReadonlySet<number>;
}

/** A cut as it stands, and how many of its next labels in draw order it takes at least; null: more than can be had. */
interface Standing {
  judgement: CutJudgement;
  more: number | null;
}

/** The cut's answered labels in draw order, as far as there is no gap. */
function* answered(
  { size }: Cut,
  order: ArrayLike<number>,
  answers: GivenAnswers['audit'],
): Generator<[number, boolean]> {
  for (let i = 0; i < order.length; i++) {
    const rank = order[i] as number;
    if (rank >= size) continue;
    const right = answers.get(rank);
    if (right === undefined) return;
    yield [rank, right];
  }
}

function standByBetting(rules: Rules, cut: Cut, items: Iterable<[number, boolean]>, limit: number): Standing {
  const evidence = new BettingEvidence(rules, cut);
  const level = 1 / rules.alpha;
  let [audited, wrong] = [0, 0];
  let certifiedAt: number | null = null;
  for (const [rank, right] of items) {
    evidence.add(rank, right);
    audited++;
    if (!right) wrong++;
    if (certifiedAt === null && evidence.greatest >= level) certifiedAt = audited;
  }
  const status = certifiedAt !== null ? 'certified' : evidence.refuted ? 'failed' : 'open';
  return {
    judgement: { size: cut.size, audited, wrong, evidence: evidence.greatest, status, certifiedAt },
    more: status === 'open' ? evidence.needed(level, limit - audited) : null,
  };
}

function standByLooks(cut: Cut, items: Iterable<[number, boolean]>): Standing {
  let [audited, wrong, next] = [0, 0, 0];
  let certifiedAt: number | null = null;
  for (const [, right] of items) {
    audited++;
    if (!right) wrong++;
    const look = cut.looks[next];
    if (look?.answers !== audited) continue;
    next++;
    if (certifiedAt === null && wrong <= look.allowed) certifiedAt = audited;
  }
  // The next look that can still certify: those in between are passed without a question.
  const ahead = cut.looks.slice(next).find(({ allowed }) => wrong <= allowed);
  const status = certifiedAt !== null ? 'certified' : ahead === undefined ? 'failed' : 'open';
  return {
    judgement: { size: cut.size, audited, wrong, evidence: null, status, certifiedAt },
    more: status === 'open' && ahead !== undefined ? ahead.answers - audited : null,
  };
}

/** Labels of the cut without an answer, among its `more` next ones in draw order. */
function unanswered({ cut, audited, more }: Test, order: ArrayLike<number>, answers: GivenAnswers['audit']): number[] {
  const ranks: number[] = [];
  for (let i = 0, drawn = 0; i < order.length && drawn < audited + more; i++) {
    const rank = order[i] as number;
    if (rank < cut.size && ++drawn > audited && !answers.has(rank)) ranks.push(rank);
  }
  return ranks;
}

/** The cut under test, and how many more of its labels it takes at least. */
interface Test {
  cut: Cut;
  audited: number;
  more: number;
}

/** The judgement, and the labels without which the cut under test can't be certified; none unless the outcome is `open`. */
function assess(rules: Rules, order: ArrayLike<number>, given: GivenAnswers): { judgement: Judgement; next: number[] } {
  if (rules.instrument === 'looks' && rules.drawing !== 'uniform') throw auditErrors.looksNotUniform();
  const left = Math.max(0, rules.budget - given.repaired.size - given.audit.size);
  // The repair comes first, and what it still takes is not the audit's.
  const forAudit = Math.max(0, left - (rules.repair.count - given.repaired.size));
  const answers = { repair: given.repaired.size, audit: given.audit.size, left };
  let certified: number | null = null;
  let test: (Standing & { cut: Cut }) | null = null;
  const cuts: CutJudgement[] = [];
  for (const [i, cut] of rules.cuts.entries()) {
    const items = answered(cut, order, given.audit);
    const standing: Standing =
      rules.instrument === 'betting'
        ? standByBetting(rules, cut, items, test === null ? forAudit + given.audit.size : 0)
        : standByLooks(cut, items);
    if (test !== null) {
      cuts.push({ ...standing.judgement, status: 'untested', certifiedAt: null });
      continue;
    }
    cuts.push(standing.judgement);
    if (standing.judgement.status === 'certified') certified = i;
    else test = { ...standing, cut };
  }
  const outcome = (is: Judgement['outcome'], next: number[] = []) => ({
    judgement: { cuts, certified, outcome: is, answers },
    next,
  });
  if (test === null) return outcome('certified');
  if (test.judgement.status === 'failed') return outcome('failed');
  if (test.more === null) return outcome('budget');
  const next = unanswered({ cut: test.cut, audited: test.judgement.audited, more: test.more }, order, given.audit);
  return next.length > forAudit ? outcome('budget') : outcome('open', next);
}

/**
 * What an audit has come to: a function of protocol, draw order and answers alone, whatever came first. It stops asking when
 * all cuts are certified, when the cut under test can't be certified any more, or when what is left of the budget could not
 * certify it even if all answers were right (outcome `budget`).
 *
 * Time: one walk over the answers a cut, and over the order as far as they reach.
 *
 * @param order ranks below `repair.from` in draw order; may be a Uint32Array
 * @throws AUDIT_INVALID for looks with another drawing than uniform
 */
export const judge = (rules: Rules, order: ArrayLike<number>, given: GivenAnswers): Judgement =>
  assess(rules, order, given).judgement;

/**
 * The next ranks to ask people for, most urgent first: those to repair; when all of them are in, and not before, as the protocol
 * has it and a verifier checks it, labels of the cut under test in draw order. No
 * more than the cut needs at the least, so that nothing is asked in vain however many people answer at once: the list may be
 * shorter than `limit`, and goes on when these answers are in. It names what was not *answered*; whoever hands questions out
 * leaves out those that are with people.
 */
export function wanted(rules: Rules, order: ArrayLike<number>, given: GivenAnswers, limit: number): number[] {
  const { judgement, next } = assess(rules, order, given);
  if (judgement.outcome !== 'open') return [];
  const ranks: number[] = [];
  for (let i = 0; i < rules.repair.count; i++)
    if (!given.repaired.has(rules.repair.from + i)) ranks.push(rules.repair.from + i);
  return (ranks.length > 0 ? ranks : next).slice(0, limit);
}
