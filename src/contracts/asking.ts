import type { AuditState } from './audit.js';
import type { QuestionsState } from './questions.js';

/** What asks people about a run: its audit, or its questions. */
export type AskingState = AuditState | QuestionsState;

export const isAudit = (state: AskingState): state is AuditState => 'audit' in state;

/** Whether it takes no answers any more. */
export const isOver = ({ phase }: AskingState): boolean => phase === 'certify' || phase === 'done';

/** Whether people answer; else hidden labels do, in a dry run. */
export const asksPeople = (state: AskingState): boolean =>
  (isAudit(state) ? state.settings.answers : state.answers) === 'people';
