import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { StackFile, StoreConnection } from '../../contracts/connection.js';
import { stackFile } from '../../contracts/connection.js';
import { readJson, writeJson } from '../files.js';
import type { Paths } from '../../contracts/paths.js';
import { freePort } from './ports.js';

/** Loopback alone: the embedded servers have no TLS, and Temporal's has no log-in either. */
export const HOST = '127.0.0.1';

/** The servers' own ports, tried first so that `temporal` and `mc` work without options. */
const USUAL = { temporal: 7233, ui: 8233, store: 9000 } as const;

const credentials = z.strictObject({ accessKey: z.string(), secretKey: z.string() });

/** The store's keys, made at random for this home when it is first started. */
function ensureCredentials(paths: Paths): z.infer<typeof credentials> {
  const found = credentials.safeParse(readJson(paths.credentialsFile));
  if (found.success) return found.data;
  const made = { accessKey: randomBytes(8).toString('hex'), secretKey: randomBytes(24).toString('base64url') };
  writeJson(paths.credentialsFile, made, 0o600);
  return made;
}

/** The stack as it was last started here, or null. */
export function readStack(paths: Paths): StackFile | null {
  const found = stackFile.safeParse(readJson(paths.stackFile));
  return found.success ? found.data : null;
}

const writeStack = (paths: Paths, change: Partial<StackFile>): void =>
  writeJson(
    paths.stackFile,
    { format: 'labelloop.stack/1', temporal: null, ui: null, store: null, ...readStack(paths), ...change },
    0o600,
  );

/** Records that a server is not of this stack, since the user has configured another. */
export const noTemporal = (paths: Paths): void => writeStack(paths, { temporal: null, ui: null });
export const noStore = (paths: Paths): void => writeStack(paths, { store: null });

/**
 * The ports for a Temporal server that is about to start: those of last time as long as nobody else took them.
 *
 * @returns whether the address is another one than before
 */
export async function chooseTemporal(paths: Paths): Promise<{ port: number; uiPort: number; changed: boolean }> {
  const former = readStack(paths);
  const last = Number(former?.temporal?.address.split(':').at(-1)) || USUAL.temporal;
  const lastUi = former?.ui ? Number(new URL(former.ui).port) : USUAL.ui;
  const port = await freePort(last, USUAL.temporal);
  const uiPort = await freePort(...[lastUi, USUAL.ui].filter((each) => each !== port));
  const temporal = { address: `${HOST}:${port}`, namespace: 'default' };
  writeStack(paths, { temporal, ui: `http://${HOST}:${uiPort}` });
  return { port, uiPort, changed: former?.temporal != null && former.temporal.address !== temporal.address };
}

/** The same for the object store. */
export async function chooseStore(paths: Paths): Promise<{ store: StoreConnection; changed: boolean }> {
  const former = readStack(paths)?.store ?? null;
  const port = await freePort(...(former === null ? [] : [former.port]), USUAL.store);
  const store: StoreConnection = {
    endPoint: HOST,
    port,
    useSSL: false,
    ...ensureCredentials(paths),
    bucket: 'labelloop',
    region: 'us-east-1',
  };
  writeStack(paths, { store });
  return { store, changed: former !== null && former.port !== port };
}
