import { randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientOptions } from 'minio';
import type { StoreConnection } from '../contracts/connection.js';
import { LabelloopError } from '../contracts/errors.js';
import { storeErrors } from './errors.js';

type Transport = NonNullable<ClientOptions['transport']>;

/** Waits between tries; about three seconds in all span a server's restart of its listener, not its absence. */
const WAITS_MS = [750, 2250];

/** A request without a byte in either direction for so long is given up; MinIO on a busy disk stays well below. */
const IDLE_MS = 20_000;

/** Bigger objects go up in parts: one part is in memory at a time. S3 wants at least 5 MiB a part. */
const PART_BYTES = 16 * 2 ** 20;

const TRANSIENT_STATUS = new Set([408, 429, 500, 502, 503, 504]);

const TRANSIENT_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
  'SlowDown',
  'InternalError',
  'ServiceUnavailable',
  'RequestTimeout',
  'OperationAborted',
  'ConditionalRequestConflict',
  // Another process completed the same multipart upload first; the next try finds the blob.
  'NoSuchUpload',
  'InvalidPart',
]);

const DENIED_CODES = new Set([
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'RequestTimeTooSkewed',
  'AuthorizationHeaderMalformed',
]);

/** An answer or a silence that another try may mend. */
class TransientError extends Error {}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

const isMissing = (error: unknown): boolean => ['NoSuchKey', 'NotFound'].includes(codeOf(error));
const isTransient = (error: unknown): boolean => error instanceof TransientError || TRANSIENT_CODES.has(codeOf(error));

/** The server could not be reached, or failed, try after try. */
export const isUnavailable = (error: unknown): boolean =>
  error instanceof LabelloopError && error.code === 'STORE_UNAVAILABLE';

/**
 * One bucket of an S3 server: the few operations that the store needs, each with timeouts, tries and errors that say what
 * to do. Keys are plain object keys.
 */
export class Bucket {
  readonly server: string;
  private readonly client: Client;
  private readonly name: string;
  private readonly region: string;
  private serverHeader = '';

  constructor(connection: StoreConnection) {
    const { bucket, endPoint, port, useSSL, accessKey, secretKey, region } = connection;
    this.name = bucket;
    this.region = region;
    this.server = `${useSSL ? 'https' : 'http'}://${endPoint}:${port}`;
    this.client = new Client({
      endPoint,
      port,
      useSSL,
      accessKey,
      secretKey,
      region,
      partSize: PART_BYTES,
      transport: this.transport(useSSL ? https.request : http.request),
      // Its own tries print to the console and leave the failed answer's socket open.
      retryOptions: { disableRetry: true },
    });
  }

  /** Makes the bucket where it is missing. */
  async ensure(): Promise<void> {
    await this.call(`opening bucket '${this.name}'`, async () => {
      if (await this.client.bucketExists(this.name)) return;
      try {
        await this.client.makeBucket(this.name, this.region);
      } catch (error) {
        if (!['BucketAlreadyOwnedByYou', 'BucketAlreadyExists'].includes(codeOf(error))) throw error;
      }
    });
  }

  /** What the server calls itself. */
  async ping(): Promise<string> {
    if (!(await this.call('a ping', () => this.client.bucketExists(this.name))))
      throw storeErrors.bucketMissing(this.server, this.name);
    return this.serverHeader;
  }

  /** Whether the server keeps and gives back a small object right now. */
  async works(): Promise<boolean> {
    const key = `canaries/${randomUUID()}`;
    const bytes = Buffer.from(key);
    try {
      await this.put(key, bytes);
      const kept = (await this.get(key))?.equals(bytes) === true;
      await this.remove(key);
      return kept;
    } catch (error) {
      if (isUnavailable(error)) return false;
      throw error;
    }
  }

  /** The object's size in bytes, null where there is none. */
  async size(key: string): Promise<number | null> {
    return this.call(`looking up '${key}'`, async () => {
      try {
        return (await this.client.statObject(this.name, key)).size;
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await this.call(`writing '${key}'`, () => this.client.putObject(this.name, key, body, body.length));
  }

  /** Creates the object; false where it was there already. One request, so of several writers exactly one gets true. */
  async create(key: string, bytes: Uint8Array): Promise<boolean> {
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let tries = 0;
    return this.call(`creating '${key}'`, async () => {
      tries++;
      try {
        await this.client.putObject(this.name, key, body, body.length, { 'If-None-Match': '*' });
        return true;
      } catch (error) {
        if (codeOf(error) !== 'PreconditionFailed') throw error;
        // The first try may have been carried out though its answer was lost: then the object is ours.
        return tries > 1 && (await this.get(key))?.equals(body) === true;
      }
    });
  }

  async putFile(key: string, path: string, bytes: number): Promise<void> {
    await this.call(`writing '${key}'`, async () => {
      if (bytes === 0) await this.client.putObject(this.name, key, Buffer.alloc(0), 0);
      else await this.client.putObject(this.name, key, createReadStream(path), bytes);
    });
  }

  /** The object's bytes, null where there is none. For small objects. */
  async get(key: string): Promise<Buffer | null> {
    return this.read(key, buffer);
  }

  /** Hands the object's stream to `consume`, once more from the start after a broken connection; null without an object. */
  async read<T>(key: string, consume: (stream: Readable) => Promise<T>): Promise<T | null> {
    return this.call(`reading '${key}'`, async () => {
      let stream: Readable;
      try {
        stream = await this.client.getObject(this.name, key);
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
      return consume(stream);
    });
  }

  async remove(key: string): Promise<void> {
    await this.call(`removing '${key}'`, async () => {
      try {
        await this.client.removeObject(this.name, key);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    });
  }

  /** Keys that start with `prefix`, ascending. */
  async list(prefix: string): Promise<string[]> {
    return this.call(`listing '${prefix}'`, async () => {
      const keys: string[] = [];
      for await (const item of this.client.listObjectsV2(this.name, prefix, true) as AsyncIterable<{ name?: string }>)
        if (item.name !== undefined) keys.push(item.name);
      return keys.sort();
    });
  }

  private async call<T>(doing: string, attempt: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof LabelloopError) throw error;
        const code = codeOf(error);
        if (DENIED_CODES.has(code)) throw storeErrors.denied(this.server, doing, error);
        if (code === 'NoSuchBucket') throw storeErrors.bucketMissing(this.server, this.name);
        const wait = WAITS_MS[tries];
        if (!isTransient(error)) throw isS3Error(error) ? storeErrors.unavailable(this.server, doing, error) : error;
        if (wait === undefined) throw storeErrors.unavailable(this.server, doing, error);
        // Jitter, so that the workers that one restart interrupted do not come back all at once.
        await delay(wait * (0.75 + Math.random() / 2));
      }
    }
  }

  /** Adds what the client lacks: a timeout on silence, and server errors as errors with the answer's body read away. */
  private transport(request: typeof http.request): Transport {
    const guarded = (options: http.RequestOptions, callback: (response: http.IncomingMessage) => void) => {
      const call = request(options, (response) => {
        this.serverHeader = String(response.headers.server ?? '');
        if (!TRANSIENT_STATUS.has(response.statusCode ?? 0)) return callback(response);
        response.on('error', () => undefined).resume();
        call.emit('error', new TransientError(`HTTP ${response.statusCode}`));
      });
      call.setTimeout(IDLE_MS, () => call.destroy(new TransientError(`silent for ${IDLE_MS / 1000} s`)));
      return call;
    };
    return { request: guarded as typeof http.request };
  }
}

const isS3Error = (error: unknown): boolean => error instanceof Error && error.constructor.name === 'S3Error';
