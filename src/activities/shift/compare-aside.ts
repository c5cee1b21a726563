import type { SeedPair } from '../../contracts/learner.js';
import type { ShiftTest } from '../../contracts/shift.js';
import type { Side } from '../../labelling/shift.js';
import type { Features } from '../../labelling/two-sample.js';
import { inThread } from '../audit/thread.js';

/** What is compared, and laid out. */
export interface CompareInput {
  known: ComparedSide;
  seen: ComparedSide;
  trainedOn: boolean;
  seed: Readonly<SeedPair>;
  picture: boolean;
}
export interface ComparedSide extends Side {
  /** Latents of the images that the picture shows. */
  shown: Features;
}
export interface Compared {
  tests: ShiftTest[];
  /** Of the known images of the picture, then of the new ones; none without a picture. */
  places: { x: number; y: number }[];
}

/** Compares in a thread of its own: a thousand permutations and a layout take seconds. */
export const compareAside = (input: CompareInput): Promise<Compared> =>
  inThread<Compared>('../shift/compare-thread.js', input);
