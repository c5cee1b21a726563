import { condition, defineQuery, defineUpdate, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { Answer, AuditState } from '../contracts/audit.js';
import type { AuditCarried, AuditInput, AuditTurn } from '../contracts/audit-stages.js';
import { QUERY_AUDIT, UPDATE_NONCE } from '../contracts/names.js';
import { AnswerDesk, refuse } from './answer-desk.js';
import { stages } from './stages.js';

const auditQuery = defineQuery<AuditState>(QUERY_AUDIT);
const nonceUpdate = defineUpdate<AuditState, [{ nonce: string }]>(UPDATE_NONCE);

/** Where an audit's answers and its nonce arrive: keeps the audit's state. */
export class AuditDesk extends AnswerDesk<AuditState> {
  nonce: string | null = null;

  constructor(
    private readonly input: AuditInput,
    carried: AuditCarried | undefined,
  ) {
    super(carried?.state ?? freshState(input), 'End the audit with what is certified by now.');
    setHandler(auditQuery, () => this.state, { description: 'What the audit waits for and what it has certified.' });
    setHandler(nonceUpdate, ({ nonce }) => this.takeNonce(nonce), {
      description: 'Give the nonce of the draw.',
      validator: (given) => this.checkNonce(given),
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

  /** An audit that was decided meanwhile still takes what people had before them: they are labels. */
  protected async record(answers: Answer[]): Promise<void> {
    const { run, audit, refs } = this.state;
    if (refs === null) throw refuse(NOT_OPEN);
    const { dataset } = this.input.source;
    this.turn(await stages.recordAnswers({ run, audit, dataset, refs, answers }));
  }

  protected checkOpen(): void {
    if (this.state.phase === 'certify' || this.state.phase === 'done') throw refuse('The audit is over.');
    if (this.state.refs === null) throw refuse(NOT_OPEN);
  }

  protected checkWanted(): void {
    if (this.state.refs?.order == null) throw refuse('Nothing is drawn yet: the audit waits for its nonce.');
    if (this.state.settings.answers !== 'people')
      throw refuse('This audit is a dry run, in which hidden labels answer for people.');
  }

  private async takeNonce(nonce: string): Promise<AuditState> {
    this.messages++;
    this.nonce ??= nonce;
    await condition(() => this.state.refs?.order != null || this.stopped || this.closed);
    return this.state;
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
