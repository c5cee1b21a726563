import { ApplicationFailure, defineQuery, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { QUERY_STATUS } from '../contracts/names.js';
import type { ShiftOpened, ShiftState, ShiftWorkflowInput, ShiftWorkflowOutput } from '../contracts/shift.js';
import { asFailure, lostBlob, TRIES_AT_LOST_BLOBS } from './failures.js';
import { scoreShards } from './score.js';
import { stages } from './stages.js';

/** Shards that are scored at a time, as many as a run's `window` is by default. */
const WINDOW = 4;
const statusQuery = defineQuery<ShiftState>(QUERY_STATUS);

/**
 * Tells whether a dataset's images are of the law that a run's model knows: scores them with that model, and compares them
 * with the run's calibration images, which it was never trained on. Nothing is trained.
 */
export async function shift(input: ShiftWorkflowInput): Promise<ShiftWorkflowOutput> {
  const state: ShiftState = { stage: 'open', shards: { done: 0, total: 0 } };
  setHandler(statusQuery, () => state, { description: 'Stage and shards of the comparison.' });
  for (let tries = 1; ; tries++) {
    try {
      return await compare(input, state);
    } catch (error) {
      if (tries === TRIES_AT_LOST_BLOBS || !lostBlob(error)) throw asFailure(error, 'the comparison was cancelled');
    }
  }
}

async function compare(input: ShiftWorkflowInput, state: ShiftState): Promise<ShiftWorkflowOutput> {
  const opened = await stages.openShift.executeWithOptions({ summary: 'find run and dataset' }, [input]);
  const posteriors = await score(input, opened, state);
  show(state, 'shift');
  const { known, seen, trainedOn } = opened;
  const { output } = await stages.shift.executeWithOptions({ summary: 'compare' }, [
    {
      ...{ known, seen: { ...seen, posteriors }, trainedOn, picture: true },
      ...{ seed: input.seed ?? 0, salt: input.salt ?? '' },
    },
  ]);
  // The first stage refuses runs with too few calibration images.
  if (!output.summary || !output.shift) throw ApplicationFailure.nonRetryable('nothing to compare with', 'INTERNAL');
  return { summary: output.summary, shift: output.shift, dataset: seen.dataset };
}

function score(input: ShiftWorkflowInput, opened: ShiftOpened, state: ShiftState) {
  const { seen, models, sampling, round, shards } = opened;
  const done = new Set<number>();
  state.shards = { done: 0, total: shards };
  show(state, 'sample');
  const task = {
    ...{ dataset: seen.dataset, split: seen.split, models, ...sampling, cutoff: null },
    ...{ seed: input.seed ?? 0, round, salt: input.salt ?? '', shards },
  };
  return scoreShards(task, WINDOW, (shard) => {
    state.shards.done = done.add(shard).size;
    show(state, 'sample');
  });
}

/** Tells the Web UI in words what goes on. */
function show(state: ShiftState, stage: ShiftState['stage']): void {
  state.stage = stage;
  const { done, total } = state.shards;
  setCurrentDetails(`**${stage === 'sample' ? `sample, shard ${done} of ${total}` : stage}**`);
}
