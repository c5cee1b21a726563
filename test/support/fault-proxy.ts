import http from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A proxy in front of the object store that can answer errors for a while and hold back single requests, so that a test
 * can strike in the middle of a commit. It passes the Host header on as it is: the request's signature covers it.
 */
export class FaultProxy {
  private failing = false;
  private hold: { matches: (method: string, path: string) => boolean; caught: () => void } | undefined;
  private readonly held: (() => void)[] = [];
  private readonly server: http.Server;
  /** Requests answered with an error so far. */
  refused = 0;

  private constructor(private readonly target: { host: string; port: number }) {
    this.server = http.createServer((request, response) => this.answer(request, response));
  }

  static async start(target: { host: string; port: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** From now on every request is answered with 503, or no longer. */
  fail(on: boolean): void {
    this.failing = on;
  }

  /** Holds the next matching request back; resolves when it has come. */
  holdNext(matches: (method: string, path: string) => boolean): Promise<void> {
    return new Promise((caught) => {
      this.hold = { matches, caught };
    });
  }

  /** Lets held requests go on (their sender may be dead by now), and holds no more. */
  release(): void {
    this.hold = undefined;
    for (const go of this.held.splice(0)) go();
  }

  async stop(): Promise<void> {
    this.release();
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    if (this.failing) {
      this.refused++;
      request.resume();
      response.writeHead(503, { 'content-type': 'application/xml' });
      response.end('<Error><Code>SlowDown</Code><Message>test outage</Message></Error>');
      return;
    }
    if (this.hold?.matches(request.method ?? '', request.url ?? '')) {
      this.hold.caught();
      this.hold = undefined;
      this.held.push(() => this.forward(request, response));
      return;
    }
    this.forward(request, response);
  }

  private forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { method, url: path, headers } = request;
    const onward = http.request({ ...this.target, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    const close = (): void => void response.destroy();
    onward.on('error', close);
    request.on('error', () => onward.destroy());
    request.pipe(onward);
  }
}
