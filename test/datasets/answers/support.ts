import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from '../../../src/contracts/audit.js';
import { checkAnswers, readAnswers, vocabularyOf } from '../../../src/datasets/answers/index.js';
import type { AnswerFormat, CheckOptions, CheckedAnswers, FoundAnswer } from '../../../src/datasets/answers/index.js';

export const NOW = new Date('2026-03-01T12:00:00.000Z');
export const classes = ['cowrie', 'whelk', 'dog, "big"'];

/** Options of a check in which every image of `ids` is asked for and nobody has said anything. */
export const options = (ids: readonly string[], changes: Partial<CheckOptions> = {}): CheckOptions => ({
  run: 'shells-1',
  vocabulary: vocabularyOf(classes),
  by: 'ada',
  now: NOW,
  expectedOf: () => Promise.resolve({ wanted: new Set(ids), given: new Map() }),
  inPool: () => Promise.resolve(new Set(ids)),
  ...changes,
});

/** All that a stream gives. `Array.fromAsync` needs Node 22. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of stream) all.push(each);
  return all;
}

/** A file's rows, read back. */
export async function readText(text: string | Buffer, format: AnswerFormat, name = 'answers'): Promise<FoundAnswer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'labelloop-answers-'));
  try {
    const file = join(folder, name);
    await writeFile(file, text);
    const rows = await collect(readAnswers(file, format));
    return rows.map((row) => ({ ...row, place: row.place.replace(file, name) }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

export const checkText = async (
  text: string | Buffer,
  format: AnswerFormat,
  ids: readonly string[],
  changes: Partial<CheckOptions> = {},
): Promise<CheckedAnswers> => checkAnswers(await readText(text, format), options(ids, changes));

/** A Label Studio export of these answers, as its JSON is. */
export const labelStudioExport = (answers: readonly (Omit<Answer, 'verdict'> & { word: string | null })[]): string =>
  JSON.stringify(
    [...new Set(answers.map(({ id }) => id))].map((id, i) => ({
      id: i + 1,
      annotations: answers
        .filter((answer) => answer.id === id)
        .map(({ word, by, at, seconds }, j) => ({
          id: 100 * i + j,
          completed_by: { id: j, email: by, first_name: '' },
          result:
            word === null
              ? []
              : [
                  {
                    value: { choices: [word] },
                    id: 'x',
                    from_name: 'answer',
                    to_name: 'image',
                    type: 'choices',
                    origin: 'manual',
                  },
                ],
          was_cancelled: word === null,
          ground_truth: false,
          created_at: at,
          updated_at: at,
          lead_time: seconds,
        })),
      drafts: [],
      predictions: [],
      data: { image_id: id, name: `${id}.png`, image: 'x.png' },
      meta: {},
    })),
    null,
    1,
  );
