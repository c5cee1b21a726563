import { isRetryable, LabelloopError } from '../contracts/errors.js';
import type { AskingState } from '../contracts/asking.js';
import type { Answer, Question } from '../contracts/audit.js';
import type { ReviewSource } from './source.js';

/** A page asks again well within this time; one that was closed gives its questions back after it. */
const LEASE_MS = 150_000;
/** Questions that can be asked for the image of: far more than all pages hold. */
const REMEMBERED = 20_000;
/** Questions that are read past others' to find some for this person. */
const READ_AT_MOST = 500;
/** A state is asked for at most this often; a page asks with every answer. */
const STATE_MS = 1_000;

export interface Dealt {
  questions: readonly Question[];
  /** Unanswered, but before others. */
  withOthers: number;
}

/** Deals questions to several people at once, so that no two of them look at the same image by chance. */
export class Desk {
  /** Question by id, the least recently dealt first. */
  private readonly dealt = new Map<string, Question>();
  private readonly leases = new Map<string, { seat: string; until: number }>();
  private state: { asked: number; answer: Promise<AskingState | null> } | null = null;

  constructor(
    private readonly source: ReviewSource,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * The next questions of a person at one of their seats: an open page is a seat.
   *
   * @param limit how many; 0 only keeps what the seat has
   * @param have ids that lie before the person or are answered and on their way; what else the seat was dealt, others may have
   */
  async next(by: string, seat: string, limit: number, have: readonly string[]): Promise<Dealt> {
    this.release(seat);
    for (const id of have) this.lease(id, seat);
    if (limit === 0) return { questions: [], withOthers: 0 };
    const elsewhere = (id: string): boolean => (this.leases.get(id)?.seat ?? seat) !== seat;
    const others = [...this.leases.keys()].filter(elsewhere).length;
    const asked = Math.min(READ_AT_MOST, limit + have.length + others);
    const found = (await this.source.questions(by, asked)).filter(({ id }) => !have.includes(id));
    // Asked after the answer: another page may have been dealt to meanwhile.
    const free = found.filter(({ id }) => !elsewhere(id));
    const questions = free.slice(0, limit);
    for (const question of questions) {
      this.lease(question.id, seat);
      this.remember(question);
    }
    return { questions, withOthers: found.length - free.length };
  }

  /** A question that was dealt. */
  question(id: string): Question | null {
    return this.dealt.get(id) ?? null;
  }

  /**
   * Hands answers on; where one of several can't be taken, the others still are.
   *
   * @returns those that can't be taken, each with the reason
   * @throws what can pass: the page keeps its answers and tries again
   */
  async take(answers: readonly Answer[]): Promise<{ id: string; reason: string }[]> {
    this.state = null;
    try {
      const state = await this.source.answer(answers);
      this.state = { asked: this.now(), answer: Promise.resolve(state) };
      for (const { id } of answers) this.leases.delete(id);
      return [];
    } catch (error) {
      if (!(error instanceof LabelloopError) || isRetryable(error.code)) throw error;
      const [only] = answers;
      if (only !== undefined && answers.length === 1) return [{ id: only.id, reason: error.message }];
    }
    const refused: { id: string; reason: string }[] = [];
    for (const one of answers) refused.push(...(await this.take([one])));
    return refused;
  }

  /** Fresh to a second, or to the last answer. */
  async asking(): Promise<AskingState | null> {
    if (this.state === null || this.now() - this.state.asked > STATE_MS) {
      const answer = this.source.asking();
      this.state = { asked: this.now(), answer };
      answer.catch(() => (this.state = null));
    }
    return this.state.answer;
  }

  /** As `asking`, and not of a second ago. */
  askingNow(): Promise<AskingState | null> {
    this.state = null;
    return this.asking();
  }

  /** Gives back what this seat has, and what nobody has asked for in a long time. */
  private release(seat: string): void {
    const now = this.now();
    for (const [id, lease] of this.leases) if (lease.until <= now || lease.seat === seat) this.leases.delete(id);
  }

  private lease(id: string, seat: string): void {
    // What another seat has by now stays there: the first answer counts, and nothing is lost.
    if (!this.leases.has(id)) this.leases.set(id, { seat, until: this.now() + LEASE_MS });
  }

  private remember(question: Question): void {
    this.dealt.delete(question.id);
    this.dealt.set(question.id, question);
    if (this.dealt.size > REMEMBERED) for (const id of this.dealt.keys()) return void this.dealt.delete(id);
  }
}
