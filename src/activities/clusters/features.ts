import { problem } from '../../contracts/errors.js';
import type { SeedPair } from '../../contracts/learner.js';
import { decodeSafetensors } from '../../contracts/safetensors.js';
import type { SampleOutput } from '../../contracts/stages.js';
import { sampleRows } from '../../labelling/kmeans.js';
import type { Rows } from '../../labelling/kmeans.js';
import type { Store } from '../../store/index.js';

/** The features of a shard's images, in its order. */
export async function readFeatures(store: Store, shard: SampleOutput): Promise<Rows> {
  const { features } = decodeSafetensors(await store.readBytes(shard.features)).tensors;
  const [n, width] = features?.shape ?? [];
  if (!features || n === undefined || width === undefined || !(features.data instanceof Float32Array)) {
    throw problem('FORMAT_UNKNOWN', `Blob ${shard.features.sha256} holds no features of shape [n, width].`);
  }
  return { data: features.data, n, width };
}

/** At most `limit` rows of all shards, chosen by position. */
export async function sampleFeatures(
  store: Store,
  shards: readonly SampleOutput[],
  { total, limit, seed }: { total: number; limit: number; seed: Readonly<SeedPair> },
): Promise<Rows> {
  const chosen = sampleRows(total, limit, seed);
  let data: Float32Array | undefined;
  let width = 0;
  let [offset, at] = [0, 0];
  for (const shard of shards) {
    const features = await readFeatures(store, shard);
    width = features.width;
    data ??= new Float32Array(chosen.length * width);
    for (; at < chosen.length && (chosen[at] as number) < offset + features.n; at++) {
      const row = (chosen[at] as number) - offset;
      data.set(features.data.subarray(row * width, (row + 1) * width), at * width);
    }
    offset += features.n;
  }
  return { data: data ?? new Float32Array(), n: at, width };
}
