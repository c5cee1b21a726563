import { z } from 'zod';
import { answerMeta, poolCounts } from './audit.js';
import { ANSWERS_FROM } from './names.js';
import type { Answer } from './audit.js';
import { ref } from './references.js';
import type { Ref } from './references.js';

/*
 * Questions: people label chosen images of a pool, without an audit. Who is asked, and in which order, is no secret, so that
 * the model's guess may be shown; nothing is certified by what they say.
 */

/** Images that a list of questions holds: as many are asked about when nobody says how many. */
export const MOST_QUESTIONS = 5000;

/** As an audit's settings say it. */
export const answersFrom = z.string().regex(ANSWERS_FROM);

/** What a caller may choose; budget null: all there is to ask. */
export const questionsOptions = z.strictObject({
  budget: z.int().positive().max(MOST_QUESTIONS).nullable(),
  answers: answersFrom,
});

export const questionsRefs = z.strictObject({
  /** What is asked, most useful first: see questionsFile. Null before the workflow has chosen it. */
  questions: ref.nullable(),
  /** Answers as they were taken down: `audit-log/1`, all of use `question` or `second`. */
  log: ref.nullable(),
  /** The labels with what people said in them; once all is asked. */
  labels: ref.nullable(),
});
export type QuestionsRefs = z.infer<typeof questionsRefs>;

/** Answer of the workflow's `questions` query and of its `answer` and `stop` updates. Under 16 KiB. */
export const questionsState = z.strictObject({
  run: z.string(),
  /** Which questions of the run they are, from 1. */
  number: z.int().positive(),
  phase: z.enum(['questions', 'done']),
  /** Lines of the log so far: answers, and second ones of the same image. */
  seen: z.int().nonnegative(),
  /** Images with an answer, and images that are still to be asked about within the budget. */
  answered: z.int().nonnegative(),
  left: z.int().nonnegative(),
  /** Images that people answer at most. */
  budget: z.int().positive(),
  answers: answersFrom,
  refs: questionsRefs,
  /** What a person would read. */
  words: z.string(),
  /** The pool by `refs.labels`; absent while there are none. */
  pool: poolCounts.optional(),
});
export type QuestionsState = z.infer<typeof questionsState>;

/** Input of the workflow `questions`; `carried` is set by continue-as-new alone. */
export interface QuestionsInput {
  source: { run: string; dataset: Ref };
  number: number;
  /** `labels/2` in force: what answers are written into. */
  labels: Ref;
  /** Null: the images without a label, those first on which the model's passes disagree most, as beside an audit. */
  questions: Ref | null;
  budget: number;
  answers: string;
  /** Of the errors of a dry run. */
  seed: number;
  /** The last round's own labels, where these questions are about a run that has ended: their answers are in force from then on. */
  base?: Ref;
  carried?: QuestionsCarried;
}

/** What continue-as-new hands on: a wire format between releases, so it has a version. */
export interface QuestionsCarried {
  version: 1;
  state: QuestionsState;
}

/** What the activities are told of the questions that they are about. */
export type QuestionsAsked = Omit<QuestionsInput, 'carried'>;

/** Which number questions within a run have: that of the same ones, which go on where they stopped, or the next. */
export interface NumberQuestionsInput {
  asked: Omit<QuestionsAsked, 'number'>;
}

/** Takes answers down. */
export interface RecordQuestionsInput {
  asked: QuestionsAsked;
  refs: QuestionsRefs;
  answers: Answer[];
}

/** A dry run: hidden labels answer some of what is asked. */
export interface QuestionsByTruthInput {
  asked: QuestionsAsked;
  refs: QuestionsRefs;
}

/** What an activity made of new answers. */
export type QuestionsTurn = Pick<QuestionsState, 'refs' | 'seen' | 'answered' | 'left' | 'words'>;

/** Chooses what is asked, or takes up what was asked before; `ended`: these questions were over already. */
export interface OpenQuestionsOutput {
  turn: QuestionsTurn;
  ended: QuestionsState | null;
}

/** Writes what people said into the labels, and keeps how it ended. */
export interface EndQuestionsInput {
  asked: QuestionsAsked;
  state: QuestionsState;
  stopped: boolean;
}

/** `questions/<run>/<n>/opened.json`: what was asked, so that it can go on without its workflow. */
export const openedQuestions = z.strictObject({
  format: z.literal('labelloop.opened-questions/1'),
  dataset: ref,
  labels: ref,
  questions: ref,
  base: ref.nullable(),
  budget: z.int().positive(),
  answers: answersFrom,
  openedAt: answerMeta.at,
});
export type OpenedQuestions = z.infer<typeof openedQuestions>;

/** `questions/<run>/<n>/log.json`: the answers so far. */
export const questionsProgress = z.strictObject({
  format: z.literal('labelloop.questions-progress/1'),
  log: ref,
  seen: z.int(),
  answered: z.int(),
  left: z.int(),
});
export type QuestionsProgress = z.infer<typeof questionsProgress>;

/** Places of the questions' small objects in the store; `due` holds a `dueFile`, as an audit's. */
export const questionsPaths = {
  all: (run: string): string => `questions/${run}/opened/`,
  opened: (run: string, number: number): string => `questions/${run}/opened/${String(number).padStart(6, '0')}.json`,
  log: (run: string, number: number): string => `questions/${run}/${number}/log.json`,
  due: (run: string, number: number): string => `questions/${run}/${number}/due.json`,
  /** The state at its end: a QuestionsState. */
  ended: (run: string, number: number): string => `questions/${run}/${number}/ended.json`,
};
