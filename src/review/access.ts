import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { refusals } from './errors.js';

/** Who may come in, and by what they are known. Fixed when the server starts. */
export interface AccessRules {
  /** Names that the Host header may carry, lower case; more than one proxy may stand before the page. */
  readonly hosts: ReadonlySet<string>;
  /** Addresses are accepted as well as names: the server listens on all of them. No DNS name can be rebound to one. */
  readonly addresses: boolean;
  /** Asked of every request, as a cookie; null on loopback and behind a proxy that names the user. */
  readonly token: string | null;
  /** Lower-case name of the header in which a proxy names the user. */
  readonly userHeader: string | null;
  /** `--by`: everybody answers under this name. */
  readonly by: string | null;
  /** Key of cookie and CSRF token; new at each start. */
  readonly secret: string;
  readonly cookie: string;
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

const isEverywhere = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** Names under which a server that listens on `host` answers. */
export function hostsOf(host: string, machine: string, allowed: readonly string[]): ReadonlySet<string> {
  const own = isLoopback(host) || isEverywhere(host) ? ['localhost', '127.0.0.1', '::1', host] : [host];
  const everywhere = isEverywhere(host) ? [machine] : [];
  return new Set([...own, ...everywhere, ...allowed].map((name) => name.toLowerCase()));
}

export const listensEverywhere = isEverywhere;

/** Host name of a Host header or of an Origin: without port and brackets, lower case; null where it is none. */
function nameOf(authority: string): string | null {
  try {
    return new URL(`http://${authority}`).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  } catch {
    return null;
  }
}

/** Against DNS rebinding: a page of another site that made its name point here still sends that name. */
export function checkHost({ host }: IncomingHttpHeaders, { hosts, addresses }: AccessRules): void {
  const name = host === undefined ? null : nameOf(host);
  if (name === null || !(hosts.has(name) || (addresses && isIP(name) > 0))) throw refusals.wrongHost();
}

const mac = (secret: string, text: string): string => createHmac('sha256', secret).update(text).digest('base64url');

/** Compares without telling by its time how much was right. */
const same = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(mac('', a)), Buffer.from(mac('', b)));

/** Whether the token in an address is the one that was printed. */
export const isToken = (given: string, { token }: AccessRules): boolean => token !== null && same(given, token);

/** Value of the cookie that stands for the token from then on. */
export const cookieValue = ({ secret }: AccessRules): string => mac(secret, 'cookie');

/** `secure`: the browser came by TLS, as a proxy says; saying so falsely only makes the browser keep its cookie back. */
export const setCookie = (rules: AccessRules, secure: boolean): string =>
  `${rules.cookie}=${cookieValue(rules)}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;

function cookieOf({ cookie: header }: IncomingHttpHeaders, name: string): string | null {
  for (const part of (header ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name && value !== undefined) return value;
  }
  return null;
}

/** Who asks: a name where the server knows it. @throws Refusal 401 */
export function checkAccess(headers: IncomingHttpHeaders, rules: AccessRules): { by: string | null } {
  if (rules.token !== null) {
    const cookie = cookieOf(headers, rules.cookie);
    if (cookie === null || !same(cookie, cookieValue(rules))) throw refusals.noAccess();
  }
  if (rules.userHeader === null) return { by: rules.by };
  const user = headers[rules.userHeader];
  const by = (typeof user === 'string' ? user : '').trim().slice(0, 100);
  if (by === '') throw refusals.noUser(rules.userHeader);
  return { by };
}

/** A token that only the page itself can read; of this server's life, and of the user's where a proxy names one. */
export const csrfToken = ({ secret }: AccessRules, by: string | null): string => mac(secret, `csrf ${by ?? ''}`);

/** Another site may not make the browser read here: neither images nor answers to guess from. */
export function checkReader(headers: IncomingHttpHeaders): void {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw refusals.foreign();
}

/**
 * An answer must come from the page. Browsers say where a request is from in Sec-Fetch-Site; over plain HTTP to another
 * machine they leave it out, and Origin has to match. A CSRF token is asked for in any case.
 */
export function checkWriter(headers: IncomingHttpHeaders, rules: AccessRules, by: string | null): void {
  const site = headers['sec-fetch-site'];
  if (site !== undefined ? site !== 'same-origin' : !isOwnOrigin(headers)) throw refusals.foreign();
  const given = headers['x-labelloop-csrf'];
  if (typeof given !== 'string' || !same(given, csrfToken(rules, by))) throw refusals.stale();
}

function isOwnOrigin({ origin, host }: IncomingHttpHeaders): boolean {
  if (origin === undefined || host === undefined) return false;
  return origin === `http://${host}` || origin === `https://${host}`;
}
