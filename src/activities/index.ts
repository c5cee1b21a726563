import type { LearnerActivities, NoticeActivities, StageActivities } from '../contracts/activities.js';
import { answerByTruth, recordAnswers } from './audit/answers.js';
import { certify } from './audit/certify.js';
import { drawAudit } from './audit/draw.js';
import { freeze } from './audit/freeze.js';
import { endAudit } from './audit/ledger.js';
import { openAudit } from './audit/open.js';
import { numberAudit, prepareAudit } from './audit/prepare.js';
import { choose } from './choose.js';
import { cluster } from './cluster.js';
import { compare } from './compare.js';
import { evaluate } from './evaluate.js';
import { gather } from './gather.js';
import { notifying } from './notify.js';
import { open } from './open.js';
import { answerQuestionsByTruth, recordQuestionAnswers } from './questions/desk.js';
import { endQuestions } from './questions/end.js';
import { numberQuestions, openQuestions } from './questions/open.js';
import { relabel } from './relabel.js';
import { release } from './release.js';
import { sample } from './sample.js';
import { shift } from './shift.js';
import { openShift } from './shift/open.js';
import { split } from './split.js';
import { asActivity, guarded } from './stage.js';
import type { Deps } from './stage.js';
import { threshold } from './threshold.js';
import { train } from './train.js';

export type { Deps } from './stage.js';

/** What changes an audit is no stage: it is done once, and the store holds what came of it. */
const audited = <T>(deps: Deps, work: () => Promise<T>): Promise<T> =>
  guarded(deps, 'audit', ({ beating }) => beating(work));

/** Activities that occupy a device. */
export const createLearnerActivities = (deps: Deps): LearnerActivities => ({
  train: asActivity(deps, train),
  sample: asActivity(deps, sample),
});

/** Activities that need none. */
export const createStageActivities = (deps: Deps): StageActivities & NoticeActivities => ({
  open: (input) => guarded(deps, 'open', ({ beating }) => beating(() => open(input, deps.store))),
  split: asActivity(deps, split),
  gather: (input) => guarded(deps, 'sample', ({ beating }) => beating(() => gather(input, deps.store))),
  threshold: asActivity(deps, threshold),
  release: asActivity(deps, release),
  cluster: asActivity(deps, cluster),
  choose: asActivity(deps, choose),
  openShift: (input) => guarded(deps, 'open', ({ beating }) => beating(() => openShift(input, deps.store))),
  shift: asActivity(deps, shift),
  relabel: asActivity(deps, relabel),
  evaluate: (input) => guarded(deps, 'evaluate', ({ beating, run }) => beating(() => evaluate(input, deps.store, run))),
  compare: (input) => guarded(deps, 'compare', ({ beating }) => beating(() => compare(input, deps.store))),
  notify: (notice) => notifying(deps, notice),
  freeze: asActivity(deps, freeze),
  certify: asActivity(deps, certify),
  numberAudit: (input) => audited(deps, () => numberAudit(input, deps.store)),
  prepareAudit: (input) => audited(deps, () => prepareAudit(input, deps.store)),
  openAudit: (input) => audited(deps, () => openAudit(input, deps.store)),
  drawAudit: (input) => audited(deps, () => drawAudit(input, deps.store)),
  recordAnswers: (input) => audited(deps, () => recordAnswers(input, deps.store)),
  answerByTruth: (input) => audited(deps, () => answerByTruth(input, deps.store)),
  endAudit: (input) => audited(deps, () => endAudit(input, deps.store)),
  numberQuestions: (input) => audited(deps, () => numberQuestions(input, deps.store)),
  openQuestions: (input) => audited(deps, () => openQuestions(input, deps.store)),
  recordQuestionAnswers: (input) => audited(deps, () => recordQuestionAnswers(input, deps.store)),
  answerQuestionsByTruth: (input) => audited(deps, () => answerQuestionsByTruth(input, deps.store)),
  endQuestions: (input) => audited(deps, () => endQuestions(input, deps.store)),
});
