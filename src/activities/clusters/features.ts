import { problem } from '../../contracts/errors.js';
import { decodeSafetensors } from '../../contracts/safetensors.js';
import type { SampleOutput } from '../../contracts/stages.js';
import type { Shards } from '../../labelling/kmeans-streaming.js';
import type { Rows } from '../../labelling/rows.js';
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

/** The features of all shards, one after the other, each time it is called. */
export const featuresOf = (store: Store, shards: readonly SampleOutput[]): Shards =>
  async function* () {
    for (const shard of shards) yield await readFeatures(store, shard);
  };
