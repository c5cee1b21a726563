import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { isAudit, isOver } from '../contracts/asking.js';
import { isRetryable, LabelloopError } from '../contracts/errors.js';
import { hostsOf, isLoopback, listensEverywhere, type AccessRules } from './access.js';
import { readAssets } from './assets.js';
import { Desk } from './desk.js';
import { Refusal, reviewErrors } from './errors.js';
import { Pictures } from './pictures.js';
import { failure, SECURITY_HEADERS, type Reply } from './reply.js';
import { route, type Served } from './routes.js';
import type { ReviewSource } from './source.js';

export interface ReviewOptions {
  /** Default 8710; 0: any that is free. Browsers keep unsent answers by address, so a fixed one is better. */
  port?: number;
  /** Default 127.0.0.1. Anything but loopback asks for the token in `url`, or needs `userHeader`. */
  host?: string;
  /** Everybody answers under this name; else the page asks. Excludes `userHeader`. */
  by?: string;
  /** Header in which a reverse proxy names who has logged in; the proxy must strip it from what comes in. */
  userHeader?: string;
  /** Further names that may stand in the Host header: those under which a proxy serves the page. */
  allowHosts?: readonly string[];
  /** Shows the model's guess; only for a run without an audit. */
  showGuess?: boolean;
  /** Told of what nobody foresaw; whoever looks at the page is told only that it happened. */
  onError?: (error: unknown) => void;
}

export interface ReviewServer {
  /** Where the page is; with the token, where one is asked for. */
  readonly url: string;
  /** Answers taken down since the start. */
  readonly answers: number;
  close(): Promise<void>;
}

export const REVIEW_PORT = 8710;

/**
 * Serves the people's page of a run until it is closed.
 *
 * @throws USAGE where it can't listen so, or where `showGuess` would unblind an audit
 */
export async function serveReview(source: ReviewSource, options: ReviewOptions = {}): Promise<ReviewServer> {
  const { host = '127.0.0.1', port = REVIEW_PORT, showGuess = false } = options;
  if (options.by !== undefined && options.userHeader !== undefined) throw reviewErrors.byAndHeader();
  if (options.userHeader !== undefined && !/^[A-Za-z0-9-]+$/.test(options.userHeader))
    throw reviewErrors.headerInvalid(options.userHeader);
  const asking = showGuess ? await source.asking() : null;
  if (asking && isAudit(asking) && !isOver(asking)) throw reviewErrors.guessOfAudited(source.run);
  const assets = await readAssets();
  let answers = 0;
  let served: Served | null = null;
  const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 30_000 }, (request, response) => {
    if (served) void serve(request, response, served, options.onError ?? (() => undefined));
  });
  const bound = await listen(server, host, port);
  const rules = rulesOf(options, host, bound);
  served = {
    source,
    desk: new Desk(source),
    pictures: new Pictures(source),
    assets,
    rules,
    showGuess,
    onAnswers: (count) => (answers += count),
  };
  const shown = listensEverywhere(host) ? hostname() : host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shown}:${bound}/${rules.token === null ? '' : `?token=${rules.token}`}`,
    get answers() {
      return answers;
    },
    close: () => close(server),
  };
}

function rulesOf({ by, userHeader, allowHosts = [] }: ReviewOptions, host: string, port: number): AccessRules {
  return {
    hosts: hostsOf(host, hostname(), allowHosts),
    addresses: listensEverywhere(host),
    token: isLoopback(host) || userHeader !== undefined ? null : randomBytes(32).toString('base64url'),
    userHeader: userHeader?.toLowerCase() ?? null,
    by: by ?? null,
    secret: randomBytes(32).toString('base64url'),
    // Cookies know no ports: two pages on one machine must not overwrite each other's.
    cookie: `labelloop-review-${port}`,
  };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE' || error.code === 'EACCES') throw reviewErrors.portTaken(host, port, error);
    throw reviewErrors.hostUnusable(host, error);
  });
  return (server.address() as AddressInfo).port;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  served: Served,
  onError: (error: unknown) => void,
): Promise<void> {
  const reply = await route(request, served).catch((error: unknown) => replyOf(error, onError));
  // A body that nobody read would keep the connection from its next request.
  if (!request.complete) reply.headers = { ...reply.headers, connection: 'close' };
  response.writeHead(reply.status, {
    ...SECURITY_HEADERS,
    ...reply.headers,
    'content-length': Buffer.byteLength(reply.body),
  });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}

function replyOf(error: unknown, onError: (error: unknown) => void): Reply {
  if (error instanceof Refusal) return failure(error.status, error.code, error.message);
  if (error instanceof LabelloopError) return failure(isRetryable(error.code) ? 503 : 409, error.code, error.message);
  onError(error);
  return failure(500, 'INTERNAL', "Something went wrong; the terminal of 'labelloop review' says what.");
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // Whatever is under way has a second; a browser keeps connections open for longer.
  const timer = setTimeout(() => server.closeAllConnections(), 1_000);
  await closed;
  clearTimeout(timer);
}
