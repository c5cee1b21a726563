import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFiles } from '../labelling/certificate/index.js';
import type { BundleParts } from '../labelling/certificate/index.js';

/** The verifier as it is published: plain JavaScript, beside the compiled sources. */
const VERIFIER = fileURLToPath(new URL('../../../infra/verify.mjs', import.meta.url));

/**
 * Writes a certificate's bundle: all that somebody needs to check it offline with `node DIR/verify.mjs DIR`. Files of the same names
 * are replaced.
 *
 * @param dir made when it is not there
 * @param privateKey Ed25519, PEM
 * @returns the names of the files
 */
export async function writeBundle(dir: string, parts: BundleParts, privateKey: string): Promise<string[]> {
  const files = bundleFiles(parts, privateKey);
  await fs.mkdir(dir, { recursive: true });
  for (const [name, content] of files) await fs.writeFile(path.join(dir, name), content);
  await fs.copyFile(VERIFIER, path.join(dir, 'verify.mjs'));
  return [...files.keys(), 'verify.mjs'];
}
