import type { Answer, AuditLine, Verdict } from '../contracts/audit.js';
import { problem } from '../contracts/errors.js';
import type { QuestionsState } from '../contracts/questions.js';
import { answerErrors } from './audit/desk.js';

/** An answer about an image that is in no question. */
const notAsked = (id: string) =>
  problem(
    'AUDIT_INVALID',
    `Image '${id}' is not asked about. Answer what 'labelloop review' or a task file shows, or leave such rows out with --skip-unwanted.`,
  );

/**
 * Takes the answers to questions down, one at a time: what a person said already is no news, and a second person's answer
 * of an image serves the agreement alone. Everything is a function of the log so far.
 */
export class QuestionsDesk<Image extends { id: string }> {
  private readonly byPerson = new Map<string, Verdict>();
  private readonly first = new Set<string>();
  private readonly asked: ReadonlySet<string>;

  /**
   * @param images most useful first
   * @param budget images with an answer at most
   */
  constructor(
    private readonly classes: number,
    private readonly images: readonly Image[],
    private readonly budget: number,
    private readonly lines: AuditLine[] = [],
  ) {
    this.asked = new Set(images.map(({ id }) => id));
    for (const line of lines) this.count(line);
  }

  get log(): readonly AuditLine[] {
    return this.lines;
  }

  /** Images with an answer. */
  get answered(): number {
    return this.first.size;
  }

  /** Images to ask about, as far as the budget goes. */
  get wanted(): Image[] {
    return this.images.filter(({ id }) => !this.first.has(id)).slice(0, Math.max(0, this.budget - this.answered));
  }

  /**
   * What people had before them when the budget was used up is still taken: it is said, and a label.
   *
   * @returns whether the log grew
   * @throws AUDIT_INVALID
   */
  take(answer: Answer): boolean {
    const { id, verdict, by } = answer;
    if (!this.asked.has(id)) throw notAsked(id);
    if (typeof verdict === 'number' && verdict >= this.classes)
      throw answerErrors.unknownClass(id, verdict, this.classes);
    const before = this.byPerson.get(personal(id, by));
    if (before === verdict) return false;
    if (before !== undefined) throw answerErrors.changed(id, by);
    const use = this.first.has(id) ? 'second' : 'question';
    const line: AuditLine = { seen: this.lines.length, use, rank: null, ...answer };
    this.lines.push(line);
    this.count(line);
    return true;
  }

  private count({ id, by, verdict }: AuditLine): void {
    this.byPerson.set(personal(id, by), verdict);
    this.first.add(id);
  }
}

const personal = (id: string, by: string): string => `${id} ${by}`;

const images = (count: number): string => `${count} image${count === 1 ? '' : 's'}`;

/** What is waited for, for people to read. */
export const questionsWords = ({ answered, left, answers }: Pick<QuestionsState, 'answered' | 'left' | 'answers'>) =>
  answers === 'people'
    ? `${images(left)} ${left === 1 ? 'waits' : 'wait'} for people's answers, the most useful first; ${images(answered)} ${answered === 1 ? 'has' : 'have'} one. Nothing is certified by them.`
    : `Dry run: hidden labels have answered ${answered} of ${images(answered + left)}.`;

/** What came of it. */
export function questionsEnded({ answered, left, answers }: QuestionsState, stopped: boolean): string {
  if (answered + left === 0) return 'Nobody is asked: every image has a label, or was asked about before.';
  const who = answers === 'people' ? 'People' : 'Hidden labels (a dry run)';
  const over = stopped ? ` It was stopped with ${images(left)} left.` : '';
  return `${who} answered ${images(answered)}; what they said is in the labels.${over}`;
}
