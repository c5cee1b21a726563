import type { ImageShape } from '../contracts/dataset.js';

/** An image as a page shows it. */
export interface QuestionImage {
  id: string;
  /** The file as it was imported; null where the pixels are the original. */
  original: { bytes: Uint8Array; extension: string } | null;
  /** What the model sees: uint8, [height, width, channels]. */
  pixels: Uint8Array;
  shape: ImageShape;
}
