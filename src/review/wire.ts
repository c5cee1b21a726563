import type { Answer, AuditPhase } from '../contracts/audit.js';

/* What passes between the page and its server, as JSON. Types alone: the browser loads nothing from here. */

/** Where the audit or the questions stand, in numbers and words for a person who answers. */
export interface Progress {
  /** `questions`: asked without an audit; `answered`: those have ended; null: nobody was ever asked. */
  phase: AuditPhase | 'questions' | 'answered' | null;
  /** Answers that were taken. */
  given: number;
  /** Answers still expected, and what the audit needs at most in nine of ten cases; null where nobody can say. */
  expected: number | null;
  most: number | null;
  /** Answers left of the budget. */
  left: number | null;
  /** Hidden labels answer for people. */
  dryRun: boolean;
  /** What is certified, what is waited for. */
  words: string;
}

/** An image to answer. Deliberately without name, queue or turn: none of them must colour an answer. */
export interface Card {
  id: string;
  /** null where it is hidden or there is none. */
  guess: Guess | null;
}

/** What the model would say. */
export interface Guess {
  /** Class index. */
  label: number;
  /** Calibrated. */
  probability: number;
}

export interface SessionReply {
  run: string;
  classes: readonly string[];
  /** Sent back with every answer, in the header `x-labelloop-csrf`. */
  csrf: string;
  /** Who answers, where the server knows; else the page asks. */
  by: string | null;
  progress: Progress;
}

export interface QuestionsReply {
  questions: Card[];
  /** Questions that nobody has answered and that lie before other people. */
  withOthers: number;
  progress: Progress;
}

export type GivenAnswer = Answer;

export interface AnswersReply {
  /** Ids that are taken down; those that had been before are among them. */
  taken: string[];
  refused: { id: string; reason: string }[];
  /** null: the page made this reply itself. */
  progress: Progress | null;
}

export interface ErrorReply {
  error: { code: string; message: string };
}
