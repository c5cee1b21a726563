import { questionsFile } from '../../contracts/audit-stages.js';
import type { QuestionsFile } from '../../contracts/audit-stages.js';
import { problem } from '../../contracts/errors.js';
import { openedQuestions, questionsPaths, questionsProgress, questionsState } from '../../contracts/questions.js';
import type {
  NumberQuestionsInput,
  OpenedQuestions,
  OpenQuestionsOutput,
  QuestionsAsked,
} from '../../contracts/questions.js';
import type { Ref } from '../../contracts/references.js';
import { readCorrections, readRows, tables } from '../../store/index.js';
import type { Store } from '../../store/index.js';
import { readLog } from '../audit/books.js';
import { noTruth } from '../audit/hidden-labels.js';
import { MostUseful } from '../audit/most-useful.js';
import { readManifest } from '../inputs.js';
import { turnOf } from './desk.js';

/** Chooses what is asked and keeps it; or takes the same questions up where they stopped. */
export async function openQuestions({ asked }: { asked: QuestionsAsked }, store: Store): Promise<OpenQuestionsOutput> {
  const { source, number, budget, answers } = asked;
  const { run } = source;
  const manifest = await readManifest(store, source.dataset);
  if (answers !== 'people' && !manifest.truth) throw noTruth(manifest.name);
  const path = questionsPaths.opened(run, number);
  if (!(await store.getPointer(path, openedQuestions))) {
    const questions = asked.questions ?? (await chooseOpen(store, run, asked.labels));
    const opened: OpenedQuestions = {
      format: 'labelloop.opened-questions/1',
      dataset: source.dataset,
      labels: asked.labels,
      questions,
      base: asked.base ?? null,
      budget,
      answers,
      openedAt: new Date().toISOString(),
    };
    const { images } = await store.readJson(questions, questionsFile);
    // With nothing to ask there is nothing to go on with, and the number stays free.
    if (images.length > 0) await store.createPointer(path, opened);
    else return { turn: await turnOf(store, asked, { questions, log: null, labels: null }), ended: null };
  }
  const opened = await store.getPointer(path, openedQuestions);
  if (!opened) throw problem('STORE_UNAVAILABLE', `${path} was written and can't be read.`);
  if (!isSame(opened, asked))
    throw problem(
      'AUDIT_INVALID',
      `Questions ${number} of run '${run}' are about other labels or images. Ask anew: labelloop review ${run}`,
    );
  const ended = await store.getPointer(questionsPaths.ended(run, number), questionsState);
  const progress = await store.getPointer(questionsPaths.log(run, number), questionsProgress);
  const refs = { questions: opened.questions, log: progress?.log ?? null, labels: null };
  // One that ended goes on only when it may ask more than before.
  return { turn: await turnOf(store, asked, refs), ended: ended?.budget === budget ? ended : null };
}

/** The number of the same questions, which go on where they stopped, or the next. */
export async function numberQuestions({ asked }: NumberQuestionsInput, store: Store): Promise<{ number: number }> {
  const { run } = asked.source;
  const before = await store.listPointers(questionsPaths.all(run));
  for (let number = before.length; number > 0; number--) {
    const opened = await store.getPointer(questionsPaths.opened(run, number), openedQuestions);
    if (opened && isSame(opened, asked)) return { number };
  }
  return { number: before.length + 1 };
}

/** Whether what was opened is what is asked now; how many may be answered can have changed. */
function isSame(opened: OpenedQuestions, asked: Omit<QuestionsAsked, 'number'>): boolean {
  return (
    opened.dataset.sha256 === asked.source.dataset.sha256 &&
    opened.labels.sha256 === asked.labels.sha256 &&
    (asked.questions === null || opened.questions.sha256 === asked.questions.sha256) &&
    opened.answers === asked.answers
  );
}

/** Images without a label that nobody was asked about yet, in the order in which an audit's people are asked about theirs. */
async function chooseOpen(store: Store, run: string, labels: Ref): Promise<Ref> {
  const known = new Set<string>();
  for (const { log } of await readCorrections(store, run))
    for (const { id } of await readLog(store, log)) known.add(id);
  const useful = new MostUseful<{ id: string; position: number; epistemic: number; entropy: number }>();
  let position = 0;
  for await (const row of readRows(tables.labels, await store.fetch(labels))) {
    if (row.status !== 'accepted' && !known.has(row.id))
      useful.offer({ id: row.id, position, epistemic: row.epistemic, entropy: row.predictive_entropy });
    position++;
  }
  const file: QuestionsFile = {
    format: 'labelloop.questions/1',
    images: useful.chosen().map(({ id, position: at }) => ({ id, position: at })),
  };
  return store.putJson('questions/1', file);
}
