import { scoreOf } from '../contracts/scores.js';
import type { LabelTenure } from '../contracts/presets.js';
import type { CutoffFile, LabelCounts, RelabelInput } from '../contracts/stages.js';
import type { AssignmentRow, ItemRow, LabelChange, LabelRow, LabelStatus, PosteriorRow } from '../contracts/tables.js';
import { calibrated } from './calibration.js';
import type { Scaling } from './calibration.js';
import { ACCEPT_NOTHING } from './cutoff.js';
import { labellingErrors } from './errors.js';

/**
 * What clusters have to do with the labels. `clusters`: an image gets its cluster's label, whatever the model says, so that a model
 * can begin on data on which it is not to be trusted; `agreement`: where the model's class is its cluster's, the cut-off decides.
 */
export interface ByClusters {
  rule: NonNullable<RelabelInput['by']>;
  /** Label of each cluster, -1 where it is open. */
  labels: readonly number[];
}

/** The class that an image would get now if it is certain enough; -1 where none could. */
export function candidateLabel(
  { predicted }: Pick<PosteriorRow, 'predicted'>,
  { cluster }: Pick<AssignmentRow, 'cluster'>,
  by: ByClusters | undefined,
): number {
  if (!by) return predicted;
  if (by.rule === 'people') return -1;
  const label = by.labels[cluster] ?? -1;
  return by.rule === 'clusters' || label === predicted ? label : -1;
}

/** What is the same for all images of a round. */
export interface RoundContext {
  /** This round's cut-off. */
  cutoff: Pick<CutoffFile, 'score' | 'values'> & { scaling: Scaling };
  /** Rule `top-n`: whether this score is among those taken, and the largest that is; null for the other rules. */
  top: { take(score: number): boolean; value: number } | null;
  tenure: LabelTenure;
  /** Absent: labels are the model's, under the cut-off. */
  by?: ByClusters;
  round: number;
  /** Digest of this round's model. */
  model: string;
  /** Names of the classes, in the dataset's order. */
  classes: readonly string[];
}

/** The label that no model may touch: a person's, or any where labels are permanent; null where the image is to be decided. */
export function heldLabel(previous: LabelRow | null, tenure: LabelTenure): LabelRow | null {
  if (previous?.status !== 'accepted') return null;
  return tenure === 'permanent' || previous.source === 'human' ? previous : null;
}

/**
 * Decides one pool image anew from this round's model: labels are provisional, none outlives the evidence for it. With tenure
 * `permanent`, as in arXiv 1812.01681's code, a label once given stays.
 *
 * | was | certain now, not an outlier | otherwise |
 * | --- | --- | --- |
 * | without a label | `accept`: this round's label | `none` |
 * | labelled by a model, same class | `keep`: stays the label of the round that gave it first | `revoke` |
 * | labelled by a model, another class | `flip`: this round's label | `revoke` |
 * | labelled by a person | `keep` | `keep` |
 * | labelled at all, tenure `permanent` | `keep` | `keep` |
 *
 * The cut-off compares the raw score, and the label is the class of the largest raw mean softmax; `probability` alone is
 * calibrated. With `by`, the label may be the cluster's (see ByClusters). Outliers, images far from every group of features, are for people even where the model is certain.
 *
 * @param previous the image's row of the round before, null in round 1
 * @throws SHAPE_MISMATCH when the rows are of different images
 */
export function decide(
  image: ItemRow,
  posterior: PosteriorRow,
  assignment: AssignmentRow,
  previous: LabelRow | null,
  context: RoundContext,
): LabelRow {
  const tables = { posteriors: posterior, assignments: assignment, 'previous labels': previous };
  for (const [table, row] of Object.entries(tables))
    if (row && row.id !== image.id) throw labellingErrors.rowsOutOfStep(table, image.id, row.id);

  const row = {
    id: image.id,
    name: image.name,
    predicted: posterior.predicted,
    probability: calibrated(posterior.p, context.cutoff.scaling)[posterior.predicted] as number,
    predictive_entropy: posterior.predictive_entropy,
    aleatoric: posterior.aleatoric,
    epistemic: posterior.epistemic,
    total_uncertainty: scoreOf('total-uncertainty', posterior),
    cluster: assignment.cluster,
    threshold: context.top?.value ?? context.cutoff.values[posterior.predicted] ?? ACCEPT_NOTHING,
    // A certificate belongs to one freeze; a round decides anew.
    certificate: '',
  };
  const held = heldLabel(previous, context.tenure);
  if (held) return { ...row, ...inForce(held), change: 'keep' };

  const labelled = previous?.status === 'accepted' ? previous : null;
  const label = candidateLabel(posterior, assignment, context.by);
  const status = label < 0 && !assignment.outlier ? 'open' : statusOf(posterior, assignment, row.threshold, context);
  if (status !== 'accepted') {
    const change: LabelChange = labelled ? 'revoke' : 'none';
    return { ...row, status, change, label: -1, class: '', source: '', round: 0, model: '' };
  }
  if (labelled?.label === label) return { ...row, ...inForce(labelled), change: 'keep' };
  return {
    ...row,
    status,
    change: labelled ? 'flip' : 'accept',
    label,
    class: context.classes[label] ?? '',
    source: 'model',
    round: context.round,
    model: context.model,
  };
}

/** A label that stays, with its provenance. */
const inForce = ({ status, label, class: className, source, round, model }: LabelRow) => ({
  status,
  label,
  class: className,
  source,
  round,
  model,
});

function statusOf(
  posterior: PosteriorRow,
  assignment: AssignmentRow,
  threshold: number,
  { cutoff, top, by }: RoundContext,
): LabelStatus {
  if (assignment.outlier) return 'outlier';
  if (by?.rule === 'clusters') return 'accepted';
  const score = scoreOf(cutoff.score, posterior);
  const certain = top ? top.take(score) : score <= threshold;
  return certain ? 'accepted' : 'open';
}

/** Where each kind of change is counted. */
const COUNTED_AS = { accept: 'added', keep: 'kept', flip: 'flipped', revoke: 'revoked', none: null } as const;

/**
 * Counts a round's labels; pass the counts so far to go on with the next batch of rows. `accepted` is every label in
 * force, and accepted + open + outliers = the pool.
 */
export function countLabels(rows: Iterable<LabelRow>, before?: LabelCounts): LabelCounts {
  const counts = before
    ? { ...before }
    : { accepted: 0, added: 0, kept: 0, flipped: 0, revoked: 0, open: 0, outliers: 0 };
  for (const { status, change } of rows) {
    counts[status === 'outlier' ? 'outliers' : status]++;
    const counted = COUNTED_AS[change];
    if (counted) counts[counted]++;
  }
  return counts;
}
