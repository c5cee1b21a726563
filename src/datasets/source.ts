import type { LabelloopError } from '../contracts/errors.js';

export type SourceKind = 'folder' | 'csv' | 'jsonl' | 'idx';

/** An image's file, or its pixels where the format has no files: uint8, [height, width], grey. */
export type Content = { path: string } | { pixels: Uint8Array; height: number; width: number };

export interface SourceImage {
  type: 'image';
  /** What the user calls it: an id, or the path as written. */
  name: string;
  /** Where the user finds it: the image's file, or the manifest and the row. */
  file: string;
  row?: number;
  content: Content;
  /** Class in NFC, null where the image is unlabelled. */
  label: string | null;
  split: 'train' | 'test';
}

/** Something that should have been an image. */
export interface SourceProblem {
  type: 'problem';
  file: string;
  row?: number;
  problem: LabelloopError;
}

/** Something that is no error and that the user should know. */
export interface SourceNote {
  type: 'note';
  text: string;
}

export type Entry = SourceImage | SourceProblem | SourceNote;

/** A dataset as people have it. `read` may be called again and gives the same entries in the same order. */
export interface Source {
  kind: SourceKind;
  read(): AsyncGenerator<Entry>;
}

/** Labels that look the same are the same: macOS writes names decomposed (NFD). */
export const normalizeLabel = (label: string): string | null => label.trim().normalize('NFC') || null;

const TRAIN = new Set(['train', 'training', 'val', 'valid', 'validation']);
const TEST = new Set(['test', 'testing']);

/** Names of folders, and values of a column `split`, for images without labels. */
export const UNLABELLED: ReadonlySet<string> = new Set(['unlabelled', 'unlabeled', 'pool']);

/** The split of that name. Validation images are labelled images like others: a run parts off its own for calibration. */
export function splitOf(name: string): 'train' | 'test' | null {
  const key = name.toLowerCase();
  if (TRAIN.has(key)) return 'train';
  return TEST.has(key) ? 'test' : null;
}

/** Order by code units: the same on every machine, whatever its locale. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
