import type { ClusterVotes } from './cluster-labels.js';

/** A label that people gave, with what the model says of its image and the cluster that the image lies in. */
export interface PeoplesLabel {
  id: string;
  label: number;
  /** The model's class with its probability, and the probability of the class that people gave. */
  predicted: number;
  probability: number;
  credit: number;
  cluster: number;
  /** The model was trained on this very label. */
  learnt: boolean;
}

export interface Denial {
  /** What the model says instead: of the image or, where it has learnt the label, of the pool images in its cluster. */
  predicted: number;
  probability: number;
  /** What the cluster is of, without the image's own vote. */
  label: number;
  share: number;
  /** What the model gives the label times what the cluster does: the less, the less credible. */
  credibility: number;
}

/**
 * The labels that both the image's cluster and the model deny, the least credible first: for people to look at again, never
 * changed here.
 *
 * The cluster denies a label where it has another one without counting this very vote; a mixed cluster denies none, and neither
 * does a cluster that only this image labelled. The model is asked about the image itself, unless it was trained on the
 * label: it repeats what it has learnt (docs/benchmarks.md). Then it is asked about the images around:
 * it denies the label where most of those of which it is sure are of another class.
 *
 * @param votes all of the people's labels below are counted in them
 * Our reading: two witnesses that err in different ways. A model denies what it finds hard, a cluster what lies on its rim; a label
 * that was typed wrong is denied by both. Near to Northcutt et al. 2021, "Confident learning", which asks models that did not
 * see the label.
 */
export function suspectsOf<Label extends PeoplesLabel>(
  labels: Iterable<Label>,
  votes: ClusterVotes,
): (Label & { denial: Denial })[] {
  const denied: (Label & { denial: Denial })[] = [];
  for (const each of labels) {
    const model = each.learnt ? around(each, votes) : each;
    if (model.predicted < 0 || model.predicted === each.label) continue;
    const cluster = votes.posteriorWithout(each.cluster, each.label);
    if (cluster.label < 0 || cluster.label === each.label) continue;
    const { predicted, probability } = model;
    const credibility = model.credit * (cluster.shares[each.label] as number);
    denied.push({
      ...each,
      denial: { predicted, probability, label: cluster.label, share: cluster.probability, credibility },
    });
  }
  return denied.sort((a, b) => a.denial.credibility - b.denial.credibility || (a.id < b.id ? -1 : 1));
}

/** What the model says of the images around one, as shares of those of which it is sure; -1 where it is sure of none. */
function around(
  { cluster, label }: PeoplesLabel,
  votes: ClusterVotes,
): Pick<PeoplesLabel, 'predicted' | 'probability' | 'credit'> {
  const taught = votes.taught(cluster);
  const all = taught.reduce((sum, count) => sum + count, 0);
  if (all === 0) return { predicted: -1, probability: 0, credit: 0 };
  const most = Math.max(...taught);
  return { predicted: taught.indexOf(most), probability: most / all, credit: (taught[label] as number) / all };
}
