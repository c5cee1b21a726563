import type { ClusterVotes } from './cluster-labels.js';

/** A label that people gave, with what the model says of its image and the cluster that the image lies in. */
export interface PeoplesLabel {
  id: string;
  label: number;
  /** The model's class, and its probability of the class that people gave. */
  predicted: number;
  credit: number;
  cluster: number;
}

export interface Denial {
  /** What the cluster is of, without the image's own vote. */
  label: number;
  probability: number;
  /** The model's probability of the label times its mean share of the cluster: the less, the less credible. */
  credibility: number;
}

/**
 * The labels that both the image's cluster and the model deny, the least credible first: for people to look at again, never
 * changed here. The cluster denies a label where it has another one without counting this very vote; a mixed cluster denies none,
 * and neither does a cluster that only this image labelled.
 *
 * @param votes all of the people's labels below are counted in them
 * Our reading: two witnesses that err in different ways. A model denies what it finds hard, a cluster what lies on its rim; a label
 * that was typed wrong is denied by both. Near to Northcutt et al. 2021, "Confident learning", which asks the model alone.
 */
export function suspectsOf<Label extends PeoplesLabel>(
  labels: Iterable<Label>,
  votes: ClusterVotes,
): (Label & { denial: Denial })[] {
  const denied: (Label & { denial: Denial })[] = [];
  for (const each of labels) {
    if (each.predicted === each.label) continue;
    const { label, probability, shares } = votes.posteriorWithout(each.cluster, each.label);
    if (label < 0 || label === each.label) continue;
    denied.push({ ...each, denial: { label, probability, credibility: each.credit * (shares[each.label] as number) } });
  }
  return denied.sort((a, b) => a.denial.credibility - b.denial.credibility || (a.id < b.id ? -1 : 1));
}
