import { problem } from '../../contracts/errors.js';

/** All that can be wrong with a certificate, its ledger or its key. */
export const certificateErrors = {
  /** A certificate of an audit that has certified nothing. */
  nothingCertified: (audit: number) =>
    problem(
      'AUDIT_INVALID',
      `Audit ${audit} has certified nothing, so there is no certificate. Go on answering, or open another audit.`,
    ),
  /** More mistakes were found than the claim allows: the one case in twenty. */
  refuted: (found: number, most: number) =>
    problem(
      'CERTIFICATE_INVALID',
      `${found} labels were found wrong, more than the ${most} that the claim allows: it is not true. Open another audit.`,
    ),
  /** Parts of different audits were put together. */
  mixed: (what: string) =>
    problem('CERTIFICATE_INVALID', `${what}: the parts are of different audits. Export the certificate again.`),
  ledgerBroken: (line: number, reason: string) =>
    problem(
      'CERTIFICATE_INVALID',
      `line ${line} of the ledger ${reason}: it was changed or cut. Restore it from a backup of the store; no new audit can be opened.`,
    ),
  overspent: (wanted: number, left: number) =>
    problem(
      'AUDIT_INVALID',
      `an audit can't spend ${wanted} of alpha: ${left} is left of the run's. Give the run's audits a smaller share each (a series), or start another run.`,
    ),
  badKey: (cause: unknown) =>
    problem(
      'CERTIFICATE_INVALID',
      'the signing key is not an Ed25519 private key in PEM (PKCS#8). Make one: openssl genpkey -algorithm ed25519',
      cause,
    ),
};
