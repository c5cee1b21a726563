import { existsSync, readFileSync } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { stackFile } from '../contracts/connection.js';
import type { StackFile, StoreConnection } from '../contracts/connection.js';
import { problem } from '../contracts/errors.js';

/** How to reach Temporal and the store: what the user configured, else the stack that `labelloop up` runs here. */
export interface Connections {
  temporal: ClientConnectConfig;
  store: StoreConnection;
}

const NO_STACK =
  "Nothing is running here that a run could use. 'labelloop up' starts Temporal, MinIO and the workers on this machine; or set TEMPORAL_ADDRESS and MINIO_ENDPOINT.";

/**
 * Finds the connections.
 * @param stackPath the embedded stack's `stack.json`
 * @throws STACK_UNAVAILABLE when neither the environment nor a stack names a server
 */
export function findConnections(stackPath: string, env: NodeJS.ProcessEnv = process.env): Connections {
  const stack = readStack(stackPath);
  return { temporal: findTemporal(stack), store: configuredStore(env) ?? embeddedStore(stack) };
}

/** What TEMPORAL_* or temporal.toml say; null when they name no address. */
export function configuredTemporal(): ClientConnectConfig | null {
  const config = loadClientConnectConfig();
  return config.connectionOptions.address ? config : null;
}

/** What MINIO_* say; null when they name no endpoint. */
export function configuredStore(env: NodeJS.ProcessEnv = process.env): StoreConnection | null {
  const endpoint = env['MINIO_ENDPOINT'];
  if (!endpoint) return null;
  const url = parseEndpoint(endpoint, env['MINIO_USE_SSL'] === 'true');
  const accessKey = env['MINIO_ACCESS_KEY'] ?? env['MINIO_ROOT_USER'];
  const secretKey = env['MINIO_SECRET_KEY'] ?? env['MINIO_ROOT_PASSWORD'];
  if (!accessKey || !secretKey) {
    throw problem('STORE_DENIED', 'MINIO_ENDPOINT is set without keys. Set MINIO_ACCESS_KEY and MINIO_SECRET_KEY too.');
  }
  return {
    endPoint: url.hostname,
    port: url.port ? Number(url.port) : url.protocol === 'https:' ? 443 : 80,
    useSSL: url.protocol === 'https:',
    accessKey,
    secretKey,
    bucket: env['MINIO_BUCKET'] ?? 'labelloop',
    region: env['MINIO_REGION'] ?? 'us-east-1',
  };
}

function parseEndpoint(endpoint: string, useSSL: boolean): URL {
  const text = endpoint.includes('://') ? endpoint : `${useSSL ? 'https' : 'http'}://${endpoint}`;
  if (!URL.canParse(text))
    throw problem('STORE_DENIED', `MINIO_ENDPOINT='${endpoint}' is no address. Write host:port or https://host.`);
  return new URL(text);
}

function readStack(path: string): StackFile | null {
  if (!existsSync(path)) return null;
  const parsed = stackFile.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  return parsed.success ? parsed.data : null;
}

function findTemporal(stack: StackFile | null): ClientConnectConfig {
  const configured = configuredTemporal();
  if (configured) return configured;
  if (!stack?.temporal) throw problem('STACK_UNAVAILABLE', NO_STACK);
  const { address, namespace } = stack.temporal;
  return { connectionOptions: { address }, namespace };
}

function embeddedStore(stack: StackFile | null): StoreConnection {
  if (!stack?.store) throw problem('STACK_UNAVAILABLE', NO_STACK);
  return stack.store;
}
