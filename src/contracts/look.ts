/** What the clusters of a run's last round give people to look at; class names in place of numbers. */

/** A label that people gave and that both the model and the image's cluster deny. */
export interface Suspect {
  id: string;
  name: string;
  /** What people said. */
  label: string;
  /** What the model says, and how surely. */
  predicted: string;
  probability: number;
  cluster: number;
  /** What the cluster's other labels say, and the share that they give the class. */
  clusterLabel: string;
  clusterProbability: number;
}

/** An image of the pool that looks like others of its group. */
export interface NearDuplicate {
  group: number;
  id: string;
  name: string;
  /** To the nearest image of the group, in features of length 1. */
  distance: number;
}
