import { z } from 'zod';

/**
 * Columns of `posteriors/2` (Parquet), a row an image of the shard, in its order:
 * id string; predicted int32; probability float (mean softmax of the predicted class); probability_std float;
 * predictive_entropy, aleatoric, epistemic float (nats; entropy = aleatoric + epistemic); log_variance float
 * (mean exp s); variation_ratio, kwon_aleatoric, kwon_epistemic float; passes int32 (how many it took); p list<float>
 * (mean softmax, classes in the dataset's order).
 */
export interface PosteriorRow {
  id: string;
  predicted: number;
  probability: number;
  probability_std: number;
  predictive_entropy: number;
  aleatoric: number;
  epistemic: number;
  log_variance: number;
  variation_ratio: number;
  kwon_aleatoric: number;
  kwon_epistemic: number;
  passes: number;
  p: number[];
}

export const labelStatuses = ['accepted', 'open', 'outlier'] as const;
export const labelStatus = z.enum(labelStatuses);
export type LabelStatus = z.infer<typeof labelStatus>;

export const labelChanges = ['accept', 'keep', 'flip', 'revoke', 'none'] as const;
export const labelChange = z.enum(labelChanges);
export type LabelChange = z.infer<typeof labelChange>;

/**
 * Columns of `labels/2` (Parquet), a row an image of the pool, in its order. `label` is -1 and `class` empty unless
 * `status` is `accepted`. `round` and `model` say when and by which model the label in force was first given (0 and empty
 * without one); `threshold` is this round's cut-off for the predicted class; `probability` is calibrated; `total_uncertainty` is U of
 * arXiv 1812.01681.
 */
export interface LabelRow {
  id: string;
  name: string;
  status: LabelStatus;
  change: LabelChange;
  label: number;
  class: string;
  predicted: number;
  probability: number;
  predictive_entropy: number;
  aleatoric: number;
  epistemic: number;
  total_uncertainty: number;
  cluster: number;
  source: 'model' | 'human' | '';
  round: number;
  model: string;
  threshold: number;
  /** Id of the certificate that the label is under; empty without one. */
  certificate: string;
}

/** Columns of `assignments` inside `clusters/1` (Parquet), a row an image of the pool. */
export interface AssignmentRow {
  id: string;
  cluster: number;
  distance: number;
  outlier: boolean;
}

/**
 * Columns of `duplicates/1` (Parquet), a row an image that has near-duplicates: images of one `group` are, each with another
 * of it, closer than the threshold; `distance` is to the nearest of these.
 */
export interface DuplicateRow {
  id: string;
  group: number;
  distance: number;
}

/**
 * Columns of `suspects/1` (Parquet), a row a human label that both the image's cluster and the model deny, the least
 * credible first. `label` is what people said; `predicted` and `cluster_label` what model and cluster say instead. Where the model
 * was trained on the label, `predicted` is what it says of most pool images in the cluster, and `probability` their share.
 */
export interface SuspectRow {
  id: string;
  name: string;
  label: number;
  predicted: number;
  probability: number;
  cluster: number;
  cluster_label: number;
  cluster_probability: number;
}

/** Columns of `items/1` (Parquet). */
export interface ItemRow {
  id: string;
  name: string;
}

/** Columns of `answers/1` (Parquet): labels that people gave, or that an import hid. */
export interface AnswerRow {
  id: string;
  label: number;
}
