import { isAudit, isOver } from '../contracts/asking.js';
import type { AskingState } from '../contracts/asking.js';
import type { Answer, AuditState } from '../contracts/audit.js';
import { readCorrections } from '../store/index.js';
import type { Store } from '../store/index.js';
import type { Audits } from './audits.js';
import { batches } from './batches.js';
import { clientErrors } from './errors.js';
import type { RunQuestions } from './questions.js';
import type { Asked } from './queue.js';

/** Told after every message how many answers were taken in all, and where what asks stands. */
export type OnTaken = (taken: number, state: AskingState) => void;

/** What asks people about a run, whichever it is: an open audit, which comes first, or questions. */
export class People {
  constructor(
    private readonly audits: Audits,
    private readonly questions: RunQuestions,
    private readonly store: Store,
  ) {}

  /** A run's audit, as far as it is not over. */
  async openAudit(run: string): Promise<AuditState | null> {
    const audit = await this.audits.shown(run);
    return audit?.phase === 'done' ? null : audit;
  }

  /** What asks people now. */
  async open(run: string): Promise<AskingState | null> {
    return (await this.openAudit(run)) ?? this.questions.open(run);
  }

  /** What asks people now, or did last. @throws AUDIT_UNKNOWN where nobody was ever asked */
  async asking(run: string): Promise<AskingState> {
    const [audit, questions] = [await this.audits.shown(run), await this.questions.find(run)];
    if (audit && audit.phase !== 'done') return audit;
    if (questions?.phase === 'questions') return questions;
    const last = (await readCorrections(this.store, run)).at(-1);
    const found = last?.of === 'audit' ? (audit ?? questions) : (questions ?? audit);
    if (found) return found;
    // One that has begun, and that no worker plans.
    const begun = await this.audits.get(run).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'AUDIT_UNKNOWN') return null;
      throw error;
    });
    if (begun) return begun;
    throw clientErrors.nothingAsked(run);
  }

  /** The next images for one person. */
  async next(run: string, by: string, limit: number): Promise<Asked[]> {
    const state = await this.asking(run);
    if (isOver(state)) return [];
    return isAudit(state) ? this.audits.next(state, by, limit) : this.questions.next(state, by, limit);
  }

  /** Sends answers in their order, message by message, as long as they are wanted. */
  async answer(run: string, answers: readonly Answer[], onTaken: OnTaken): Promise<AskingState> {
    let state = await this.asking(run);
    const about = state;
    let taken = 0;
    for (const batch of batches(answers)) {
      state = isAudit(about) ? await this.audits.answer(about, batch) : await this.questions.answer(about, batch);
      onTaken((taken += batch.length), state);
      if (isOver(state)) break;
    }
    return state;
  }
}
