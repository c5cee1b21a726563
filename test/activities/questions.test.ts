import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from '../../src/activities/open.js';
import { answerQuestionsByTruth, recordQuestionAnswers } from '../../src/activities/questions/desk.js';
import { endQuestions } from '../../src/activities/questions/end.js';
import { numberQuestions, openQuestions } from '../../src/activities/questions/open.js';
import { dueFile, questionsFile } from '../../src/contracts/audit-stages.js';
import { auditLine } from '../../src/contracts/audit.js';
import type { Answer, Verdict } from '../../src/contracts/audit.js';
import { questionsPaths, questionsState } from '../../src/contracts/questions.js';
import type { QuestionsAsked, QuestionsState, QuestionsTurn } from '../../src/contracts/questions.js';
import type { Ref } from '../../src/contracts/references.js';
import { encodeSafetensors } from '../../src/contracts/safetensors.js';
import { runPointerPath } from '../../src/contracts/shift.js';
import type { LabelRow } from '../../src/contracts/tables.js';
import { register } from '../../src/datasets/registry.js';
import { encodeTable, inForce, readCorrections, readRows, Store, tables } from '../../src/store/index.js';
import { labelRow, manifest } from '../cli/fixtures.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';

/** Images 0 to 11 of the pool; every third is open, its disagreement falling with its number. */
const POOL = 12;
const id = (i: number): string => i.toString(16).padStart(32, '0');
const isOpen = (i: number): boolean => i % 3 === 0;

describe('questions in the store', function () {
  this.timeout(60_000);
  let server: S3Server;
  let folder: string;
  let store: Store;
  let dataset: Ref;
  let labels: Ref;

  before(async function () {
    const binary = s3Binary(s3Servers[0]);
    if ('skip' in binary) return this.skip();
    server = await S3Server.start(s3Servers[0], binary.path);
    folder = await mkdtemp(join(tmpdir(), 'labelloop-questions-'));
    store = await Store.open(server.connection, { cacheDir: folder });
    // The true class of image i is i % 2.
    const truth = encodeTable(
      tables.answers,
      Array.from({ length: POOL }, (_, i) => ({ id: id(i), label: i % 2 })),
    );
    dataset = await store.putJson(
      'dataset/1',
      manifest({ truth: await store.putBytes('answers/1', truth), dryRun: true }),
    );
    labels = await store.putBytes(
      'labels/2',
      encodeTable(
        tables.labels,
        Array.from({ length: POOL }, (_, i) => row(i)),
      ),
    );
  });
  after(async () => {
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const row = (i: number): LabelRow => ({
    ...labelRow(id(i)),
    ...(isOpen(i) ? { status: 'open', change: 'none', label: -1, class: '', source: '', round: 0, model: '' } : {}),
    epistemic: (i === 0 ? 5 : i) / 10,
  });
  const asked = (run: string, changes: Partial<QuestionsAsked> = {}): QuestionsAsked => ({
    ...{ source: { run, dataset }, number: 1, labels, base: labels, questions: null, budget: 100 },
    ...{ answers: 'people', seed: 3, ...changes },
  });
  const answer = (i: number, verdict: Verdict, by = 'ann'): Answer => ({
    ...{ id: id(i), verdict, by, at: '2026-01-02T03:04:05.000Z', seconds: 2 },
  });
  const stateOf = (ask: QuestionsAsked, turn: QuestionsTurn): QuestionsState => {
    const { source, number, budget, answers } = ask;
    return questionsState.parse({ run: source.run, number, phase: 'questions', budget, answers, ...turn });
  };
  const end = (ask: QuestionsAsked, turn: QuestionsTurn, stopped = false) =>
    endQuestions({ asked: ask, state: { ...stateOf(ask, turn), phase: 'done' }, stopped }, store);
  const rowsOf = async (ref: Ref | null): Promise<LabelRow[]> => {
    assert.ok(ref);
    const rows: LabelRow[] = [];
    for await (const each of readRows(tables.labels, await store.fetch(ref))) rows.push(each);
    return rows;
  };
  const dueOf = async (run: string, number = 1): Promise<number[]> =>
    ((await store.getPointer(questionsPaths.due(run, number), dueFile))?.due ?? []).map(({ position }) => position);

  it('asks about images without a label, those first on which the passes disagree most', async () => {
    const { turn } = await openQuestions({ asked: asked('order') }, store);
    assert.deepEqual([turn.seen, turn.answered, turn.left], [0, 0, 4]);
    assert.deepEqual(await dueOf('order'), [9, 6, 0, 3]);
    const file = await store.readJson(turn.refs.questions as Ref, questionsFile);
    assert.deepEqual(
      file.images.map(({ id: image }) => image),
      [9, 6, 0, 3].map(id),
    );
  });

  it('takes answers down, goes on with them in another workflow, and writes them into the labels', async () => {
    const ask = asked('whole');
    const { turn } = await openQuestions({ asked: ask }, store);
    const given = { asked: ask, refs: turn.refs, answers: [answer(9, 1), answer(6, 'unsure')] };
    const after = await recordQuestionAnswers(given, store);
    // An attempt that was given up and came late leaves the same.
    assert.deepEqual(await recordQuestionAnswers(given, store), after);
    assert.deepEqual(await dueOf('whole'), [0, 3]);
    const again = await openQuestions({ asked: ask }, store);
    assert.deepEqual(again.turn, after);
    assert.equal(again.ended, null);
    const rest = await recordQuestionAnswers({ asked: ask, refs: again.turn.refs, answers: [answer(0, 0)] }, store);
    const ended = await end(ask, rest, true);
    const rows = await rowsOf(ended.refs.labels);
    assert.deepEqual(
      [9, 6, 0, 3, 1].map((i) => [rows[i]?.label, rows[i]?.source, rows[i]?.status]),
      [
        [1, 'human', 'accepted'],
        [-1, '', 'open'],
        [0, 'human', 'accepted'],
        [-1, '', 'open'],
        [1, 'model', 'accepted'],
      ],
    );
    assert.equal(rows[9]?.class, 'whelk');
    assert.deepEqual(ended.pool, { labelled: 10, open: 2, outliers: 0 });
    assert.match(ended.words, /People answered 3 images.*stopped with 1 image left/);
    const known = await store.getPointer(questionsPaths.ended('whole', 1), questionsState);
    assert.deepEqual(known, ended);
    assert.deepEqual((await openQuestions({ asked: ask }, store)).ended, ended);
    const log = await store.readJsonLines(ended.refs.log as Ref, auditLine);
    assert.deepEqual(
      log.map(({ seen, use }) => [seen, use]),
      [
        [0, 'question'],
        [1, 'question'],
        [2, 'question'],
      ],
    );
  });

  it('asks of what was answered nothing again, and ends at once where nothing is left', async () => {
    const before = await store.getPointer(questionsPaths.ended('whole', 1), questionsState);
    const ask = asked('whole', { number: 2, labels: before?.refs.labels as Ref });
    const { turn } = await openQuestions({ asked: ask }, store);
    // Image 6, about which a person could not tell, stays open and is not asked about again.
    assert.deepEqual(await dueOf('whole', 2), [3]);
    const ended = await end(
      ask,
      await recordQuestionAnswers({ asked: ask, refs: turn.refs, answers: [answer(3, 1)] }, store),
    );
    const last = asked('whole', { number: 3, labels: ended.refs.labels as Ref });
    const nothing = (await openQuestions({ asked: last }, store)).turn;
    assert.equal(nothing.left, 0);
    assert.match((await end(last, nothing)).words, /Nobody is asked/);
    assert.equal(await store.getPointer(questionsPaths.ended('whole', 3), questionsState), null);
    const corrections = await readCorrections(store, 'whole');
    assert.deepEqual(
      corrections.map(({ of, number }) => [of, number]),
      [
        ['questions', 1],
        ['questions', 2],
      ],
    );
    assert.equal(inForce(corrections, labels)?.labels?.sha256, ended.refs.labels?.sha256);
  });

  it('keeps to the budget, which may grow when they go on', async () => {
    const ask = asked('budget', { budget: 2 });
    const { turn } = await openQuestions({ asked: ask }, store);
    assert.equal(turn.left, 2);
    assert.deepEqual(await dueOf('budget'), [9, 6]);
    const given = await recordQuestionAnswers(
      { asked: ask, refs: turn.refs, answers: [answer(9, 1), answer(6, 0)] },
      store,
    );
    assert.equal(given.left, 0);
    await end(ask, given);
    assert.ok((await openQuestions({ asked: ask }, store)).ended);
    const more = await openQuestions({ asked: { ...ask, budget: 3 } }, store);
    assert.equal(more.ended, null);
    assert.deepEqual([more.turn.answered, more.turn.left], [2, 1]);
  });

  it('has a number for the same questions, and the next for others', async () => {
    const questions = await store.putJson('questions/1', {
      format: 'labelloop.questions/1',
      images: [4, 5].map((position) => ({ id: id(position), position })),
    });
    const { source, answers, budget, seed } = asked('within');
    const ask = { source, labels, questions, answers, budget, seed };
    assert.deepEqual(await numberQuestions({ asked: ask }, store), { number: 1 });
    const { turn } = await openQuestions({ asked: { ...ask, number: 1 } }, store);
    // A run that asks may ask about labelled images too, in its own order.
    assert.deepEqual(await dueOf('within'), [4, 5]);
    assert.deepEqual(await numberQuestions({ asked: { ...ask, budget: 1 } }, store), { number: 1 });
    assert.deepEqual(await numberQuestions({ asked: { ...ask, questions: null, labels: dataset } }, store), {
      number: 2,
    });
    await assert.rejects(
      openQuestions({ asked: { ...ask, number: 1, answers: 'truth' } }, store),
      /other labels or images/,
    );
    const within = { ...ask, number: 1 };
    const given = await recordQuestionAnswers(
      { asked: within, refs: turn.refs, answers: [answer(4, 0), answer(5, 'none')] },
      store,
    );
    const rows = await rowsOf((await end(within, given)).refs.labels);
    assert.deepEqual(
      [4, 5].map((i) => [rows[i]?.change, rows[i]?.label, rows[i]?.source]),
      [
        ['flip', 0, 'human'],
        ['revoke', -1, ''],
      ],
    );
    // They are about a round that was trained upon since: its run's labels are others.
    assert.equal(inForce(await readCorrections(store, 'within'), labels), null);
  });

  it('hidden labels answer in a dry run, err as often as is said, and are refused where there are none', async () => {
    const ask = asked('dry', { answers: 'truth' });
    const { turn } = await openQuestions({ asked: ask }, store);
    const given = await answerQuestionsByTruth({ asked: ask, refs: turn.refs }, store);
    assert.equal(given.left, 0);
    assert.match(given.words, /^Dry run: hidden labels have answered 4 of 4 images/);
    const rows = await rowsOf((await end(ask, given)).refs.labels);
    assert.deepEqual(
      [0, 3, 6, 9].map((i) => rows[i]?.label),
      [0, 1, 0, 1],
    );
    const wrong = asked('dry-wrong', { answers: 'truth:0.99' });
    const opened = await openQuestions({ asked: wrong }, store);
    const erring = await answerQuestionsByTruth({ asked: wrong, refs: opened.turn.refs }, store);
    const odd = await rowsOf((await end(wrong, erring)).refs.labels);
    assert.deepEqual(
      [0, 3, 6, 9].map((i) => odd[i]?.label),
      [1, 0, 1, 0],
    );
    const blank = await store.putJson('dataset/1', manifest());
    await assert.rejects(
      openQuestions({ asked: asked('none', { source: { run: 'none', dataset: blank }, answers: 'truth' }) }, store),
      { code: 'SETTINGS_INVALID' },
    );
  });

  it('hands the answers on to a run that begins with the labels, while they are open too', async () => {
    const shells = await store.putJson('dataset/1', manifest({ shards: { labelled: [], pool: [], test: [] } }));
    await register(store, 'shells', shells, './shells');
    const settings = { dataset: 'shells', labelsFrom: 'handed' };
    await assert.rejects(open({ settings }, store), /people have not answered anything about run 'handed'/);
    const ask = asked('handed');
    const { turn } = await openQuestions({ asked: ask }, store);
    await assert.rejects(open({ settings }, store), /have not answered anything/);
    const given = await recordQuestionAnswers({ asked: ask, refs: turn.refs, answers: [answer(3, 0)] }, store);
    const begun = await open({ settings }, store);
    assert.equal((await rowsOf(begun.labels ?? null))[3]?.source, 'human');
    const ended = await end(ask, given, true);
    assert.equal((await open({ settings }, store)).labels?.sha256, ended.refs.labels?.sha256);
  });

  it('hands the answers on to a run that a model moves to, while they are open too', async () => {
    const source = manifest({ shards: { labelled: [], pool: [], test: [] } });
    const from = await store.putJson('dataset/1', source);
    await register(store, 'beach', await store.putJson('dataset/1', { ...source, name: 'beach' }), './beach');
    const spec = { network: 'compact', image: source.image, classes: 2, growth: null };
    const model = await store.putBytes('model/2', encodeSafetensors({}, { spec: JSON.stringify(spec) }));
    const history = await store.putJson('history/1', {
      format: 'labelloop.history/1',
      rounds: [
        {
          ...{ round: 1, model, labels, cutoff: labels, clusters: labels, pool: labels, labelled: labels, loss: 1 },
          counts: { accepted: 8, added: 8, kept: 0, flipped: 0, revoked: 0, open: 4, outliers: 0 },
          estimate: { grade: 'C', accepted: 1, errors: 0, error: 0, upper: 1, coverage: 1 },
          ...{ testAccuracy: null, calibrationAccuracy: null, seconds: {}, fromStore: [] },
        },
      ],
    });
    const pointer = { format: 'labelloop.run/1', dataset: from, split: labels, labelled: labels, history };
    await store.putPointer(runPointerPath('moved-from'), pointer);
    const moved = async () => {
      const { source: heard } = await open({ settings: { dataset: 'beach', adapt: { from: 'moved-from' } } }, store);
      return rowsOf(heard?.labels ?? null);
    };
    assert.equal((await moved())[3]?.source, '');
    const ask = asked('moved-from');
    const { turn } = await openQuestions({ asked: ask }, store);
    await recordQuestionAnswers({ asked: ask, refs: turn.refs, answers: [answer(3, 0)] }, store);
    assert.equal((await moved())[3]?.source, 'human');
  });
});
