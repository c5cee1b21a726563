import { canonicalJson } from '../../contracts/canonical.js';
import { exportedLog } from './certificate.js';
import { jsonLines } from './digest.js';
import { signCertificate } from './sign.js';
import type { AuditLine, Certificate, LedgerLine, Protocol, SeedFile } from '../../contracts/audit.js';

/** What a bundle is made of; all parts as the audit stored them. */
export interface BundleParts {
  certificate: Certificate;
  protocol: Protocol;
  seed: SeedFile;
  /** The whole log; questions are left out. */
  log: readonly AuditLine[];
  /** As it stood when the certificate was issued. */
  ledger: readonly LedgerLine[];
  /** labels.jsonl as it was frozen: the bytes that `root` is over. */
  labels: string | Uint8Array;
}

/** The bundle's files but for verify.mjs, by name. JSON is canonical (RFC 8785), with nothing after it; lines end in a line feed. */
export const bundleFiles = (parts: BundleParts, privateKey: string): Map<string, string | Uint8Array> =>
  new Map<string, string | Uint8Array>([
    ['certificate.json', canonicalJson(parts.certificate)],
    ['signature.json', canonicalJson(signCertificate(parts.certificate, privateKey))],
    ['protocol.json', canonicalJson(parts.protocol)],
    ['seed.json', canonicalJson(parts.seed)],
    ['labels.jsonl', parts.labels],
    ['audit.jsonl', jsonLines(exportedLog(parts.log))],
    ['ledger.jsonl', jsonLines(parts.ledger)],
  ]);
