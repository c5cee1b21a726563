import { isAudit } from '../contracts/asking.js';
import type { AskingState } from '../contracts/asking.js';
import type { AuditPhase } from '../contracts/audit.js';
import type { QuestionsState } from '../contracts/questions.js';
import type { Progress } from './wire.js';

const WAITS: Record<AuditPhase, string> = {
  freeze: 'The labels are being frozen; the audit begins after that.',
  nonce: "The audit waits for a nonce from a person: 'labelloop audit nonce' gives it.",
  repair: 'People check the riskiest labels, then the audit begins.',
  audit: 'The audit waits for answers.',
  certify: 'All answers are in; the certificate is being written.',
  done: 'The audit has ended.',
};

/** Where a run's audit or its questions stand, for a person who answers. */
export function progressOf(state: AskingState | null): Progress {
  if (state === null)
    return {
      phase: null,
      given: 0,
      expected: null,
      most: null,
      left: null,
      dryRun: false,
      words: "Nobody is asked anything about this run now. 'labelloop review' asks when it has ended.",
    };
  if (!isAudit(state)) return ofQuestions(state);
  const { judgement, outlook, phase, settings } = state;
  const given = judgement ? judgement.answers.repair + judgement.answers.audit : 0;
  const left = judgement ? judgement.answers.left : settings.budget;
  const over = phase === 'certify' || phase === 'done';
  // A plan's figures are of the whole; luck may already have outlived them, and then only the budget bounds what is left.
  const rest = (planned: number | undefined): number | null =>
    over ? 0 : planned === undefined ? null : Math.min(left, Math.max(0, Math.ceil(planned) - given));
  return {
    phase,
    given,
    expected: rest(outlook?.expected),
    most: rest(outlook?.percentile90),
    left,
    dryRun: settings.answers.startsWith('truth'),
    words: state.words || WAITS[phase],
  };
}

function ofQuestions({ phase, answered, left, answers, words }: QuestionsState): Progress {
  const over = phase === 'done';
  const rest = over ? 0 : left;
  const dryRun = answers !== 'people';
  return { phase: over ? 'answered' : phase, given: answered, expected: rest, most: rest, left: rest, dryRun, words };
}
