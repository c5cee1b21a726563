import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'minio';
import type { StoreConnection } from '../../src/contracts/connection.js';

const DEADLINE_MS = 20_000;

/** S3 servers that suites run against: the binary's path comes from the environment. */
export const s3Servers = [
  {
    name: 'MinIO',
    variable: 'LABELLOOP_TEST_MINIO',
    start: (binary: string, folder: string, port: number, accessKey: string, secretKey: string) =>
      spawn(binary, ['server', '--quiet', '--address', `127.0.0.1:${port}`, folder], {
        env: { ...process.env, MINIO_ROOT_USER: accessKey, MINIO_ROOT_PASSWORD: secretKey, MINIO_BROWSER: 'off' },
        stdio: 'ignore',
      }),
  },
  {
    name: 'versitygw',
    variable: 'LABELLOOP_TEST_VERSITYGW',
    start: (binary: string, folder: string, port: number, accessKey: string, secretKey: string) =>
      spawn(
        binary,
        ['--access', accessKey, '--secret', secretKey, '--port', `127.0.0.1:${port}`, '--quiet', 'posix', folder],
        { stdio: 'ignore' },
      ),
  },
] as const;

export type S3ServerKind = (typeof s3Servers)[number];

/** The server's binary, or the reason why its suite is skipped. */
export function s3Binary({ variable }: S3ServerKind): { path: string } | { skip: string } {
  const path = process.env[variable];
  if (path === undefined || path === '') return { skip: `${variable} is not set` };
  return existsSync(path) ? { path } : { skip: `${variable} names no file` };
}

/** A throw-away S3 server with keys, port and folder of its own. */
export class S3Server {
  private process: ChildProcess | null = null;

  private constructor(
    private readonly kind: S3ServerKind,
    private readonly binary: string,
    /** Where the server keeps its objects. */
    readonly folder: string,
    readonly connection: StoreConnection,
  ) {}

  static async start(kind: S3ServerKind, binary: string): Promise<S3Server> {
    const folder = await mkdtemp(join(tmpdir(), 'labelloop-s3-'));
    await mkdir(join(folder, 'data'));
    const server = new S3Server(kind, binary, join(folder, 'data'), {
      endPoint: '127.0.0.1',
      port: await freePort(),
      useSSL: false,
      accessKey: randomBytes(8).toString('hex'),
      secretKey: randomBytes(16).toString('hex'),
      bucket: 'labelloop',
      region: 'us-east-1',
    });
    await server.resume();
    return server;
  }

  /** The same server with an empty bucket of a new name. */
  freshBucket(): StoreConnection {
    return { ...this.connection, bucket: `b-${randomUUID()}` };
  }

  /** A plain client, for tests that do what the store never does. */
  client(): Client {
    const { endPoint, port, useSSL, accessKey, secretKey, region } = this.connection;
    const retryOptions = { disableRetry: true };
    return new Client({ endPoint, port, useSSL, accessKey, secretKey, region, retryOptions });
  }

  /** Starts the process, again after `halt`; the objects are still there. */
  async resume(): Promise<void> {
    const { port, accessKey, secretKey } = this.connection;
    const child = this.kind.start(this.binary, this.folder, port, accessKey, secretKey);
    this.process = child;
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      try {
        await this.client().listBuckets();
        return;
      } catch (error) {
        const ended = child.exitCode !== null;
        if (ended || Date.now() > deadline)
          throw new Error(`${this.kind.name} ${ended ? 'ended' : 'did not answer'}`, { cause: error });
        await delay(50);
      }
    }
  }

  /** Kills the process and keeps the objects. */
  async halt(): Promise<void> {
    const child = this.process;
    this.process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Kills the process and removes its folder. */
  async stop(): Promise<void> {
    await this.halt();
    await rm(join(this.folder, '..'), { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
