import { messageOf, problem } from '../../contracts/errors.js';

/** Rows of a refused file that are told; the others are counted. */
export const TOLD = 20;

/** Classes that a message lists. */
const LISTED = 12;

const listed = (words: readonly string[]): string =>
  words.length <= LISTED
    ? words.join(', ')
    : `${words.slice(0, LISTED - 2).join(', ')}, … ${words.slice(-2).join(', ')}`;

/** What is wrong with a file of answers as a whole. */
export const answerFileErrors = {
  unreadable: (file: string, cause: unknown) =>
    problem('USAGE', `${file}: can't be read. Name a file that exists and that you may read.`, cause),
  empty: (file: string) =>
    problem('AUDIT_INVALID', `${file}: is empty. 'labelloop tasks export' writes a file to fill in.`),
  broken: (at: string, cause: unknown) =>
    problem('AUDIT_INVALID', `${at}: ${messageOf(cause)}. Correct the file; nothing was taken.`, cause),
  noArray: (file: string, cause: unknown) =>
    problem(
      'AUDIT_INVALID',
      `${file}: is no JSON array of tasks (${messageOf(cause)}). Export 'JSON' from Label Studio, or pass --format.`,
      cause,
    ),
  columnsMissing: (file: string, missing: readonly string[], found: readonly string[]) =>
    problem(
      'AUDIT_INVALID',
      `${file}: no column ${missing.map((name) => `'${name}'`).join(' and ')}; it has ${found.join(', ')}. Name the columns id, answer, by, at, seconds.`,
    ),
  /** @param complaints the first bad rows, a sentence each */
  rejected: (bad: number, complaints: readonly string[]) =>
    problem(
      'AUDIT_INVALID',
      [
        `${bad === 1 ? 'One row' : `${bad.toLocaleString('en-US')} rows`} can't be taken, so nothing was taken:`,
        ...complaints.map((each) => `  ${each}`),
        ...(bad > complaints.length ? [`  and ${(bad - complaints.length).toLocaleString('en-US')} more.`] : []),
      ].join('\n'),
    ),
};

/** What is wrong with one row, and how to mend it; the place stands before it. */
export const rowComplaints = {
  unreadable: (fault: string) => `${fault}. Correct the row.`,
  noImage: () => `no image is named. Copy the id from the task file.`,
  unknownImage: (id: string, run: string) =>
    `the pool of run '${run}' has no image '${id}'. Copy the id from the task file.`,
  unwanted: (id: string) =>
    `image '${id}' is not asked for now. Take the row out, or pass --skip-unwanted to leave such rows out.`,
  unknownClass: (word: string, near: string | null, words: readonly string[]) =>
    `'${word}' is no class.${near === null ? '' : ` Did you mean '${near}'?`} Write one of ${listed(words)}.`,
  nobody: () => `nobody is named. Fill the column 'by', or pass --by NAME.`,
  nameInvalid: (by: string) =>
    `'${by.slice(0, 20)}…' can't be a person's name here. Use a line of at most 100 characters; a pseudonym is enough.`,
  timeInvalid: (at: string) => `'${at}' is no time. Write it like 2026-01-31T09:30:00Z, or leave it empty.`,
  timeAhead: (at: string) => `${at} lies in the future. Correct the time, or leave it empty.`,
  secondsInvalid: (seconds: string) => `'${seconds}' is no number of seconds. Write one like 2.5, or leave it empty.`,
  contradicts: (id: string, by: string, word: string, first: string) =>
    `'${by}' says '${word}' of image '${id}' at ${first}. Keep one of the two rows.`,
  changed: (id: string, by: string, word: string) =>
    `'${by}' has said '${word}' of image '${id}' before, which was counted and can't be changed. Take the row out.`,
};
