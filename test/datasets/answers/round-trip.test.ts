import assert from 'node:assert/strict';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import type { Answer } from '../../../src/contracts/audit.js';
import { checkAnswers, vocabularyOf, writeTasks } from '../../../src/datasets/answers/index.js';
import type { AnswerFormat, Task } from '../../../src/datasets/answers/index.js';
import { csvLine } from '../../../src/datasets/export.js';
import { collect, NOW, labelStudioExport, options, readText } from './support.js';

const textOf = async (tasks: readonly Task[], format: AnswerFormat): Promise<string> =>
  (await collect(writeTasks(tasks, format))).join('');

/** A class's name as an import leaves it: trimmed, NFC, not empty. */
const className = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .map((name) => name.trim().normalize('NFC'))
  .filter((name) => name !== '');
const classNames = fc.uniqueArray(fc.oneof(className, fc.constantFrom('unsure', 'none', '(none)')), {
  minLength: 2,
  maxLength: 8,
});

const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 32, maxLength: 32 });
const given = (classes: readonly string[], ids: readonly string[]) =>
  fc.uniqueArray(
    fc.record(
      {
        id: fc.constantFrom(...ids),
        verdict: fc.oneof(fc.nat(classes.length - 1), fc.constantFrom('unsure' as const, 'none' as const)),
        by: fc.constantFrom('ada', 'ben, "the 2nd"', 'çelik@shells.example'),
        at: fc.date({ min: new Date('2026-01-01'), max: NOW, noInvalidDate: true }).map((date) => date.toISOString()),
        seconds: fc.integer({ min: 0, max: 100_000 }).map((ms) => ms / 1000),
      },
      { noNullPrototype: true },
    ),
    { selector: ({ id, by }) => `${id} ${by}`, minLength: 1, maxLength: 20 },
  );
const filled = fc
  .tuple(classNames, fc.uniqueArray(hex, { minLength: 1, maxLength: 8 }))
  .chain(([classes, ids]) => fc.tuple(fc.constant(classes), fc.constant(ids), given(classes, ids)));

const sorted = (answers: readonly Answer[]) => [...answers].sort((a, b) => (a.id + a.by < b.id + b.by ? -1 : 1));

/** Fills a task file in as other programs would: by its columns alone. */
const fillers: Record<
  AnswerFormat,
  (tasks: string, answers: readonly Answer[], word: (answer: Answer) => string) => string
> = {
  csv(tasks, answers, word) {
    const rows = parse<Record<string, string>>(tasks, { columns: true });
    const byId = new Map(rows.map((row) => [row['id'], row]));
    const columns = Object.keys(rows[0] ?? {});
    const lines = answers.map((answer) => {
      const { id, by, at, seconds } = answer;
      const row: Record<string, string> = { ...byId.get(id), answer: word(answer), by, at, seconds: String(seconds) };
      return csvLine(columns.map((column) => row[column] ?? ''));
    });
    return `\uFEFF${csvLine(columns)}${lines.join('')}`;
  },
  jsonl(tasks, answers, word) {
    const byId = new Map(
      tasks
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Task)
        .map((row) => [row.id, row]),
    );
    return answers
      .map((answer) => {
        const { id, by, at, seconds } = answer;
        return `${JSON.stringify({ ...byId.get(id), answer: word(answer), by, at, seconds })}\n`;
      })
      .join('');
  },
  'label-studio'(tasks, answers, word) {
    const known = new Set((JSON.parse(tasks) as { data: { image_id: string } }[]).map(({ data }) => data.image_id));
    assert.ok(answers.every(({ id }) => known.has(id)));
    return labelStudioExport(answers.map((answer) => ({ ...answer, word: word(answer) })));
  },
};

describe('tasks that are written, filled in and read', () => {
  for (const format of ['csv', 'jsonl', 'label-studio'] as const)
    it(`give every answer back, whatever the classes are called (${format})`, async () => {
      await fc.assert(
        fc.asyncProperty(filled, async ([classes, ids, answers]) => {
          const vocabulary = vocabularyOf(classes);
          const tasks = await textOf(
            ids.map((id) => ({ id, name: `a, "b"\n${id}`, image: '' })),
            format,
          );
          const text = fillers[format](tasks, answers, ({ verdict }) => vocabulary.wordOf(verdict));
          const rows = await readText(text, format);
          const checked = await checkAnswers(rows, options(ids, { vocabulary, by: undefined }));
          assert.deepEqual(sorted(checked.answers), sorted(answers));
          // What was taken once is known the next time, and changes nothing.
          const again = await checkAnswers(
            rows,
            options(ids, {
              vocabulary,
              expectedOf: (by) =>
                Promise.resolve({
                  wanted: new Set<string>(),
                  given: new Map(answers.filter((each) => each.by === by).map(({ id, verdict }) => [id, verdict])),
                }),
            }),
          );
          assert.deepEqual([again.answers, again.known], [[], answers.length]);
        }),
        { numRuns: 100 },
      );
    });

  it('are blank as long as nobody has filled them in', async () => {
    const tasks = ['a', 'b'].map((id) => ({ id, name: id, image: '' }));
    for (const format of ['csv', 'jsonl', 'label-studio'] as const) {
      const checked = await checkAnswers(await readText(await textOf(tasks, format), format), options(['a', 'b']));
      assert.deepEqual(checked, { answers: [], blank: 2, known: 0, unwanted: 0 }, format);
    }
  });

  it('tell nothing but the image: no guess, no queue', async () => {
    const task = { id: 'a', name: 'a.png', image: 'images/a.png' };
    assert.equal(await textOf([task], 'csv'), 'id,name,image,answer,by,at,seconds\r\na,a.png,images/a.png,,,,\r\n');
    assert.deepEqual(JSON.parse(await textOf([task], 'label-studio')), [
      { data: { image_id: 'a', name: 'a.png', image: 'images/a.png' } },
    ]);
    assert.deepEqual(JSON.parse(await textOf([], 'label-studio')), []);
  });
});
