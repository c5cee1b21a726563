import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  defineQuery,
  defineUpdate,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { Answer, AuditState } from '../contracts/audit.js';
import type { AuditCarried, AuditInput, AuditTurn } from '../contracts/audit-stages.js';
import { QUERY_AUDIT, UPDATE_ANSWER, UPDATE_NONCE, UPDATE_STOP } from '../contracts/names.js';
import { Mutex } from './mutex.js';
import { stages } from './stages.js';

const auditQuery = defineQuery<AuditState>(QUERY_AUDIT);
const answerUpdate = defineUpdate<AuditState, [{ answers: Answer[] }]>(UPDATE_ANSWER);
const nonceUpdate = defineUpdate<AuditState, [{ nonce: string }]>(UPDATE_NONCE);
const stopUpdate = defineUpdate<AuditState>(UPDATE_STOP);

/** Answers that one message may bring: with them it stays under 16 KiB. */
const ANSWERS_AT_ONCE = 100;

const refuse = (message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, 'AUDIT_INVALID');

/** Where people's answers arrive: keeps the audit's state, and takes answers down one message after the other. */
export class AuditDesk {
  readonly state: AuditState;
  /** Messages since this history began. */
  messages = 0;
  nonce: string | null = null;
  stopped = false;
  /** The audit failed or was cancelled: nobody must wait for it any more. */
  closed = false;
  private readonly mutex = new Mutex();

  /** Registers the handlers; call it before the first await, as an update without a handler is rejected. */
  constructor(
    private readonly input: AuditInput,
    carried: AuditCarried | undefined,
  ) {
    this.state = carried?.state ?? freshState(input);
    setHandler(auditQuery, () => this.state, { description: 'What the audit waits for and what it has certified.' });
    setHandler(answerUpdate, ({ answers }) => this.answer(answers), {
      description: `Take people's answers down, ${ANSWERS_AT_ONCE} at most.`,
      validator: (given) => this.checkAnswers(given),
    });
    setHandler(nonceUpdate, ({ nonce }) => this.takeNonce(nonce), {
      description: 'Give the nonce of the draw.',
      validator: (given) => this.checkNonce(given),
    });
    setHandler(stopUpdate, () => this.stop(), {
      description: 'End the audit with what is certified by now.',
      validator: () => this.checkOpen(),
    });
  }

  /** Nothing more needs to be asked. */
  get decided(): boolean {
    return this.state.judgement !== null && this.state.judgement.outcome !== 'open';
  }

  /** What an activity made of new answers. */
  turn({ refs, seen, judgement, phase, words }: AuditTurn): void {
    Object.assign(this.state, { refs, seen, judgement, phase, words });
    this.describe();
  }

  /** A dry run: hidden labels answer for people. */
  async byTruth(): Promise<void> {
    const { run, audit, refs, settings } = this.state;
    if (refs === null) return;
    const { dataset } = this.input.source;
    const { seed } = this.input.source.settings;
    this.turn(await stages.answerByTruth({ run, audit, dataset, refs, settings, seed }));
    this.messages++;
  }

  describe(): void {
    setCurrentDetails(`**Audit ${this.state.audit} of ${this.state.run}: ${this.state.phase}**\n\n${this.state.words}`);
  }

  private answer(answers: Answer[]): Promise<AuditState> {
    this.messages++;
    return this.mutex.run(async () => {
      // An audit that was decided meanwhile still takes what people had before them: they are labels.
      const { run, audit, refs } = this.state;
      if (refs === null) throw refuse(NOT_OPEN);
      const { dataset } = this.input.source;
      try {
        // A cancelled audit keeps the answers that reached it.
        this.turn(
          await CancellationScope.nonCancellable(() => stages.recordAnswers({ run, audit, dataset, refs, answers })),
        );
      } catch (error) {
        throw reasonOf(error);
      }
      return this.state;
    });
  }

  private async takeNonce(nonce: string): Promise<AuditState> {
    this.messages++;
    this.nonce ??= nonce;
    await condition(() => this.state.refs?.order != null || this.stopped || this.closed);
    return this.state;
  }

  private stop(): AuditState {
    this.messages++;
    this.stopped = true;
    return this.state;
  }

  private checkOpen(): void {
    if (this.state.phase === 'certify' || this.state.phase === 'done') throw refuse('The audit is over.');
    if (this.state.refs === null) throw refuse(NOT_OPEN);
  }

  private checkAnswers(given: unknown): void {
    this.checkOpen();
    if (this.state.refs?.order == null) throw refuse('Nothing is drawn yet: the audit waits for its nonce.');
    const answers = (given as { answers?: unknown } | undefined)?.answers;
    if (!Array.isArray(answers) || answers.length === 0 || answers.length > ANSWERS_AT_ONCE)
      throw refuse(`Give { answers: [...] } with 1 to ${ANSWERS_AT_ONCE} answers.`);
    if (this.state.settings.answers !== 'people')
      throw refuse('This audit is a dry run, in which hidden labels answer for people.');
  }

  private checkNonce(given: unknown): void {
    this.checkOpen();
    const nonce = (given as { nonce?: unknown } | undefined)?.nonce;
    if (typeof nonce !== 'string' || nonce.length < 8 || nonce.length > 1000)
      throw refuse('A nonce has 8 to 1,000 characters: what nobody could know when the protocol was committed.');
    if (this.nonce === nonce) return;
    if (this.state.phase !== 'nonce' || this.nonce !== null)
      throw refuse('The audit waits for no nonce: it has one, which can not be changed.');
  }
}

const NOT_OPEN = 'The audit is not open yet: it freezes the labels and plans.';

/** An activity's reason in its own words and code, for whoever sent the message. */
function reasonOf(error: unknown): unknown {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof ApplicationFailure)) return error;
  const { message, type } = error.cause;
  return ApplicationFailure.nonRetryable(message, type ?? 'INTERNAL');
}

function freshState({ source, audit, settings }: AuditInput): AuditState {
  return {
    run: source.run,
    audit,
    phase: 'freeze',
    refs: null,
    // As given; the first activity checks and completes them.
    settings: settings as AuditState['settings'],
    seen: 0,
    judgement: null,
    outlook: null,
    words: 'The labels are being frozen and the audit is planned; nobody is asked yet.',
  };
}
