import { loadClientConfigProfile, loadClientConnectConfig } from '@temporalio/envconfig';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import type { StoreConnection } from './connection.js';
import { messageOf, problem } from './errors.js';
import type { LabelloopError } from './errors.js';

/** A Temporal server of the user's own. How to connect (TLS, keys) is `@temporalio/envconfig`'s business. */
export interface ConfiguredTemporal {
  readonly address: string;
  readonly namespace: string;
}

/**
 * The Temporal server that `TEMPORAL_ADDRESS` or the profile in `temporal.toml` names, or null: then the embedded one
 * serves.
 *
 * @throws USAGE if the file or a variable can't be read
 */
export function configuredTemporal(env: NodeJS.ProcessEnv = process.env): ConfiguredTemporal | null {
  try {
    const profile = loadClientConfigProfile({ overrideEnvVars: definedOf(env) });
    if (profile.address === undefined || profile.address === '') return null;
    return { address: profile.address, namespace: profile.namespace ?? 'default' };
  } catch (error) {
    throw temporalConfiguration(error);
  }
}

/** How to connect to the configured server: address, namespace, TLS and keys. */
export const connectConfig = (env: NodeJS.ProcessEnv = process.env): ClientConnectConfig =>
  loadClientConnectConfig({ overrideEnvVars: definedOf(env) });

const definedOf = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined));

/**
 * The S3 store that `MINIO_ENDPOINT` and its keys name, or null: then the embedded one serves. The endpoint is
 * `host`, `host:port` or a URL; the keys may have their former names (`MINIO_ROOT_USER`, `MINIO_ROOT_PASSWORD`).
 *
 * @throws USAGE if the endpoint is set and something else is missing
 */
export function configuredStore(env: NodeJS.ProcessEnv = process.env): StoreConnection | null {
  const endpoint = env['MINIO_ENDPOINT'];
  if (endpoint === undefined || endpoint === '') return null;
  const secureByDefault = /^(1|true|yes|on)$/i.test(env['MINIO_USE_SSL'] ?? '');
  const text = /^https?:\/\//.test(endpoint) ? endpoint : `${secureByDefault ? 'https' : 'http'}://${endpoint}`;
  if (!URL.canParse(text)) throw minioConfiguration(`'${endpoint}' is no endpoint`);
  const url = new URL(text);
  const useSSL = url.protocol === 'https:';
  const accessKey = env['MINIO_ACCESS_KEY'] || env['MINIO_ROOT_USER'];
  const secretKey = env['MINIO_SECRET_KEY'] || env['MINIO_ROOT_PASSWORD'];
  if (!accessKey) throw minioConfiguration('MINIO_ACCESS_KEY is not');
  if (!secretKey) throw minioConfiguration('MINIO_SECRET_KEY is not');
  // MinIO's own port where none is given, unless a URL names a scheme: then the scheme's.
  const fallback = /^https?:\/\//.test(endpoint) ? (useSSL ? 443 : 80) : 9000;
  return {
    endPoint: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? fallback : Number(url.port),
    useSSL,
    accessKey,
    secretKey,
    bucket: env['MINIO_BUCKET'] || 'labelloop',
    region: env['MINIO_REGION'] || 'us-east-1',
  };
}

/** Whom to tell when people are needed. */
export interface ConfiguredNotices {
  /** Where to POST a notice; null: nowhere. */
  readonly url: URL | null;
  /** Command line that gets it on its standard input; null: none. */
  readonly command: string | null;
}

/**
 * Where `LABELLOOP_NOTIFY_URL` and `LABELLOOP_NOTIFY_COMMAND` send notices; of the process that serves the stages.
 *
 * @throws USAGE if the URL is none
 */
export function configuredNotices(env: NodeJS.ProcessEnv = process.env): ConfiguredNotices {
  const text = env['LABELLOOP_NOTIFY_URL'] || null;
  const url = text !== null && URL.canParse(text) ? new URL(text) : null;
  if (text !== null && !/^https?:$/.test(url?.protocol ?? ''))
    throw problem(
      'USAGE',
      // It may hold a secret, so that it is not repeated here.
      'LABELLOOP_NOTIFY_URL is set, but is no http:// or https:// URL. Correct it, or unset it to be told nothing.',
    );
  return { url, command: env['LABELLOOP_NOTIFY_COMMAND'] || null };
}

/** MINIO_ENDPOINT is set but can't be used as it is. */
const minioConfiguration = (what: string): LabelloopError =>
  problem(
    'USAGE',
    `MINIO_ENDPOINT is set, but ${what}. Set MINIO_ENDPOINT (host:port or URL), MINIO_ACCESS_KEY and MINIO_SECRET_KEY, or unset it to use the embedded store.`,
  );

const temporalConfiguration = (cause: unknown): LabelloopError =>
  problem(
    'USAGE',
    `temporal.toml or the TEMPORAL_ variables can't be used: ${messageOf(cause)}. Correct them, or unset TEMPORAL_ADDRESS to use the embedded server.`,
    cause,
  );
