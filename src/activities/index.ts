import type { LearnerActivities, NoticeActivities, StageActivities } from '../contracts/activities.js';
import { cluster } from './cluster.js';
import { compare } from './compare.js';
import { evaluate } from './evaluate.js';
import { gather } from './gather.js';
import { notifying } from './notify.js';
import { open } from './open.js';
import { relabel } from './relabel.js';
import { sample } from './sample.js';
import { split } from './split.js';
import { asActivity, guarded } from './stage.js';
import type { Deps } from './stage.js';
import { threshold } from './threshold.js';
import { train } from './train.js';

export type { Deps } from './stage.js';

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
  cluster: asActivity(deps, cluster),
  relabel: asActivity(deps, relabel),
  evaluate: (input) => guarded(deps, 'evaluate', ({ beating }) => beating(() => evaluate(input, deps.store))),
  compare: (input) => guarded(deps, 'compare', ({ beating }) => beating(() => compare(input, deps.store))),
  notify: (notice) => notifying(deps, notice),
});
