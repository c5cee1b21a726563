import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  auditLine,
  certificate as certificateFile,
  frozenLabel,
  ledgerLine,
  protocol,
  seedFile,
} from '../contracts/audit.js';
import type { AuditRefs, Certificate } from '../contracts/audit.js';
import { problem } from '../contracts/errors.js';
import type { Ref } from '../contracts/references.js';
import { firstVerdicts } from '../labelling/audit/correct.js';
import { claimAfter, createSigningKey } from '../labelling/certificate/index.js';
import type { BundleParts, Claim, LaterChanges } from '../labelling/certificate/index.js';
import { readRows, tables } from '../store/index.js';
import type { Store } from '../store/index.js';

/** A certificate, and what it says of the labels that there are now. */
export interface CertificateNow {
  certificate: Certificate;
  /** Since it was issued. */
  changes: LaterChanges;
  /** By the rule of docs/certificate.md: K + d. */
  holds: Claim;
}

/**
 * What still holds: labels that changed or came since can be wrong, those that left can only have been.
 *
 * @param now the labels' table as it is; null: as the audit left it
 */
export async function certificateNow(store: Store, refs: AuditRefs, now: Ref | null): Promise<CertificateNow> {
  const certificate = await readCertificate(store, refs);
  const changes: LaterChanges = { changed: 0, added: 0, revoked: 0 };
  if (refs.labels !== null && now !== null && now.sha256 !== refs.labels.sha256) {
    const later = readRows(tables.labels, await store.fetch(now));
    for await (const row of readRows(tables.labels, await store.fetch(refs.labels))) {
      const next = (await later.next()).value as typeof row | undefined;
      if (row.certificate !== certificate.id) continue;
      if (next?.id !== row.id || next.status !== 'accepted' || next.source !== 'model') changes.revoked++;
      else if (next.label !== row.label) changes.changed++;
    }
  }
  return { certificate, changes, holds: claimAfter(certificate, changes, await withdrawn(store, refs, certificate)) };
}

/** Labels of the claim that the audit left open, as people could not tell or found no class for their images. */
async function withdrawn(store: Store, { log, frozen }: AuditRefs, { claim }: Certificate): Promise<number> {
  if (!log) return 0;
  const said = firstVerdicts(await store.readJsonLines(log, auditLine));
  const open = new Set([...said].filter(([, verdict]) => typeof verdict !== 'number').map(([id]) => id));
  if (open.size === 0) return 0;
  const labels = await store.readJsonLines(frozen, frozenLabel);
  return labels.filter(({ id, rank }) => rank < claim.size && open.has(id)).length;
}

/** All that a bundle is made of. */
export async function readBundle(store: Store, refs: AuditRefs): Promise<BundleParts> {
  const { seed, log, ledger } = refs;
  if (!seed || !log || !ledger)
    throw problem('CERTIFICATE_INVALID', 'the audit has no draw, so that nothing can be checked.');
  return {
    certificate: await readCertificate(store, refs),
    protocol: await store.readJson(refs.protocol, protocol),
    seed: await store.readJson(seed, seedFile),
    log: await store.readJsonLines(log, auditLine),
    ledger: await store.readJsonLines(ledger, ledgerLine),
    labels: await store.readBytes(refs.frozen),
  };
}

async function readCertificate(store: Store, { certificate }: AuditRefs): Promise<Certificate> {
  if (!certificate) throw problem('AUDIT_UNKNOWN', 'the audit has certified nothing.');
  return store.readJson(certificate, certificateFile);
}

/**
 * This machine's key, Ed25519 in PEM: `<home>/keys/certificate.pem`, made when it is first asked for, readable by its owner
 * alone; the public half lies beside it.
 */
export async function signingKey(folder: string): Promise<string> {
  const path = join(folder, 'certificate.pem');
  const known = await readFile(path, 'utf8').catch(() => null);
  if (known !== null) return known;
  const { privateKey, publicKey } = createSigningKey();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await writeFile(path, privateKey, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // Another export made one at the same moment.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readFile(path, 'utf8');
  }
  await writeFile(join(folder, 'certificate.pub.pem'), publicKey);
  return privateKey;
}
