import type { Ref } from '../contracts/references.js';
import type { GatherInput, SampleOutput, StageResult } from '../contracts/stages.js';
import { learner, stages } from './stages.js';
import { slidingWindow } from './window.js';

/**
 * Scores the shards of a split, `size` of them at a time, and gathers the references into one.
 *
 * @param onShard told of each result; of a shard that is scored again, twice
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
  for (;;) {
    const { set, missing } = await stages.gather({ ...task, shards });
    if (set) return set;
    // A shard's result was damaged or another release wrote it since: score those again.
    await slidingWindow(missing.length, size, (i) => scoreShard(missing[i] as number));
  }
}
