import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { canonicalJson } from '../../contracts/canonical.js';
import { sha256Of } from './digest.js';
import { certificateErrors } from './errors.js';
import type { KeyObject } from 'node:crypto';
import type { Certificate, Signature } from '../../contracts/audit.js';

/** An Ed25519 key pair, both in PEM: the private key as PKCS#8, the public one as SPKI. */
export interface SigningKey {
  privateKey: string;
  publicKey: string;
}

export function createSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function privateKeyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is of type ${key.asymmetricKeyType}`);
    return key;
  } catch (cause) {
    throw certificateErrors.badKey(cause);
  }
}

/** SHA-256 of a public key's DER form, in hex: what a signer publishes, so that others know the key by it. */
export const fingerprintOf = (publicKey: string): string =>
  sha256Of(createPublicKey(publicKey).export({ type: 'spki', format: 'der' }));

/**
 * signature.json of a certificate: Ed25519 (RFC 8032) over the bytes of the canonical certificate.json.
 *
 * @param privateKey PEM, PKCS#8
 * @throws CERTIFICATE_INVALID when it is no such key
 */
export function signCertificate(certificate: Certificate, privateKey: string): Signature {
  const key = privateKeyOf(privateKey);
  return {
    format: 'labelloop.signature/1',
    publicKey: createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
    signature: sign(null, Buffer.from(canonicalJson(certificate)), key).toString('base64'),
  };
}

/** Whether `signature` is of this certificate and by the key that it names. Whose key that is, is another question. */
export const signatureHolds = (certificate: Certificate, { publicKey, signature }: Signature): boolean =>
  verify(null, Buffer.from(canonicalJson(certificate)), publicKey, Buffer.from(signature, 'base64'));
