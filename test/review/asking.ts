import { request, type IncomingHttpHeaders } from 'node:http';

export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  json: unknown;
}

/** A request with any header, the ones that a browser keeps to itself too. */
export function ask(url: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request(new URL(path, url), { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const all = Buffer.concat(chunks);
        const isJson = response.headers['content-type']?.startsWith('application/json');
        const json: unknown = isJson ? JSON.parse(all.toString('utf8')) : null;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: all, json });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
