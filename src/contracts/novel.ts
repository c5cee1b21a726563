import { z } from 'zod';

/** An image of a cluster, for people to look at. */
export const novelImage = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** Place in the pool. */
  position: z.int(),
  /** Distance from the cluster's centroid. */
  distance: z.number(),
});
export type NovelImage = z.infer<typeof novelImage>;

/** A cluster that may be of a class that nobody has labelled. Distances are of L2-normalised latents: 0 to 2. */
export const novelCluster = z.strictObject({
  cluster: z.int(),
  size: z.int(),
  /** Root mean squared distance of its images from the centroid. */
  spread: z.number(),
  /** Share of its images beyond the reach of all that is known. */
  far: z.number(),
  /** Mean distance of its images from the nearest labelled one. */
  distance: z.number(),
  /** Its images that have no label in the run. */
  open: z.int(),
  /** The most central first. */
  images: z.array(novelImage),
});
export type NovelCluster = z.infer<typeof novelCluster>;

/** What `labelloop novel show` finds in a run's last round. */
export const novelView = z.strictObject({
  run: z.string(),
  dataset: z.string(),
  round: z.int(),
  /** Clusters of the round; those in `candidates` are offered as new, those with most images without a label first. */
  clusters: z.int(),
  candidates: z.array(novelCluster),
  /** Images that people labelled, which is what is known; and the distance that 95 % of them have another one within. */
  known: z.int(),
  reach: z.number(),
});
export type NovelView = z.infer<typeof novelView>;

/** A cluster and the class that a person gives it. */
export interface NamedCluster {
  cluster: number;
  /** Name of a class, new or one that the dataset has. */
  name: string;
}

/** How images of named clusters are taken as answers. */
export interface NamingOptions {
  /** The most central images of each cluster, less those of `not`. */
  images: number;
  /** Ids, beginnings of ids or names of images that are of another class. */
  not?: readonly string[];
  /** Name of the new dataset; by default the next free one of DATASET-2, DATASET-3, … */
  as?: string;
}

/** What naming came to. */
export interface Naming {
  dataset: string;
  classes: string[];
  /** Classes that the old dataset has not. */
  added: string[];
  /** Images that are answers now, by cluster. */
  taken: { cluster: number; name: string; images: NovelImage[] }[];
  /** Answers of people to the run's audits that came along. */
  carried: number;
  /**
   * The run whose model moves to the dataset next, where it has no labelled images that a run could begin with: the one that
   * this run's model came from, which has labels. Null: a run begins with the labelled images.
   */
  from: string | null;
}
