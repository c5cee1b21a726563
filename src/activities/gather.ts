import { sampleOutput } from '../contracts/stages.js';
import type { GatherInput, GatherOutput, PosteriorSet, SampleOutput } from '../contracts/stages.js';
import type { Store } from '../store/index.js';
import { sample } from './sample.js';
import { addressOf } from './stage.js';

/** Shards that one answer names as missing, so that it stays small. */
const MISSING_AT_ONCE = 500;

/**
 * Finds the shards' results by their addresses and puts the references into one object: the workflow hands on one
 * reference, however many shards the pool has.
 */
export async function gather({ shards, ...task }: GatherInput, store: Store): Promise<GatherOutput> {
  const found: SampleOutput[] = [];
  const missing: number[] = [];
  for (let shard = 0; shard < shards && missing.length < MISSING_AT_ONCE; shard++) {
    const record = await store.lookup(addressOf(sample, { ...task, shard }));
    if (record) found.push(sampleOutput.parse(record.output));
    else missing.push(shard);
  }
  if (missing.length > 0) return { set: null, missing };
  const set: PosteriorSet = { format: 'labelloop.posterior-set/1', shards: found };
  return { set: await store.putJson('posterior-set/1', set), missing };
}
