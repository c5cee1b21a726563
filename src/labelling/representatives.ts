import type { SeedPair } from '../contracts/learner.js';
import { RandomStream } from '../contracts/random.js';
import type { ClusterRecord } from '../contracts/stages.js';
import { PRIOR_MASS, TEACHERS_TOGETHER } from './cluster-labels.js';
import { labellingErrors } from './errors.js';

/**
 * Which images to ask people about, so that their clusters' labels become known: the labels that an answer is expected to gain,
 *
 *   gain(i) = open images of its cluster * (1 - s) / (m + 1) * r(i),   r(i) = 1 / (1 + (distance(i) / spread)^2)
 *
 * with s the greatest mean share in the cluster's label posterior (labelling/cluster-labels.ts) and m what has been counted for it,
 * the prior included. (1 - s) / (m + 1) is by how much s rises if the answer is the class in the lead: .6 where nothing is
 * known, .12 after one answer, .05 after two, .17 where two contradict each other. So a cluster is asked about again when the
 * others' labels are known better, and a hopelessly mixed one not for ever. r is how well the image stands for its cluster.
 *
 * A batch takes one image after the other, each time as if those before it had been answered by the class in the lead.
 */

/** The pool by position. */
export interface Askable {
  cluster: Int32Array;
  distance: Float32Array;
  /** 1 where a label of its cluster would be the image's: it has none and is no outlier. */
  open: Uint8Array;
  /** 1 where people may be asked about it: open images that nobody has been asked about. */
  askable: Uint8Array;
  /** Group of near-duplicates, -1 without: one image of a group is asked about. */
  group: Int32Array;
}

export type ClusterToAsk = Pick<ClusterRecord, 'probability' | 'label' | 'labelled' | 'spread'>;

interface Standing {
  /** Images that its label would label. */
  open: number;
  /** Labels counted, the prior's mass included, and those of them that are not of the leading class. */
  counted: number;
  against: number;
  /** The members still to be asked about, the next one last. */
  members: number[];
}

/**
 * Positions to ask about, the most useful first; fewer than `limit` where no more can gain a label.
 *
 * The first image of a cluster that nobody labelled is the one nearest to the centroid; those after it are drawn, by r: the
 * second nearest looks like the nearest and would say the same.
 *
 * @throws SHAPE_MISMATCH where the arrays are of different lengths
 */
export function representatives(
  pool: Askable,
  clusters: readonly ClusterToAsk[],
  { limit, seed }: { limit: number; seed: Readonly<SeedPair> },
): number[] {
  const n = pool.cluster.length;
  for (const { length } of [pool.distance, pool.open, pool.askable, pool.group])
    if (length !== n) throw labellingErrors.rowsMismatch(n, 1, length);
  const standings = standingsOf(pool, clusters, seed);
  const taken: number[] = [];
  const groups = new Set<number>();
  const isTaken = (position: number): boolean => groups.has(pool.group[position] as number);
  while (taken.length < limit) {
    let best: Standing | undefined;
    let bestGain = 0;
    standings.forEach((standing, c) => {
      // Near-duplicates of what has been taken, in whichever cluster they are.
      while (standing.members.length > 0 && isTaken(standing.members.at(-1) as number)) standing.members.pop();
      const next = standing.members.at(-1);
      if (next === undefined) return;
      const gain = gainOf(standing, standsFor(pool.distance[next] as number, (clusters[c] as ClusterToAsk).spread));
      if (gain > bestGain) [best, bestGain] = [standing, gain];
    });
    if (!best) break;
    const position = best.members.pop() as number;
    best.counted++;
    taken.push(position);
    const group = pool.group[position] as number;
    if (group >= 0) groups.add(group);
  }
  return taken;
}

const gainOf = ({ open, counted, against }: Standing, stands: number): number =>
  ((open * against) / (counted * (counted + 1))) * stands;

/** 1 at the centroid, 1/2 at the spread. */
export const standsFor = (distance: number, spread: number): number =>
  distance === 0 ? 1 : 1 / (1 + (distance / spread) ** 2);

function standingsOf(pool: Askable, clusters: readonly ClusterToAsk[], seed: Readonly<SeedPair>): Standing[] {
  const standings = clusters.map(({ probability, label, labelled }): Standing => {
    // What people counted is known; the teacher's part is, where nobody labelled, what the label can come from.
    const counted = PRIOR_MASS + labelled + (labelled === 0 && label >= 0 ? TEACHERS_TOGETHER : 0);
    return { open: 0, counted, against: (1 - probability) * counted, members: [] };
  });
  pool.cluster.forEach((c, position) => {
    const standing = standings[c];
    if (!standing) return;
    standing.open += pool.open[position] as number;
    if (pool.askable[position]) standing.members.push(position);
  });
  const random = new RandomStream(seed);
  standings.forEach((standing, c) => {
    const { spread, labelled } = clusters[c] as ClusterToAsk;
    standing.members = inAskingOrder(standing.members, pool.distance, { spread, known: labelled > 0, random });
  });
  return standings;
}

/** The next one last. Weighted draws without replacement: by u^(1 / weight), Efraimidis and Spirakis 2006. */
function inAskingOrder(
  members: readonly number[],
  distance: Float32Array,
  { spread, known, random }: { spread: number; known: boolean; random: RandomStream },
): number[] {
  const at = (position: number): number => distance[position] as number;
  const keyed = members.map((position) => ({
    position,
    key: Math.log(1 - random.uniform()) / standsFor(at(position), spread),
  }));
  const order = keyed.sort((a, b) => a.key - b.key).map(({ position }) => position);
  if (known || order.length === 0) return order;
  const nearest = order.reduce((a, b) => (at(b) < at(a) || (at(b) === at(a) && b < a) ? b : a));
  return [...order.filter((position) => position !== nearest), nearest];
}
