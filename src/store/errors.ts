import { messageOf, problem } from '../contracts/errors.js';
import type { Ref } from '../contracts/references.js';

/** Every message that the store's users can see. */
export const storeErrors = {
  /** No answer, or server errors, after all tries. */
  unavailable: (server: string, doing: string, cause: unknown) =>
    problem(
      'STORE_UNAVAILABLE',
      `${server}: ${doing} failed (${reasonOf(cause)}). Is the object store running? 'labelloop status' shows it and 'labelloop up' starts the one of this machine; for a store of your own, check its address, port and TLS setting.`,
      cause,
    ),
  /** The keys are wrong, or not allowed to do this. */
  denied: (server: string, doing: string, cause: unknown) =>
    problem(
      'STORE_DENIED',
      `${server}: ${doing} was refused (${reasonOf(cause)}). Check the access key and the secret key, that they may read, write, delete and list in the bucket, and this machine's clock.`,
      cause,
    ),
  /** The bucket was there when the store was opened. */
  bucketMissing: (server: string, bucket: string) =>
    problem('STORE_MISSING', `${server}: bucket '${bucket}' is gone. Restore it, or import the data sets again.`),
  /** A reference leads nowhere. */
  missing: (server: string, ref: Ref) =>
    problem(
      'STORE_MISSING',
      `${server}: ${ref.kind} ${ref.sha256} is not in the store. Run the stage that made it again (a run that is started again does so by itself), or import the data set again.`,
    ),
  /** Bytes in the store that are not those of their digest. */
  damaged: (server: string, ref: Ref, found: string, quarantine: string) =>
    problem(
      'STORE_DAMAGED',
      `${server}: ${ref.kind} ${ref.sha256} has the bytes of ${found}. It was moved to '${quarantine}' and will be made again; check the store's disk.`,
    ),
  /** The server answers for other objects, but not for this one: its own check of the disk fails. */
  unreadable: (server: string, ref: Ref) =>
    problem(
      'STORE_DAMAGED',
      `${server}: ${ref.kind} ${ref.sha256} can't be read, though the server is well. It was removed and will be made again; check the store's disk.`,
    ),
  /** Damaged as above, and nothing can make it again. */
  irreplaceable: (server: string, ref: Ref) =>
    problem(
      'STORE_DAMAGED',
      `${server}: ${ref.kind} ${ref.sha256} can't be read, or not as it was written. Nothing was removed: mend the store's disk or the way to it, or import the data set again, and what waits for it goes on.`,
    ),
  /** An object that this release can't read. */
  format: (place: string, expected: string, cause?: unknown) =>
    problem(
      'FORMAT_UNKNOWN',
      `${place}: this is not ${expected}${cause === undefined ? '' : ` (${messageOf(cause)})`}. It may be of another release of Labelloop: use that one, or compute it anew with another salt.`,
      cause,
    ),
};

/** `ECONNREFUSED`, `SlowDown`, `HTTP 503`: the code where there is one, since some messages are empty. */
function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const message = messageOf(cause);
  if (code === '' || message.includes(code)) return message;
  return message === '' ? code : `${code}: ${message}`;
}
