import type { CutoffFile, LabelCounts } from '../contracts/stages.js';
import type { AssignmentRow, ItemRow, LabelChange, LabelRow, LabelStatus, PosteriorRow } from '../contracts/tables.js';
import { labellingErrors } from './errors.js';

/** What is the same for all images of a round. */
export interface RoundContext {
  /** This round's cut-off; an image is accepted at or below its value. */
  cutoff: Pick<CutoffFile, 'score' | 'value'>;
  round: number;
  /** Digest of this round's model. */
  model: string;
  /** Names of the classes, in the dataset's order. */
  classes: readonly string[];
}

/** The uncertainty that a cut-off compares: H[p], or the paper's total uncertainty U = mean exp(s) + H[p]. */
export function uncertainty(
  posterior: Pick<PosteriorRow, 'predictive_entropy' | 'log_variance'>,
  score: CutoffFile['score'],
): number {
  const entropy = posterior.predictive_entropy;
  return score === 'total_uncertainty' ? posterior.log_variance + entropy : entropy;
}

/**
 * Decides one pool image anew from this round's model: labels are provisional, none outlives the evidence for it.
 *
 * | was | certain now, not an outlier | otherwise |
 * | --- | --- | --- |
 * | without a label | `accept`: this round's label | `none` |
 * | labelled by a model, same class | `keep`: stays the label of the round that gave it first | `revoke` |
 * | labelled by a model, another class | `flip`: this round's label | `revoke` |
 * | labelled by a person | `keep` | `keep` |
 *
 * Outliers, images far from every group of features, are for people even where the model is certain.
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
    probability: posterior.probability,
    predictive_entropy: posterior.predictive_entropy,
    aleatoric: posterior.aleatoric,
    epistemic: posterior.epistemic,
    cluster: assignment.cluster,
    threshold: context.cutoff.value,
  };
  const labelled = previous?.status === 'accepted' ? previous : null;
  if (labelled?.source === 'human') return { ...row, ...inForce(labelled), change: 'keep' };

  const status = statusOf(posterior, assignment, context);
  if (status !== 'accepted') {
    const change: LabelChange = labelled ? 'revoke' : 'none';
    return { ...row, status, change, label: -1, class: '', source: '', round: 0, model: '' };
  }
  if (labelled?.label === posterior.predicted) return { ...row, ...inForce(labelled), change: 'keep' };
  return {
    ...row,
    status,
    change: labelled ? 'flip' : 'accept',
    label: posterior.predicted,
    class: context.classes[posterior.predicted] ?? '',
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

function statusOf(posterior: PosteriorRow, assignment: AssignmentRow, { cutoff }: RoundContext): LabelStatus {
  if (assignment.outlier) return 'outlier';
  return uncertainty(posterior, cutoff.score) <= cutoff.value ? 'accepted' : 'open';
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
