import type {
  AnswerRow,
  AssignmentRow,
  DuplicateRow,
  ItemRow,
  LabelRow,
  PosteriorRow,
  SuspectRow,
} from '../contracts/tables.js';

/** Parquet types by what they hold: int32 and float (32 bits) are as narrow as the columns need. */
type ColumnType<Value> = Value extends string
  ? 'string'
  : Value extends number
    ? 'int32' | 'float'
    : Value extends boolean
      ? 'boolean'
      : Value extends number[]
        ? 'float[]'
        : never;
export type AnyColumnType = 'string' | 'int32' | 'float' | 'boolean' | 'float[]';

/** A table's columns in the order of the file; none is ever null. */
export interface TableSpec<Row> {
  readonly name: string;
  readonly columns: { readonly [Column in keyof Row & string]: ColumnType<Row[Column]> };
  /** Columns that files of an earlier version lack, and the value that stands for them. */
  readonly absent?: Partial<Row>;
}

/** `posteriors/2`, as contracts/tables.ts documents it; so for the tables below. */
export const posteriors: TableSpec<PosteriorRow> = {
  name: 'posteriors/2',
  columns: {
    id: 'string',
    predicted: 'int32',
    probability: 'float',
    probability_std: 'float',
    predictive_entropy: 'float',
    aleatoric: 'float',
    epistemic: 'float',
    log_variance: 'float',
    variation_ratio: 'float',
    kwon_aleatoric: 'float',
    kwon_epistemic: 'float',
    passes: 'int32',
    p: 'float[]',
  },
  // Files written before these moments were kept.
  absent: { variation_ratio: NaN, kwon_aleatoric: NaN, kwon_epistemic: NaN, passes: 0 },
};

export const labels: TableSpec<LabelRow> = {
  name: 'labels/2',
  columns: {
    id: 'string',
    name: 'string',
    status: 'string',
    change: 'string',
    label: 'int32',
    class: 'string',
    predicted: 'int32',
    probability: 'float',
    predictive_entropy: 'float',
    aleatoric: 'float',
    epistemic: 'float',
    total_uncertainty: 'float',
    cluster: 'int32',
    source: 'string',
    round: 'int32',
    model: 'string',
    threshold: 'float',
    certificate: 'string',
  },
  absent: { total_uncertainty: NaN, certificate: '' },
};

export const items: TableSpec<ItemRow> = { name: 'items/1', columns: { id: 'string', name: 'string' } };

export const answers: TableSpec<AnswerRow> = { name: 'answers/1', columns: { id: 'string', label: 'int32' } };

export const assignments: TableSpec<AssignmentRow> = {
  name: 'assignments',
  columns: { id: 'string', cluster: 'int32', distance: 'float', outlier: 'boolean' },
};

export const duplicates: TableSpec<DuplicateRow> = {
  name: 'duplicates/1',
  columns: { id: 'string', group: 'int32', distance: 'float' },
};

export const suspects: TableSpec<SuspectRow> = {
  name: 'suspects/1',
  columns: {
    id: 'string',
    name: 'string',
    label: 'int32',
    predicted: 'int32',
    probability: 'float',
    cluster: 'int32',
    cluster_label: 'int32',
    cluster_probability: 'float',
  },
};
