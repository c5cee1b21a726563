import type { SampleOutput } from '../../contracts/stages.js';
import type { PosteriorRow } from '../../contracts/tables.js';
import { isConfident } from '../../labelling/cluster-labels.js';
import { assign } from '../../labelling/kmeans.js';
import type { Assignment, Centroids } from '../../labelling/kmeans.js';
import type { Store } from '../../store/index.js';
import { readPosteriors } from '../inputs.js';
import { readFeatures } from './features.js';
import { judged } from './people.js';
import type { Answered, HumanLabel } from './people.js';

/** No class: the model is not confident, or people have said. */
export const NOT_TAUGHT = -1;

/** The pool in its clusters, by position; ten bytes an image are all that is kept of it. */
export interface Placed extends Assignment {
  /** The model's class where it counts as a teacher's label, else NOT_TAUGHT, [n]. */
  taught: Int16Array;
  /** Images of the pool that people labelled. */
  answered: HumanLabel[];
  /** Sums of the images' mean softmax, by cluster: [k][classes]. */
  probabilities: Float64Array[];
}

/** Goes through the pool, a shard in memory at a time. */
export async function placePool(
  store: Store,
  shards: readonly SampleOutput[],
  centroids: Centroids,
  given: ReadonlyMap<number, Answered>,
  classes: number,
): Promise<Placed> {
  const total = shards.reduce((sum, { count }) => sum + count, 0);
  const placed: Placed = {
    cluster: new Int32Array(total),
    distance: new Float32Array(total),
    taught: new Int16Array(total).fill(NOT_TAUGHT),
    answered: [],
    probabilities: Array.from({ length: centroids.k }, () => new Float64Array(classes)),
  };
  let start = 0;
  for (const shard of shards) {
    const { cluster, distance } = await assign(await readFeatures(store, shard), centroids);
    placed.cluster.set(cluster, start);
    placed.distance.set(distance, start);
    const posteriors = await readPosteriors(store, shard.posteriors);
    for (const [i, posterior] of posteriors.entries()) {
      const answer = given.get(start + i);
      const place = { cluster: cluster[i] as number, distance: distance[i] as number };
      const sums = placed.probabilities[place.cluster] as Float64Array;
      posterior.p.forEach((p, c) => (sums[c] = (sums[c] as number) + p));
      if (answer) placed.answered.push({ ...judged(answer, posterior), ...place, learnt: true, teaches: true });
      else if (isConfident(certainty(posterior))) placed.taught[start + i] = posterior.predicted;
    }
    start += cluster.length;
  }
  return placed;
}

const certainty = ({ p, predicted }: PosteriorRow): number => p[predicted] as number;
