import { ApplicationFailure } from '@temporalio/workflow';
import type { Ref } from '../contracts/references.js';
import type { GatherInput, SampleOutput, StageResult } from '../contracts/stages.js';
import { learner, stages } from './stages.js';
import { slidingWindow } from './window.js';

/** Times that a shard is scored, before it is believed that its result will never be where the gathering looks. */
const TRIES = 4;

/**
 * Scores the shards of a split, `size` of them at a time, and gathers the references into one.
 *
 * @param onShard told of each result; of a shard that is scored again, twice
 * @throws NO_PROGRESS where a shard's result is missing however often it is scored
 */
export async function scoreShards(
  { shards, ...task }: GatherInput,
  size: number,
  onShard: (shard: number, scored: StageResult<SampleOutput>) => void,
): Promise<Ref> {
  const scoreShard = async (shard: number): Promise<void> => {
    const summary = `round ${task.round}: sample ${task.split}, shard ${shard + 1} of ${shards}`;
    onShard(shard, await learner.sample.executeWithOptions({ summary }, [{ ...task, shard }]));
  };
  await slidingWindow(shards, size, scoreShard);
  // The first one missing was scored a moment ago, so that further ones come first as long as it goes on.
  for (let tries = 1, before = -1; ;) {
    const { set, missing } = await stages.gather({ ...task, shards });
    if (set) return set;
    const [first = 0] = missing;
    tries = first > before ? 1 : tries + 1;
    before = first;
    if (tries === TRIES) throw lost(`round ${task.round}: ${task.split}, shard ${first + 1} of ${shards}`);
    // A shard's result was damaged or another release wrote it since: score those again.
    await slidingWindow(missing.length, size, (i) => scoreShard(missing[i] as number));
  }
}

const lost = (what: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(
    `${what}: scored again and again, and its result is not where it should be. Two releases of Labelloop serve the task queue: end the workers of the older one, and start the run again; what is done stays.`,
    'NO_PROGRESS',
  );
