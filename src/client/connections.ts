import { existsSync, readFileSync } from 'node:fs';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { configuredStore, configuredTemporal, connectConfig } from '../contracts/configured.js';
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
  return { temporal: findTemporal(stack, env), store: configuredStore(env) ?? embeddedStore(stack) };
}

function readStack(path: string): StackFile | null {
  if (!existsSync(path)) return null;
  const parsed = stackFile.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  return parsed.success ? parsed.data : null;
}

function findTemporal(stack: StackFile | null, env: NodeJS.ProcessEnv): ClientConnectConfig {
  if (configuredTemporal(env)) return connectConfig(env);
  if (!stack?.temporal) throw problem('STACK_UNAVAILABLE', NO_STACK);
  const { address, namespace } = stack.temporal;
  return { connectionOptions: { address }, namespace };
}

function embeddedStore(stack: StackFile | null): StoreConnection {
  if (!stack?.store) throw problem('STACK_UNAVAILABLE', NO_STACK);
  return stack.store;
}
