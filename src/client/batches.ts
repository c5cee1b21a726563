import type { Answer } from '../contracts/audit.js';

/** Answers a message, and their JSON's length: what crosses to the server stays under 16 KiB. */
const BATCH = 100;
const BATCH_BYTES = 14_000;

/** Answers by messages of at most 100, and of bounded length. */
export function* batches(answers: readonly Answer[]): Generator<Answer[]> {
  let batch: Answer[] = [];
  let bytes = 0;
  for (const answer of answers) {
    const length = Buffer.byteLength(JSON.stringify(answer)) + 1;
    if (batch.length === BATCH || (batch.length > 0 && bytes + length > BATCH_BYTES)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(answer);
    bytes += length;
  }
  if (batch.length > 0) yield batch;
}
