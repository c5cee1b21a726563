import {
  ActivityFailure,
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  ContinueAsNew,
  defineUpdate,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Answer } from '../contracts/audit.js';
import { UPDATE_ANSWER, UPDATE_STOP } from '../contracts/names.js';
import { asFailure } from './failures.js';
import { Mutex } from './mutex.js';

/** Answers that one message may bring: with them it stays under 16 KiB. */
const ANSWERS_AT_ONCE = 100;
/**
 * Messages after which the history starts anew. One takes some eight events, and with 100 answers up to 40 KB: a few hundred
 * stay far below what a server warns of.
 */
const MESSAGES_A_HISTORY = 200;

export const refuse = (message: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(message, 'AUDIT_INVALID');

/** Where people's answers arrive, of an audit or of questions: takes them down one message after the other. */
export abstract class AnswerDesk<State> {
  /** Messages since this history began. */
  messages = 0;
  stopped = false;
  /** The workflow failed or was cancelled: nobody must wait for it any more. */
  closed = false;
  private readonly mutex = new Mutex();

  /** Registers the handlers; call it before the first await, as an update without a handler is rejected. */
  protected constructor(
    readonly state: State,
    stops: string,
  ) {
    setHandler(
      defineUpdate<State, [{ answers: Answer[] }]>(UPDATE_ANSWER),
      ({ answers }: { answers: Answer[] }) => this.answer(answers),
      {
        description: `Take people's answers down, ${ANSWERS_AT_ONCE} at most.`,
        validator: (given: unknown) => this.checkAnswers(given),
      },
    );
    setHandler(defineUpdate<State>(UPDATE_STOP), () => this.stop(), {
      description: stops,
      validator: () => this.checkOpen(),
    });
  }

  /** Whether the history has grown so that a new one should go on. */
  get due(): boolean {
    return this.messages >= MESSAGES_A_HISTORY || workflowInfo().continueAsNewSuggested;
  }

  /** @throws AUDIT_INVALID where nothing is taken (any more) */
  protected abstract checkOpen(): void;
  /** @throws AUDIT_INVALID where people's answers are not wanted now */
  protected abstract checkWanted(): void;
  /** Has an activity take answers down, and the state say so. */
  protected abstract record(answers: Answer[]): Promise<void>;

  private answer(answers: Answer[]): Promise<State> {
    this.messages++;
    return this.mutex.run(async () => {
      try {
        // Cancelled, it keeps the answers that reached it.
        await CancellationScope.nonCancellable(() => this.record(answers));
      } catch (error) {
        throw reasonOf(error);
      }
      return this.state;
    });
  }

  private stop(): State {
    this.messages++;
    this.stopped = true;
    return this.state;
  }

  private checkAnswers(given: unknown): void {
    this.checkOpen();
    const answers = (given as { answers?: unknown } | undefined)?.answers;
    if (!Array.isArray(answers) || answers.length === 0 || answers.length > ANSWERS_AT_ONCE)
      throw refuse(`Give { answers: [...] } with 1 to ${ANSWERS_AT_ONCE} answers.`);
    this.checkWanted();
  }
}

/**
 * Does a desk's work to its end. Where it fails or is cancelled, an answer that was being taken down is told what became of
 * it first, and then whoever is to be told.
 *
 * @param words of a cancelled workflow
 * @param tell is given why it ended
 */
export async function atDesk<T>(
  desk: AnswerDesk<unknown>,
  words: string,
  work: () => Promise<T>,
  tell: (event: 'failed' | 'cancelled', reason: string) => Promise<void>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    desk.closed = true;
    const failure = asFailure(error, words);
    await CancellationScope.nonCancellable(async () => {
      await condition(allHandlersFinished);
      await tell(isCancellation(failure) ? 'cancelled' : 'failed', failure instanceof Error ? failure.message : '');
    });
    throw failure;
  }
}

/** An activity's reason in its own words and code, for whoever sent the message. */
function reasonOf(error: unknown): unknown {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof ApplicationFailure)) return error;
  const { message, type } = error.cause;
  return ApplicationFailure.nonRetryable(message, type ?? 'INTERNAL');
}
