import type { AnswerUse, Verdict } from './audit.js';
import type { LabelChange, LabelStatus } from './tables.js';

/** What one round made of one image of the pool. */
export interface RoundExplanation {
  round: number;
  decision: LabelChange;
  status: LabelStatus;
  /** Class in force after the round; null without one. */
  label: string | null;
  source: 'model' | 'human' | null;
  /** The round's likeliest class and its calibrated probability. */
  predicted: string;
  probability: number;
  /** Nats; predictive entropy = aleatoric + epistemic. `total`: U of arXiv 1812.01681, null in files of 0.1. */
  uncertainty: { predictiveEntropy: number; aleatoric: number; epistemic: number; total: number | null };
  /** Raw mean softmax of the likeliest classes, at most five; their order is the score's, not the calibrated one's. */
  classes: { class: string; probability: number }[];
  /** Stochastic passes that the image took; null in files of before. */
  passes: number | null;
  /** Name of the score that the cut-off compares, and the image's; accepted at or below `threshold`. Null in runs of 0.1. */
  score: { name: string; value: number } | null;
  threshold: number;
  cluster: number;
  /** Digest of the round's model. */
  model: string;
  /** The round, and the digest of its model, that first gave the label in force; null without one. */
  given: { round: number; model: string } | null;
  /** Id of the certificate that the label in force was under, empty without one. */
  certificate: string;
}

/** What a person said of the image. */
export interface AnswerExplanation {
  /** Null: asked without an audit. */
  audit: number | null;
  by: string;
  at: string;
  seconds: number;
  use: AnswerUse;
  verdict: Verdict;
  /** The verdict as people read it: a class's name, `unsure` or `none`. */
  answer: string;
}

/** Where a label comes from, as `labelloop labels explain --json` prints it. */
export interface Explanation {
  run: string;
  dataset: string;
  id: string;
  name: string;
  /** Position in the pool. */
  position: number;
  status: LabelStatus;
  label: string | null;
  source: 'model' | 'human' | null;
  /** Id of the certificate that the label is under, empty without one; and what the newest certificate of the run says. */
  certificate: string;
  statement: string | null;
  rounds: RoundExplanation[];
  answers: AnswerExplanation[];
}
