import { problem } from '../../contracts/errors.js';

/** Everything that can be wrong with an audit's numbers. */
export const auditErrors = {
  /** The run's audits would together err more often than they say. */
  alphaSpent: (audit: number, alpha: number, total: number, spent: number) =>
    problem(
      'AUDIT_INVALID',
      `audit ${audit} would spend ${alpha} of the ${total} that the run's audits may err with together, and ${spent} of it is spent. ` +
        `Start a run's first audit with 'spending: series' if more are to follow, or all with 'spending: classes' and a class each; certify the labels of this run by a new run.`,
    ),

  /** Looks have no law for draws that prefer some labels. */
  looksNotUniform: () =>
    problem(
      'AUDIT_INVALID',
      "looks are exact for uniform draws alone. Take 'drawing: uniform', or 'instrument: betting'.",
    ),
};
