import { problem } from '../contracts/errors.js';

/** Everything that can go wrong in a decision: its inputs do not belong together. */
export const labellingErrors = {
  /** A labelled image's label is not one of the dataset's classes. */
  labelUnknown: (position: number, label: number, classes: number) =>
    problem(
      'DATASET_CLASS_UNKNOWN',
      `labelled image ${position} has label ${label}, but the dataset has classes 0 to ${classes - 1}. Import the dataset again.`,
    ),

  /** Two tables that go through the pool side by side stand at different images. */
  rowsOutOfStep: (table: string, expected: string, got: string) =>
    problem(
      'SHAPE_MISMATCH',
      `${table} is at image '${got}' where the pool is at '${expected}': the tables are of different pools. Start the run again with another salt.`,
    ),

  /** Features of another model than the centroids'. */
  widthMismatch: (centroids: number, features: number) =>
    problem(
      'SHAPE_MISMATCH',
      `features have width ${features}, the centroids ${centroids}: they are of different models. Start the run again with another salt.`,
    ),

  /** Rows times width is not the length of the data. */
  rowsMismatch: (n: number, width: number, length: number) =>
    problem(
      'SHAPE_MISMATCH',
      `got ${length} numbers, expected ${n} rows of ${width}. Start the run again with another salt.`,
    ),

  /** A label is taken from a cluster that has none such, or given to a cluster or class that is not there. */
  noSuchVote: (cluster: number, label: number) =>
    problem(
      'SHAPE_MISMATCH',
      `cluster ${cluster} has no label of class ${label} to count: labels and clusters are of different datasets. Start the run again with another salt.`,
    ),

  /** Shards with another number of rows, all together, than the pool has images. */
  rowsMissing: (expected: number, got: number) =>
    problem(
      'SHAPE_MISMATCH',
      `the shards have ${got} rows of features, the pool ${expected} images. Start the run again with another salt.`,
    ),

  /** Clusters of nothing. */
  noFeatures: () =>
    problem('SHAPE_MISMATCH', 'no features to cluster: the pool is empty. Import a dataset with pool images.'),
};
