import assert from 'node:assert/strict';
import type { Judgement } from '../../src/contracts/audit.js';
import type { QuestionsState } from '../../src/contracts/questions.js';
import { progressOf } from '../../src/review/progress.js';
import { state } from './fixtures.js';

const judged = (repair: number, audit: number, left: number): Judgement => ({
  cuts: [],
  certified: null,
  outcome: 'open',
  answers: { repair, audit, left },
});

describe('the progress of an audit', () => {
  it('is what is answered, and what its plan still expects', () => {
    const { given, expected, most, left } = progressOf(state({ judgement: judged(20, 40, 340) }));
    assert.deepEqual({ given, expected, most, left }, { given: 60, expected: 100, most: 152, left: 340 });
  });

  it('expects no more than the budget holds, and nothing below zero', () => {
    assert.equal(progressOf(state({ judgement: judged(0, 100, 30) })).expected, 30);
    assert.equal(progressOf(state({ judgement: judged(0, 200, 200) })).expected, 0);
    assert.equal(progressOf(state({ judgement: judged(0, 10, 200), phase: 'done' })).expected, 0);
  });

  it('expects nothing that nobody has planned', () => {
    assert.equal(progressOf(state({ outlook: null })).expected, null);
  });

  it('says that hidden labels answer', () => {
    const { settings } = state();
    assert.equal(progressOf(state()).dryRun, false);
    for (const answers of ['truth', 'truth:0.02'])
      assert.equal(progressOf(state({ settings: { ...settings, answers } })).dryRun, true);
  });

  it('says what is waited for where the audit itself says nothing', () => {
    assert.match(progressOf(state({ words: '', phase: 'nonce' })).words, /nonce/);
    assert.match(progressOf(null).words, /Nobody is asked/);
  });

  it('counts the questions of a run without an audit exactly', () => {
    const asked: QuestionsState = {
      ...{ run: 'shells', number: 1, phase: 'questions', seen: 13, answered: 12, left: 88, budget: 100 },
      ...{ answers: 'people', refs: { questions: null, log: null, labels: null }, words: '88 images wait.' },
    };
    const { words } = asked;
    const now = { phase: 'questions', given: 12, expected: 88, most: 88, left: 88, dryRun: false, words };
    assert.deepEqual(progressOf(asked), now);
    const over = progressOf({ ...asked, phase: 'done', answers: 'truth' });
    assert.deepEqual([over.phase, over.left, over.dryRun], ['answered', 0, true]);
  });
});
