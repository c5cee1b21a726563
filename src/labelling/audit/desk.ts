import { createHash } from 'node:crypto';
import { problem } from '../../contracts/errors.js';
import { judge, wanted } from './judge.js';
import type { GivenAnswers } from './judge.js';
import type { Answer, AuditLine, AnswerUse, Judgement, Protocol, Verdict } from '../../contracts/audit.js';

/** The frozen labels, as far as answers need them. */
export interface Frozen {
  /** null where the image is not among them. */
  rankOf(id: string): number | null;
  labelOf(rank: number): number;
}

/** Messages that a person who answers can meet; `id` is the image's. */
export const answerErrors = {
  unknownImage: (id: string) =>
    problem(
      'AUDIT_INVALID',
      `Image '${id}' is not in the run's pool. Answer what 'labelloop review' or a task file shows.`,
    ),
  unknownClass: (id: string, verdict: Verdict, classes: number) =>
    problem(
      'AUDIT_INVALID',
      `Image '${id}': there is no class ${verdict}. Classes are 0 to ${classes - 1}; or answer 'unsure' or 'none'.`,
    ),
  notDue: (id: string) =>
    problem(
      'AUDIT_INVALID',
      `Image '${id}' is not due: its place in the draw has not come. Ask for the next images again.`,
    ),
  changed: (id: string, by: string) =>
    problem(
      'AUDIT_INVALID',
      `Image '${id}' has another answer of '${by}' already. It was counted, so that it can't be changed any more.`,
    ),
  dryRun: () => problem('AUDIT_INVALID', 'This audit is a dry run, in which hidden labels answer for people.'),
};

/**
 * Takes answers down, one at a time, by the protocol's order: what is not due is refused, what was said already is no news,
 * and a second person's answer of the same image serves the agreement alone. Everything is a function of the log so far.
 */
export class Desk {
  private readonly audited = new Map<number, boolean>();
  private readonly repaired = new Set<number>();
  /** Ranks with a first answer, and those with a second one too. */
  private readonly answered = new Set<number>();
  private readonly doubled = new Set<number>();
  private readonly byPerson = new Map<string, Verdict>();
  /** Ranks without which nothing can be certified now, most urgent first. */
  private due: number[] = [];
  private dueSet = new Set<number>();
  private judged: Judgement;

  constructor(
    private readonly protocol: Protocol,
    private readonly order: ArrayLike<number>,
    private readonly frozen: Frozen,
    private readonly lines: AuditLine[] = [],
  ) {
    for (const line of lines) this.count(line);
    this.judged = this.judgeAnew();
  }

  get judgement(): Judgement {
    return this.judged;
  }

  get log(): readonly AuditLine[] {
    return this.lines;
  }

  /** What to ask next, most urgent first: all of it may be asked at once, and none of it in vain. */
  get wanted(): readonly number[] {
    return this.due;
  }

  /**
   * @param isOpen whether an image that was not frozen is in the pool
   * @returns whether the log grew
   * @throws AUDIT_INVALID
   */
  take(answer: Answer, isOpen: (id: string) => boolean): boolean {
    const { id, verdict, by } = answer;
    const classes = this.protocol.classes.length;
    if (typeof verdict === 'number' && verdict >= classes) throw answerErrors.unknownClass(id, verdict, classes);
    const before = this.byPerson.get(personal(id, by));
    if (before !== undefined) {
      if (before === verdict) return false;
      throw answerErrors.changed(id, by);
    }
    const { use, rank } = this.useOf(id, isOpen);
    const line: AuditLine = { seen: this.lines.length, use, rank, ...answer };
    this.lines.push(line);
    this.count(line);
    if (rank !== null && (use === 'audit' || use === 'repair')) this.settle(rank);
    return true;
  }

  private useOf(id: string, isOpen: (id: string) => boolean): { use: AnswerUse; rank: number | null } {
    const rank = this.frozen.rankOf(id);
    if (rank === null) {
      if (!isOpen(id)) throw answerErrors.unknownImage(id);
      return { use: 'question', rank: null };
    }
    // A third answer is no pair with the first: the agreement is of two people, and a verifier takes no more.
    if (this.doubled.has(rank)) return { use: 'question', rank: null };
    if (this.answered.has(rank)) return { use: 'second', rank };
    const { from, count } = this.protocol.repair;
    if (this.dueSet.has(rank)) return { use: rank >= from && rank < from + count ? 'repair' : 'audit', rank };
    // Someone had it before them when the audit was decided: no longer evidence, and still a label.
    if (this.judged.outcome !== 'open') return { use: 'question', rank: null };
    throw answerErrors.notDue(id);
  }

  private count({ use, rank, id, by, verdict }: AuditLine): void {
    this.byPerson.set(personal(id, by), verdict);
    if (rank === null || use === 'question') return;
    if (use === 'second') {
      this.doubled.add(rank);
      return;
    }
    this.answered.add(rank);
    if (use === 'repair') this.repaired.add(rank);
    else this.audited.set(rank, verdict === this.frozen.labelOf(rank));
  }

  /** What is due is the least that certifies: until all of it is in, only a mistake can change the judgement. */
  private settle(rank: number): void {
    this.dueSet.delete(rank);
    this.due = this.due.filter((each) => each !== rank);
    if (this.dueSet.size === 0 || this.audited.get(rank) === false) this.judged = this.judgeAnew();
  }

  private judgeAnew(): Judgement {
    const given: GivenAnswers = { audit: this.audited, repaired: this.repaired };
    this.due = wanted(this.protocol, this.order, given, Number.POSITIVE_INFINITY);
    this.dueSet = new Set(this.due);
    return judge(this.protocol, this.order, given);
  }

  /** The judgement with every answer counted, for people to read. */
  close(): Judgement {
    this.judged = this.judgeAnew();
    return this.judged;
  }
}

const personal = (id: string, by: string): string => `${id} ${by}`;

/** Whether a second person is to answer an image too: a share of the images, by hash, known to nobody before the draw. */
export function isDoubled(seed: string, id: string, share: number): boolean {
  const hash = createHash('sha256').update(`${seed}:second:${id}`).digest();
  return hash.readUIntBE(0, 6) / 2 ** 48 < share;
}
