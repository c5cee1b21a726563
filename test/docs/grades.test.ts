import assert from 'node:assert/strict';
import { resultLines } from '../../src/cli/end-table.js';
import { createProgram } from '../../src/cli/program.js';
import { gradeWords } from '../../src/contracts/grades.js';
import { estimate } from '../../src/contracts/stages.js';
import { renderReport } from '../../src/report/report.js';
import { conditional, rooms, view } from '../cli/fixtures.js';
import { figures, finishedRun } from '../report/fixtures.js';
import { pages } from './markdown.js';
import type { Command } from 'commander';

/** Words that grade A alone may bear. */
const STRONG = /\bcertif(?:y|ie|icate)|\bguarant/i;
/** What speaks of the grades below. */
const WEAK = /\bestimat|\bconditional|\bgrade [BC]\b|\bcalibration (?:split|label|image)|cross-fit/i;
/** A sentence may say that the ones are not the others. */
const DENIED = /\b(?:no|not|nor|never|nothing|none|neither|alone|unlike|instead)\b|n't\b/i;

const confused = (sentences: readonly string[]): string[] =>
  sentences.filter((sentence) => STRONG.test(sentence) && WEAK.test(sentence) && !DENIED.test(sentence));

const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];

/** Sentences and cells of tables, white space made one; code is no prose. */
const sentencesOf = (text: string): string[] =>
  text
    .replace(/```[^]*?```/g, '')
    .split(/(?<=[.;!?])\s+|\n\s*\n|\n(?=[-*#|])|\|/)
    .map((sentence) => sentence.replace(/\s+/g, ' '));

describe('the words of the grades', () => {
  it('are three, and one of them is certificate', () => {
    assert.deepEqual(gradeWords, { A: 'certificate', B: 'conditional estimate', C: 'estimate' });
  });

  it('find a sentence that confuses them', () => {
    assert.equal(confused(['The calibration labels guarantee 2 %.', 'A certified estimate']).length, 2);
    assert.equal(confused(['An estimate is no guarantee.', 'The audit certifies 2 %.']).length, 0);
  });

  it('are kept apart in the help of every command', () => {
    const texts = everyCommand(createProgram(rooms())).flatMap((command) => [
      command.description(),
      ...command.options.map(({ description }) => description),
    ]);
    assert.ok(texts.length > 30);
    assert.deepEqual(confused(texts), []);
  });

  it('are kept apart in the docs', () => {
    for (const { file, text } of pages()) assert.deepEqual(confused(sentencesOf(text)), [], file);
  });

  it('of a run without an audit, in its report and its end, never hold a certificate or a guarantee', () => {
    for (const statement of [
      null,
      conditional(),
      conditional({ grade: 'C', refused: 'two-sample', claim: null }),
      conditional({ grade: 'C', refused: 'calibration', claim: null }),
    ]) {
      const page = renderReport(finishedRun({ conditional: statement }), figures({})).replace(
        /<style>[^]*?<\/style>/g,
        '',
      );
      assert.doesNotMatch(page, STRONG);
      assert.doesNotMatch(resultLines(view({ conditional: statement })).join('\n'), STRONG);
    }
  });

  it('of records before 0.3, which called the estimate B, are read as C', () => {
    const old = { grade: 'B', accepted: 90, errors: 1, error: 0.016, upper: 0.05, coverage: 0.9 };
    assert.equal(estimate.parse(old).grade, 'C');
    assert.deepEqual(estimate.parse(estimate.parse(old)), { ...old, grade: 'C' });
  });
});
