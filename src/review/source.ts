import type { Labelloop, QuestionImage } from '../client/index.js';
import type { AskingState } from '../contracts/asking.js';
import type { Answer, Question } from '../contracts/audit.js';
import { LabelloopError } from '../contracts/errors.js';
import { reviewErrors } from './errors.js';
import type { Guess } from './wire.js';

/**
 * What the people's page needs of one run, and no more. Tests bring one in memory; `sourceOf` binds the client to it.
 * Errors are LabelloopErrors; a retryable one (the store or Temporal is away) makes the page keep its answers and try again.
 */
export interface ReviewSource {
  readonly run: string;
  /** Names, in the order of the class indices. */
  readonly classes: readonly string[];
  /** The next questions for a person, most urgent first; none tells which queue it is from. */
  questions(by: string, limit: number): Promise<readonly Question[]>;
  /** Takes answers down, all or none; returns the state after them. The same answer again changes nothing. */
  answer(answers: readonly Answer[]): Promise<AskingState | null>;
  /** The open audit, or the questions; null: nobody was ever asked. */
  asking(): Promise<AskingState | null>;
  image(question: Question): Promise<QuestionImage>;
  /** The model's guess; null where it has none. Asked only with `--show-guess`, and for no audit. */
  guess(question: Question): Promise<Guess | null>;
}

type AskingClient = Pick<Labelloop, 'asking' | 'questions' | 'answer' | 'image' | 'labels' | 'dataset'>;

/** Guesses change with a round at most; reading them is a pass over the pool's labels. */
const GUESSES_MS = 60_000;

/** A run as the people's page sees it. @throws RUN_UNKNOWN; RUN_NO_RESULTS before the run has found its dataset */
export async function sourceOf(client: AskingClient, run: string): Promise<ReviewSource> {
  const manifest = await client.dataset(run);
  if (manifest === null) throw reviewErrors.noDataset(run);
  const guesses = cachedGuesses(client, run);
  return {
    run,
    classes: manifest.classes,
    questions: (by, limit) => client.questions(run, { by, limit }).catch(without<Question[]>([])),
    answer: (answers) => client.answer(run, answers),
    asking: () => client.asking(run).catch(without<AskingState | null>(null)),
    image: (question) => client.image(run, question),
    guess: async ({ id }) => (await guesses()).get(id) ?? null,
  };
}

/** What to say of a run about which nobody was ever asked. */
const without =
  <T>(value: T) =>
  (error: unknown): T => {
    if (error instanceof LabelloopError && error.code === 'AUDIT_UNKNOWN') return value;
    throw error;
  };

function cachedGuesses(client: AskingClient, run: string): () => Promise<ReadonlyMap<string, Guess>> {
  let read: { at: number; guesses: Promise<ReadonlyMap<string, Guess>> } | null = null;
  return () => {
    if (read === null || Date.now() - read.at > GUESSES_MS) {
      const guesses = readGuesses(client, run);
      read = { at: Date.now(), guesses };
      guesses.catch(() => (read = null));
    }
    return read.guesses;
  };
}

async function readGuesses(client: AskingClient, run: string): Promise<ReadonlyMap<string, Guess>> {
  const guesses = new Map<string, Guess>();
  for await (const { id, status, predicted, probability } of client.labels(run))
    // A question is about an image without a label; a pool of a million has few of them.
    if (status !== 'accepted') guesses.set(id, { label: predicted, probability });
  return guesses;
}
