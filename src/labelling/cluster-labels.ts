import { labellingErrors } from './errors.js';

/**
 * What class a cluster is of: the posterior of its classes' shares under a Dirichlet prior, not a bare majority. With n_c labels
 * of class c from people, t_c confident ones from the model (the teacher), C classes:
 *
 *   a_c = PRIOR_MASS / C + n_c + t_c min(TEACHER_VOTE, TEACHERS_TOGETHER / sum t)
 *   E[share_c] = a_c / sum a
 *
 * The cluster's label is the class of the greatest mean share where that is LEAST_SHARE or more: 1 - E[share_c] is the label error
 * to expect if all its images get this label. The probability that a class has the greatest share says less: it is
 * 1 for a cluster of which 55 % are of one class, once enough labels are seen, and 45 % of its labels would be wrong.
 *
 * Source of the formula: Gelman et al. 2013, Bayesian Data Analysis, section 3.4.
 */

/**
 * Labels that the prior counts as. A Dirichlet of this mass says that two images of one cluster are of the same class with
 * probability (1 + mass / C) / (1 + mass), .7 for ten classes: clusters of a trained network's features are mostly of one class,
 * and the prior must know it, else a first answer would tell little (.55 with a mass of 1).
 */
export const PRIOR_MASS = 0.5;

/** One label alone reaches it with any number of classes, 2 against 1 do not, 3 against 1 do. */
export const LEAST_SHARE = 2 / 3;

/** A teacher's label in a person's. */
export const TEACHER_VOTE = 0.1;

/**
 * All teachers' labels of a cluster together, in people's: they are of one model and err together. So they label a cluster
 * that nobody looked at, one person can take that label away, and three give it theirs.
 */
export const TEACHERS_TOGETHER = 1;

/** Mean softmax from which on a teacher's label counts. */
export const TEACHER_LEVEL = 0.9;

/** Where rounding would keep 3 people from a limit that they reach exactly. */
const ROUNDING = 1e-9;

export interface LabelPosterior {
  /** Class of the greatest mean share; -1 where that is below LEAST_SHARE: mixed, or nothing known. */
  label: number;
  /** The greatest mean share. */
  probability: number;
  /** Mean share of each class, [classes]; their sum is 1. */
  shares: Float64Array;
}

/**
 * The posterior of one cluster's label.
 *
 * @param people labels that people gave its images, by class, [classes]
 * @param teachers confident labels of the model, by class, [classes]
 * @throws SHAPE_MISMATCH where the two are of different lengths
 */
export function labelPosterior(people: ArrayLike<number>, teachers: ArrayLike<number>): LabelPosterior {
  const classes = people.length;
  if (teachers.length !== classes) throw labellingErrors.rowsMismatch(1, classes, teachers.length);
  const taught = sumOf(teachers);
  const vote = taught === 0 ? 0 : Math.min(TEACHER_VOTE, TEACHERS_TOGETHER / taught);
  const shares = Float64Array.from(
    { length: classes },
    (_, c) => PRIOR_MASS / classes + (people[c] as number) + vote * (teachers[c] as number),
  );
  const total = sumOf(shares);
  let best = 0;
  for (let c = 0; c < classes; c++) {
    shares[c]! /= total;
    if ((shares[c] as number) > (shares[best] as number)) best = c;
  }
  const probability = shares[best] as number;
  return { label: probability >= LEAST_SHARE - ROUNDING ? best : -1, probability, shares };
}

/** Counts the labels of all clusters, one image at a time; an image counts once, as a person's or as the teacher's. */
export class ClusterVotes {
  private readonly people: Float64Array;
  private readonly teachers: Float64Array;

  constructor(
    readonly k: number,
    readonly classes: number,
  ) {
    this.people = new Float64Array(k * classes);
    this.teachers = new Float64Array(k * classes);
  }

  /** A person's label of an image in the cluster. */
  person(cluster: number, label: number): void {
    this.people[this.at(cluster, label)]!++;
  }

  /** The model's label of an image in the cluster: call it for confident ones alone (`isConfident`). */
  teacher(cluster: number, label: number): void {
    this.teachers[this.at(cluster, label)]!++;
  }

  posterior(cluster: number): LabelPosterior {
    return labelPosterior(this.of(this.people, cluster), this.of(this.teachers, cluster));
  }

  /** As if one of the people's labels had not been given: what the others say of its image. */
  posteriorWithout(cluster: number, label: number): LabelPosterior {
    const people = Float64Array.from(this.of(this.people, cluster));
    people[label]!--;
    if (!((people[label] as number) >= 0)) throw labellingErrors.noSuchVote(cluster, label);
    return labelPosterior(people, this.of(this.teachers, cluster));
  }

  /** The teacher's labels in a cluster, by class, [classes]. */
  taught(cluster: number): Float64Array {
    return this.of(this.teachers, cluster);
  }

  private at(cluster: number, label: number): number {
    if (!(cluster >= 0 && cluster < this.k && label >= 0 && label < this.classes))
      throw labellingErrors.noSuchVote(cluster, label);
    return cluster * this.classes + label;
  }

  private of(counts: Float64Array, cluster: number): Float64Array {
    return counts.subarray(cluster * this.classes, (cluster + 1) * this.classes);
  }
}

/** Whether the model's label of an image counts as a teacher's. */
export const isConfident = (probability: number): boolean => probability >= TEACHER_LEVEL;

const sumOf = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum;
};
