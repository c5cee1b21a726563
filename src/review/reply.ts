import type { OutgoingHttpHeaders } from 'node:http';
import type { ErrorReply } from './wire.js';

/** What a route answers with. */
export interface Reply {
  status: number;
  headers: OutgoingHttpHeaders;
  body: string | Uint8Array;
}

/**
 * Nothing but this server's own files: no inline script or style, no remote resource, no frame around the page, no form
 * that leaves it; text never becomes markup.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** On every answer, whatever it is. */
export const SECURITY_HEADERS: OutgoingHttpHeaders = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  // The address may carry the token, once.
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export const json = (value: unknown, status = 200): Reply => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  body: JSON.stringify(value),
});

export const failure = (status: number, code: string, message: string): Reply =>
  json({ error: { code, message } } satisfies ErrorReply, status);

/** A page that must not be kept: it depends on who asks. */
export const page = (body: string, status = 200, headers: OutgoingHttpHeaders = {}): Reply => ({
  status,
  headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', ...headers },
  body,
});

/** Ids are digests of the content: an image never changes under its address. */
export const png = (body: Uint8Array): Reply => ({
  status: 200,
  headers: { 'content-type': 'image/png', 'cache-control': 'private, max-age=31536000, immutable' },
  body,
});
