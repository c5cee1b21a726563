import { createHash } from 'node:crypto';

/** Bytes of the digest that decide: the remainder of 48 bits is as good as uniform for any number of folds. */
const BYTES = 6;

/**
 * The fold of an image, 0 to `folds` - 1: a function of its id and the salt alone. A pool image is labelled by the student
 * that was trained without its fold, and a calibration image is scored by the student of the fold that its own id falls
 * into, so both meet a student that has not seen them, drawn in the same way.
 *
 * @param salt tells the foldings of different runs apart
 */
export function foldOf(id: string, folds: number, salt: string): number {
  const digest = createHash('sha256').update(`${salt}\n${id}`).digest();
  return digest.readUIntBE(0, BYTES) % folds;
}

/** The folding of a run: images that fall together in one run are parted in another. */
export const foldSalt = (seed: number): string => String(seed);

/**
 * Whether a calibration image waits for the release: half of them do. Rounds choose pseudo-labels by what the other half says,
 * so that the students depend on that half; a statement needs images that nothing has looked at.
 */
export const isHeldBack = (id: string, seed: number): boolean => foldOf(id, 2, `held back, ${foldSalt(seed)}`) === 1;
