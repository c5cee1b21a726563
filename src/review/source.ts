import type { Answer, AuditState, Question } from '../contracts/audit.js';
import type { ImageShape } from '../contracts/dataset.js';

/** An image as it is kept: the file that was imported, or the model's pixels where no file was. */
export type StoredImage =
  | { readonly file: Uint8Array }
  /** uint8, [height, width, channels] */
  | { readonly pixels: Uint8Array; readonly shape: ImageShape };

/**
 * What the people's page needs of one run, and no more. Tests bring one in memory; `client-source.ts` binds the client to it.
 * Errors are LabelloopErrors; a retryable one (the store or Temporal is away) makes the page keep its answers and try again.
 */
export interface ReviewSource {
  readonly run: string;
  /** Names, in the order of the class indices. */
  readonly classes: readonly string[];
  /** The next questions for a person, most urgent first; none tells which queue it is from. */
  questions(by: string, limit: number): Promise<readonly Question[]>;
  /** Takes answers down. The same answer again changes nothing. */
  answer(answers: readonly Answer[]): Promise<void>;
  /** null: the run has no audit. */
  audit(): Promise<AuditState | null>;
  image(question: Question): Promise<StoredImage>;
  /** The model's guess: class index, null where it has none. Asked only with `--show-guess`. */
  guess(question: Question): Promise<number | null>;
}
