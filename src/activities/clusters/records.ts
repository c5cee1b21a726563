import type { ClusterRecord } from '../../contracts/stages.js';
import { ClusterVotes } from '../../labelling/cluster-labels.js';
import { isOutlier } from '../../labelling/outliers.js';
import { suspectsOf } from '../../labelling/suspects.js';
import type { Denial } from '../../labelling/suspects.js';
import type { HumanLabel } from './people.js';
import { NOT_TAUGHT } from './place.js';
import type { Placed } from './place.js';

export interface Labelled {
  clusters: ClusterRecord[];
  /** The least credible first. */
  suspects: (HumanLabel & { denial: Denial })[];
}

/**
 * Labels the clusters, and holds people's labels against them. An outlier belongs to no cluster: it neither counts in one nor is
 * denied by one. Every label of people testifies about the others; to label the cluster only those count that `teaches` says.
 *
 * @param people of the labelled split; those of the pool come with it
 */
export function labelClusters(
  placed: Placed,
  people: readonly HumanLabel[],
  radii: Float64Array,
  classes: number,
): Labelled {
  const k = radii.length;
  const inside = [...people, ...placed.answered].filter((each) => !isOutlier(each.cluster, each.distance, radii));
  const [deciding, testifying] = [new ClusterVotes(k, classes), new ClusterVotes(k, classes)];
  const sizes = new Int32Array(k);
  const squares = new Float64Array(k);
  const labelled = new Int32Array(k);
  placed.cluster.forEach((cluster, i) => {
    const distance = placed.distance[i] as number;
    sizes[cluster]!++;
    squares[cluster]! += distance * distance;
    const taught = placed.taught[i] as number;
    if (taught === NOT_TAUGHT || isOutlier(cluster, distance, radii)) return;
    for (const votes of [deciding, testifying]) votes.teacher(cluster, taught);
  });
  for (const { cluster, label, teaches } of inside) {
    labelled[cluster]!++;
    testifying.person(cluster, label);
    if (teaches) deciding.person(cluster, label);
  }
  const clusters = Array.from(radii, (radius, c): ClusterRecord => {
    const size = sizes[c] as number;
    const { label, probability } = deciding.posterior(c);
    const spread = size === 0 ? 0 : Math.sqrt((squares[c] as number) / size);
    return { size, radius, spread, label, probability, labelled: labelled[c] as number };
  });
  return { clusters, suspects: suspectsOf(inside, testifying) };
}
