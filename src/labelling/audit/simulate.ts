import type { RandomStream } from '../../contracts/random.js';
import { bandCounts, bandStart } from './weighted.js';
import { BettingEvidence } from './betting.js';
import type { Cut } from '../../contracts/audit.js';
import type { Rules } from './judge.js';

/** How an audit that was played ended: answers in all, repair included, and the index of the largest certified cut or -1. */
export interface Played {
  answers: number;
  certified: number;
}

/** Labels in draw order, drawn when they are looked at: a pool of a million costs what its audit asks. */
class Draws {
  readonly ranks: number[] = [];
  readonly wrong: boolean[] = [];
  /** A byte a rank: a set took a quarter of the time of a plan with a large budget. */
  private readonly seen: Uint8Array;
  private readonly left: number[];
  private readonly bands: { start: number; count: number }[];

  constructor(
    private readonly rules: Pick<Rules, 'drawing' | 'labels'>,
    readonly size: number,
    private readonly isWrong: (rank: number) => boolean,
    private readonly stream: RandomStream,
  ) {
    this.seen = new Uint8Array(size);
    this.left = bandCounts(rules.drawing, size, rules.labels);
    this.bands = this.left.map((count, band) => ({ start: bandStart(band, rules.labels), count }));
  }

  /** Makes sure that `position` is drawn; false past the end. */
  reach(position: number): boolean {
    while (this.ranks.length <= position) {
      if (this.ranks.length >= this.size) return false;
      const band = this.rules.drawing === 'uniform' ? 0 : this.pickBand();
      const { start, count } = this.bands[band] as { start: number; count: number };
      let rank: number;
      do rank = start + this.stream.integer(count);
      while (this.seen[rank] === 1);
      this.seen[rank] = 1;
      this.left[band] = (this.left[band] as number) - 1;
      this.ranks.push(rank);
      this.wrong.push(this.isWrong(rank));
    }
    return true;
  }

  private pickBand(): number {
    const total = this.left.reduce((sum, count, band) => sum + count * 2 ** band, 0);
    let at = this.stream.integer(total);
    for (const [band, count] of this.left.entries()) {
      at -= count * 2 ** band;
      if (at < 0) return band;
    }
    return this.left.length - 1;
  }
}

/**
 * Plays an audit as `judge` and `wanted` would run it, answer by answer, against labels that are wrong where `isWrong` says
 * so. Bets go on to the end of the budget, where `judge` may see sooner that it is not enough.
 */
export function play(rules: Rules, isWrong: (rank: number) => boolean, stream: RandomStream): Played {
  const size = Math.max(...rules.cuts.map((cut) => cut.size));
  const draws = new Draws(rules, size, isWrong, stream);
  const asked: boolean[] = [];
  const account = { left: rules.budget - rules.repair.count, spent: 0 };
  const answers = () => rules.repair.count + account.spent;
  for (const [i, cut] of rules.cuts.entries()) {
    const test = rules.instrument === 'looks' ? playLooks : playBets;
    if (!test(rules, cut, draws, asked, account)) return { answers: answers(), certified: i - 1 };
  }
  return { answers: answers(), certified: rules.cuts.length - 1 };
}

interface Account {
  left: number;
  spent: number;
}

/** Position of the cut's next label from `position` on; null: none is left. */
function nextOf(cut: Cut, draws: Draws, position: number): number | null {
  for (let at = position; draws.reach(at); at++) if ((draws.ranks[at] as number) < cut.size) return at;
  return null;
}

function pay(asked: boolean[], position: number, account: Account): void {
  if (asked[position]) return;
  asked[position] = true;
  account.spent++;
  account.left--;
}

function playLooks(_: Rules, cut: Cut, draws: Draws, asked: boolean[], account: Account): boolean {
  let [position, audited, wrong] = [0, 0, 0];
  let target: number | null = null;
  for (;;) {
    const ahead = cut.looks.find((look) => look.answers > audited && wrong <= look.allowed);
    if (ahead === undefined) return false;
    if (ahead.answers !== target) {
      target = ahead.answers;
      let cost = 0;
      for (let n = audited, at = position; n < target; n++) {
        const next = nextOf(cut, draws, at);
        if (next === null) return false;
        if (!asked[next]) cost++;
        at = next + 1;
      }
      if (cost > account.left) return false;
    }
    const next = nextOf(cut, draws, position) as number;
    pay(asked, next, account);
    position = next + 1;
    audited++;
    if (draws.wrong[next]) wrong++;
    if (audited === target && wrong <= ahead.allowed) return true;
  }
}

function playBets(rules: Rules, cut: Cut, draws: Draws, asked: boolean[], account: Account): boolean {
  const evidence = new BettingEvidence(rules, cut);
  const level = 1 / rules.alpha;
  for (let position = 0; ;) {
    const next = nextOf(cut, draws, position);
    if (next === null || evidence.refuted || (!asked[next] && account.left === 0)) return false;
    pay(asked, next, account);
    position = next + 1;
    evidence.add(draws.ranks[next] as number, !draws.wrong[next]);
    if (evidence.greatest >= level) return true;
  }
}
