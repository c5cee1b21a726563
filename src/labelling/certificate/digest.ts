import { createHash } from 'node:crypto';
import { canonicalJson } from '../../contracts/canonical.js';
import type { Protocol } from '../../contracts/audit.js';

/** SHA-256 of bytes, or of a text in UTF-8, in hex. */
export const sha256Of = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Values as JSON lines: each in canonical JSON (RFC 8785) and ended by a line feed. */
export const jsonLines = (values: Iterable<unknown>): string =>
  Array.from(values, (value) => `${canonicalJson(value)}\n`).join('');

/** What the ledger and seed.json commit to: SHA-256 of the canonical protocol. */
export const commitmentOf = (protocol: Protocol): string => sha256Of(canonicalJson(protocol));
