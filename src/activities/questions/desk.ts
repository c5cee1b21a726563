import { questionsFile } from '../../contracts/audit-stages.js';
import type { DueFile, QuestionsFile } from '../../contracts/audit-stages.js';
import type { AuditLine } from '../../contracts/audit.js';
import { problem } from '../../contracts/errors.js';
import { questionsPaths, questionsProgress } from '../../contracts/questions.js';
import type {
  QuestionsAsked,
  QuestionsByTruthInput,
  QuestionsProgress,
  QuestionsRefs,
  QuestionsTurn,
  RecordQuestionsInput,
} from '../../contracts/questions.js';
import { QuestionsDesk, questionsWords } from '../../labelling/questions.js';
import type { Store } from '../../store/index.js';
import { checkedAnswers } from '../audit/answers.js';
import { latelyAt, readLog, storeLog } from '../audit/books.js';
import { ANSWERS_AT_ONCE, hiddenPanel } from '../audit/hidden-labels.js';
import { readManifest } from '../inputs.js';

type Desk = QuestionsDesk<QuestionsFile['images'][number]>;

/** Takes answers down: all, or none where one can't be taken. The same input gives the same log. */
export async function recordQuestionAnswers(
  { asked, refs, answers }: RecordQuestionsInput,
  store: Store,
): Promise<QuestionsTurn> {
  const desk = await openDesk(store, asked, refs);
  for (const answer of checkedAnswers(answers)) desk.take(answer);
  return turnOf(store, asked, refs, desk);
}

/** A dry run: hidden labels answer what is asked, and err in the share of the answers that is wanted. */
export async function answerQuestionsByTruth(
  { asked, refs }: QuestionsByTruthInput,
  store: Store,
): Promise<QuestionsTurn> {
  if (asked.answers === 'people') throw problem('AUDIT_INVALID', 'Hidden labels may not answer for people here.');
  const manifest = await readManifest(store, asked.source.dataset);
  const answerOf = await hiddenPanel(store, manifest, asked.answers, asked.seed);
  const desk = await openDesk(store, asked, refs);
  for (const { id, position } of desk.wanted.slice(0, ANSWERS_AT_ONCE)) desk.take(answerOf(id, position));
  return turnOf(store, asked, refs, desk);
}

async function openDesk(store: Store, { source, budget }: QuestionsAsked, refs: QuestionsRefs): Promise<Desk> {
  if (refs.questions === null) throw problem('AUDIT_INVALID', 'The questions are not chosen yet.');
  const [{ classes }, { images }, lines] = await Promise.all([
    readManifest(store, source.dataset),
    store.readJson(refs.questions, questionsFile),
    readLog(store, refs.log),
  ]);
  return new QuestionsDesk(classes.length, images, budget, lines);
}

/** Stores the log where it has grown, and says what comes next. */
export async function turnOf(
  store: Store,
  asked: QuestionsAsked,
  refs: QuestionsRefs,
  given?: Desk,
): Promise<QuestionsTurn> {
  const desk = given ?? (await openDesk(store, asked, refs));
  const { run } = asked.source;
  const { log: lines, answered, wanted } = desk;
  const left = wanted.length;
  const seen = lines.length;
  const log = seen === 0 ? null : await storeLog(store, lines);
  if (log !== null)
    await remember(store, questionsPaths.log(run, asked.number), {
      format: 'labelloop.questions-progress/1',
      ...{ log, seen, answered, left },
    });
  await store.putPointer(questionsPaths.due(run, asked.number), dueOf(lines, wanted));
  const words = questionsWords({ answered, left, answers: asked.answers });
  return { refs: { ...refs, log }, seen, answered, left, words };
}

/** An attempt that was given up may come late. */
async function remember(store: Store, path: string, progress: QuestionsProgress): Promise<void> {
  const before = await store.getPointer(path, questionsProgress);
  if (before === null || before.seen <= progress.seen) await store.putPointer(path, progress);
}

const dueOf = (log: readonly AuditLine[], wanted: DueFile['due']): DueFile => ({
  format: 'labelloop.due/1',
  seen: log.length,
  due: wanted.slice(0, 1000),
  seconds: [],
  open: [],
  people: latelyAt(log),
});
