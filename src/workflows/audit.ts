import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  log,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import type { AuditState } from '../contracts/audit.js';
import type { AuditCarried, AuditedRound, AuditInput } from '../contracts/audit-stages.js';
import { atDesk } from './answer-desk.js';
import { AuditDesk } from './audit-desk.js';
import { tellEnded, tellStopped, tellWaiting } from './notices.js';
import { stages } from './stages.js';

/** A patch of its history: an audit that fails or is cancelled says so. */
const TELLS_STOPPED = 'tells-stopped';

/**
 * Certifies a run's labels: freezes them, commits a protocol, draws, waits for people's answers as long as it takes, and
 * issues what they allow. Answers are in the store as soon as they are taken down; the state here is but where they lie.
 */
export async function audit(input: AuditInput): Promise<AuditState> {
  checkInput(input);
  // Continue-as-new alone hands something on: whatever else starts an audit with it must reach the check of the settings.
  const carried = workflowInfo().continuedFromExecutionRunId === undefined ? undefined : input.carried;
  const desk = new AuditDesk(input, carried);
  return atDesk(
    desk,
    'the audit was cancelled',
    () => conduct(desk, input, carried),
    async (event, reason) => {
      // Audits of 0.2 ended without a word.
      if (patched(TELLS_STOPPED)) await tellStopped(desk.state, event, reason);
    },
  );
}

/** Whatever starts an audit with something else must be told, and not break the workflow's code, which would be tried for ever. */
function checkInput(input: AuditInput | undefined): void {
  const source = input?.source as Partial<AuditInput['source']> | undefined;
  const whole = typeof source?.run === 'string' && source.dataset && source.history && source.settings;
  if (!whole || !Number.isInteger(input?.audit))
    throw ApplicationFailure.nonRetryable(
      "An audit is started by 'labelloop audit start RUN --error 2%', or by a run with 'certify' in its settings.",
      'SETTINGS_INVALID',
    );
}

async function conduct(desk: AuditDesk, input: AuditInput, carried?: AuditCarried): Promise<AuditState> {
  const round = carried?.round ?? (await open(desk, input));
  const { state } = desk;
  if (state.refs === null) return finish(desk);

  if (state.refs.order === null) await draw(desk);
  if (!carried && !desk.decided && !desk.stopped && state.settings.answers === 'people') tellWaiting(state, 'answers');
  while (!desk.decided && !desk.stopped) {
    if (state.settings.answers !== 'people') await desk.byTruth();
    else await condition(() => desk.decided || desk.stopped || desk.due);
    if (!desk.decided && !desk.stopped && desk.due) {
      // Those who came meanwhile are served first: a message can't be handed on.
      await condition(allHandlersFinished);
      const handed: AuditCarried = { version: 1, state, round };
      if (!desk.decided && !desk.stopped) return continueAsNew<typeof audit>({ ...input, carried: handed });
    }
  }
  await condition(allHandlersFinished);
  state.phase = 'certify';
  desk.describe();
  const { output } = await stages.certify.executeWithOptions({ summary: 'certificate and corrected labels' }, [
    {
      run: state.run,
      audit: state.audit,
      dataset: input.source.dataset,
      labels: round.labels,
      refs: state.refs,
      stopped: desk.stopped,
    },
  ]);
  const { refs, words, pool } = output;
  Object.assign(state, { refs, words, ...(pool ? { pool } : {}) });
  return finish(desk);
}

/** Freeze, plan, commit, ledger: nobody is asked before, and nobody where no plan would do. */
async function open(desk: AuditDesk, { source, settings, audit: number }: AuditInput): Promise<AuditedRound> {
  const { state } = desk;
  const prepared = await stages.prepareAudit({ source, audit: number, settings });
  state.settings = prepared.settings;
  const { round } = prepared;
  const { output: frozen } = await stages.freeze.executeWithOptions({ summary: 'freeze' }, [
    {
      dataset: source.dataset,
      labels: round.labels,
      pool: round.pool,
      cutoff: round.cutoff,
      salt: source.settings.salt,
      ...(state.settings.class === undefined ? {} : { class: state.settings.class }),
    },
  ]);
  const opened = await stages.openAudit.executeWithOptions({ summary: 'plan, protocol, ledger' }, [
    {
      run: state.run,
      audit: number,
      dataset: source.dataset,
      round,
      frozen,
      settings: state.settings,
      seed: source.settings.seed,
    },
  ]);
  Object.assign(state, { refs: opened.refs, outlook: opened.outlook, words: opened.words });
  log.info(opened.words);
  desk.describe();
  return round;
}

/** Nothing can be drawn before the nonce is there, and the nonce was not known when the protocol was committed. */
async function draw(desk: AuditDesk): Promise<void> {
  const { state } = desk;
  if (state.refs === null) return;
  if (state.settings.nonceFrom === 'person' && state.refs.seed === null) {
    state.phase = 'nonce';
    desk.describe();
    tellWaiting(state, 'nonce');
    await condition(() => desk.nonce !== null || desk.stopped);
  }
  if (desk.stopped) return;
  desk.turn(await stages.drawAudit({ run: state.run, audit: state.audit, refs: state.refs, nonce: desk.nonce }));
}

async function finish(desk: AuditDesk): Promise<AuditState> {
  const { state } = desk;
  // Kept before it is told: who sees that it is over may ask for its certificate.
  await stages.endAudit({ state: { ...state, phase: 'done' } });
  state.phase = 'done';
  desk.describe();
  if (state.settings.answers === 'people') await tellEnded(state);
  await condition(allHandlersFinished);
  return state;
}
