import type { RunView } from './run.js';

type Round = Pick<RunView['rounds'][number], 'accepted' | 'estimate' | 'calibrationError'>;

/**
 * Whether a round of an adapting run labelled by another run's cut-off: it had too few calibration images to choose one, and
 * none to measure it on.
 */
export const isBorrowed = ({ accepted, estimate, calibrationError }: Round): boolean =>
  accepted > 0 && estimate.coverage === 0 && calibrationError === null;

/** What such labels are worth, in sentences for people. */
export const borrowedWords = (run: string): string[] => [
  'Nothing is known of the label error here: there are too few calibration images.',
  "The cut-off is the other run's; labels are where model and clusters agree.",
  `An audit tells what they are worth: labelloop audit start ${run} --error 2%`,
];
