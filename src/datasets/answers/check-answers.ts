import type { Answer, Verdict } from '../../contracts/audit.js';
import { answerFileErrors, rowComplaints, TOLD } from './errors.js';
import { nearest } from './nearest.js';
import type { FoundAnswer } from './read-answers.js';
import type { Vocabulary } from './vocabulary.js';

/** What a run wants of one person, and has of them. */
export interface Expected {
  /** Ids of the images that they may answer now. */
  readonly wanted: ReadonlySet<string>;
  /** What they have said already, by image. */
  readonly given: ReadonlyMap<string, Verdict>;
}

export interface CheckOptions {
  run: string;
  vocabulary: Vocabulary;
  /** Who answered where a row names nobody. */
  by?: string | undefined;
  now: Date;
  /** Leave answers out that nobody waits for, instead of refusing the file. */
  skipUnwanted?: boolean | undefined;
  expectedOf(by: string): Promise<Expected>;
  /** Which of these ids are images of the pool. Asked once, and only where rows are neither wanted nor known. */
  inPool(ids: ReadonlySet<string>): Promise<ReadonlySet<string>>;
}

/** What a file holds that is good to send, and what was left out of it. */
export interface CheckedAnswers {
  answers: Answer[];
  /** Rows without an answer. */
  blank: number;
  /** Answers that the run has already, or that the file has twice. */
  known: number;
  /** Answers that nobody waits for; only with `skipUnwanted`. */
  unwanted: number;
}

/** A clock may be wrong by so much, or of another time zone. */
const AHEAD_MS = 24 * 3600 * 1000;

/**
 * Checks every row before anything is sent. In memory: the answers that are wanted, and the ids of rows that are not.
 *
 * @throws AUDIT_INVALID naming the first bad rows, with place and mend, and how many there are
 */
export async function checkAnswers(
  rows: AsyncIterable<FoundAnswer> | Iterable<FoundAnswer>,
  options: CheckOptions,
): Promise<CheckedAnswers> {
  const { vocabulary, run } = options;
  const checked: CheckedAnswers = { answers: [], blank: 0, known: 0, unwanted: 0 };
  const complaints = new Complaints();
  const strange: { row: number; place: string; id: string }[] = [];
  const people = new Map<string, Expected>();
  const taken = new Map<string, { verdict: Verdict; place: string }>();
  let row = 0;
  for await (const found of rows) {
    row++;
    if (found.answer === '' && found.fault === undefined) {
      checked.blank++;
      continue;
    }
    const read = readRow(found, options);
    if (typeof read === 'string') {
      complaints.add(row, found.place, read);
      continue;
    }
    const { id, by, verdict } = read;
    const key = JSON.stringify([id, by]);
    const expected = people.get(by) ?? (await options.expectedOf(by));
    people.set(by, expected);
    const before = expected.given.get(id);
    const first = taken.get(key);
    if (before !== undefined) {
      if (before === verdict) checked.known++;
      else complaints.add(row, found.place, rowComplaints.changed(id, by, vocabulary.wordOf(before)));
    } else if (first !== undefined) {
      if (first.verdict === verdict) checked.known++;
      else
        complaints.add(
          row,
          found.place,
          rowComplaints.contradicts(id, by, vocabulary.wordOf(first.verdict), first.place),
        );
    } else if (expected.wanted.has(id)) {
      taken.set(key, { verdict, place: found.place });
      checked.answers.push(read);
    } else {
      strange.push({ row, place: found.place, id });
    }
  }
  if (strange.length > 0) {
    const pool = await options.inPool(new Set(strange.map(({ id }) => id)));
    for (const { row, place, id } of strange)
      if (!pool.has(id)) complaints.add(row, place, rowComplaints.unknownImage(id, run));
      else if (options.skipUnwanted) checked.unwanted++;
      else complaints.add(row, place, rowComplaints.unwanted(id));
  }
  if (complaints.count > 0) throw answerFileErrors.rejected(complaints.count, complaints.first());
  return checked;
}

/** A row as an answer, or what is wrong with it. */
function readRow(found: FoundAnswer, { vocabulary, by: other, now }: CheckOptions): Answer | string {
  if (found.fault !== undefined) return rowComplaints.unreadable(found.fault);
  if (found.id === '') return rowComplaints.noImage();
  const verdict = found.answer === null ? 'unsure' : vocabulary.verdictOf(found.answer);
  if (verdict === null) {
    const word = found.answer as string;
    return rowComplaints.unknownClass(word, nearest(word, vocabulary.words), vocabulary.words);
  }
  const by = found.by || (other ?? '');
  if (by === '') return rowComplaints.nobody();
  if (by.length > 100 || /\p{Cc}/u.test(by)) return rowComplaints.nameInvalid(by);
  const at = timeOf(found.at, now);
  if (at === null) return rowComplaints.timeInvalid(found.at);
  if (at.getTime() > now.getTime() + AHEAD_MS) return rowComplaints.timeAhead(found.at);
  const seconds = found.seconds === '' ? 0 : Number(found.seconds);
  if (!Number.isFinite(seconds) || seconds < 0) return rowComplaints.secondsInvalid(found.seconds);
  return { id: found.id, verdict, by, at: at.toISOString(), seconds };
}

/** ISO 8601 or RFC 3339 with a blank, as databases write it; a time without a zone is one of this machine. */
function timeOf(text: string, now: Date): Date | null {
  if (text === '') return now;
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$/i.test(text)) return null;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? null : time;
}

/** Keeps the first of the file, in its order, and counts all. */
class Complaints {
  count = 0;
  private readonly kept: { row: number; text: string }[] = [];

  add(row: number, place: string, text: string): void {
    this.count++;
    const last = this.kept.at(-1);
    if (this.kept.length === TOLD && last && last.row < row) return;
    this.kept.push({ row, text: `${place}: ${text}` });
    this.kept.sort((a, b) => a.row - b.row);
    if (this.kept.length > TOLD) this.kept.pop();
  }

  first(): string[] {
    return this.kept.map(({ text }) => text);
  }
}
