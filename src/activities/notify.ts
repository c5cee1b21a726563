import { spawn } from 'node:child_process';
import { setTimeout as rest } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { configuredNotices } from '../contracts/configured.js';
import type { ConfiguredNotices } from '../contracts/configured.js';
import { messageOf } from '../contracts/errors.js';
import type { Notice, NoticeDelivery } from '../contracts/notice.js';
import type { Deps } from './stage.js';

/** How long and how often a notice is tried. Times in ms. */
export interface Patience {
  tries: number;
  /** Before the second try; doubles from try to try. */
  rest: number;
  requestTimeout: number;
  commandTimeout: number;
}

const PATIENCE: Patience = { tries: 5, rest: 1_000, requestTimeout: 10_000, commandTimeout: 30_000 };
/** What of a command's complaint is worth a log line. */
const REASON_CHARACTERS = 300;

/** Trying again can't help: an answer says that the request itself is wrong. */
class Refused extends Error {}

/** The activity: sends a notice where this process is configured to, and never fails. */
export async function notifying({ log }: Pick<Deps, 'log'>, notice: Notice): Promise<NoticeDelivery[]> {
  const { cancellationSignal } = Context.current();
  const deliveries = await notify(notice, configuredNotices(), cancellationSignal);
  for (const { target, delivered, tries, reason } of deliveries)
    if (delivered) log.info({ event: 'notified', target, tries }, `${notice.run}: told ${target}`);
    else
      log.warn({ event: 'not notified', target, tries, reason }, `${notice.run}: could not tell ${target}: ${reason}`);
  return deliveries;
}

/**
 * Sends a notice as JSON: POST to the URL, and to the command's standard input. Each is tried some times, on its own; what
 * could not be sent is said in the result. A process that dies meanwhile may send one twice: `Idempotency-Key` is the same then.
 */
export async function notify(
  notice: Notice,
  { url, command }: ConfiguredNotices,
  signal: AbortSignal = new AbortController().signal,
  patience: Patience = PATIENCE,
): Promise<NoticeDelivery[]> {
  const body = JSON.stringify(notice);
  return Promise.all([
    ...(url ? [deliver(url.origin, () => post(url, notice, body, signal, patience), signal, patience)] : []),
    ...(command === null
      ? []
      : [deliver('command', () => execute(command, notice, body, signal, patience), signal, patience)]),
  ]);
}

async function deliver(
  target: string,
  send: () => Promise<void>,
  signal: AbortSignal,
  { tries, rest: first }: Patience,
): Promise<NoticeDelivery> {
  for (let tried = 1; ; tried++) {
    try {
      await send();
      return { target, delivered: true, tries: tried, reason: null };
    } catch (error) {
      const last = tried === tries || error instanceof Refused || signal.aborted;
      if (last) return { target, delivered: false, tries: tried, reason: reasonOf(error) };
    }
    await rest(first * 2 ** (tried - 1), undefined, { signal }).catch(() => undefined);
  }
}

/** fetch says 'fetch failed' and keeps the reason behind it. */
const reasonOf = (error: unknown): string =>
  messageOf(error instanceof TypeError && error.cause !== undefined ? error.cause : error).slice(0, REASON_CHARACTERS);

const keyOf = ({ run, audit, questions, event, waitsFor }: Notice): string =>
  [run, audit ?? `questions-${questions}`, event, waitsFor ?? 'nothing'].join('/');

async function post(url: URL, notice: Notice, body: string, signal: AbortSignal, patience: Patience): Promise<void> {
  const { username, password } = url;
  // fetch refuses addresses with a name and a password in them.
  const address = new URL(url);
  address.username = address.password = '';
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  const response = await fetch(address, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'labelloop',
      // Names of runs are plain; whatever else came in must not break the header.
      'idempotency-key': encodeURIComponent(keyOf(notice)),
      ...(username === '' && password === '' ? {} : { authorization: `Basic ${basic}` }),
    },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(patience.requestTimeout)]),
  });
  await response.body?.cancel();
  if (response.ok) return;
  const answer = `HTTP ${response.status}`;
  throw response.status >= 500 || [408, 425, 429].includes(response.status) ? new Error(answer) : new Refused(answer);
}

/** Variables that a command has no use for: the keys of our servers. */
const KEPT_BACK = /^(MINIO_|TEMPORAL_)/;

/** A command may use its own secrets, and gets what it needs for a one-liner beside the JSON. */
function environmentOf({ run, audit, questions, event }: Notice): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !KEPT_BACK.test(name));
  return {
    ...Object.fromEntries(own),
    LABELLOOP_RUN: run,
    LABELLOOP_AUDIT: String(audit ?? ''),
    LABELLOOP_QUESTIONS: String(questions ?? ''),
    LABELLOOP_EVENT: event,
  };
}

function execute(
  command: string,
  notice: Notice,
  body: string,
  signal: AbortSignal,
  { commandTimeout }: Patience,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that what the shell started ends with it.
    const child = spawn(command, {
      shell: true,
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
      env: environmentOf(notice),
    });
    let complaint = '';
    let ended: string | null = null;
    const end = (why: string): void => {
      ended ??= why;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
    };
    const timer = setTimeout(() => end(`no end within ${commandTimeout / 1000} s`), commandTimeout);
    const stop = (): void => end('stopped');
    signal.addEventListener('abort', stop, { once: true });
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => (complaint = (complaint + text).slice(0, REASON_CHARACTERS)));
    // One that does not read its input is as good as any.
    child.stdin.on('error', () => undefined);
    child.stdin.end(body);
    child.on('error', reject);
    child.on('close', (code, by) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      if (code === 0) resolve();
      else reject(new Error(ended ?? `exit ${code ?? by}${complaint.trim() === '' ? '' : `: ${complaint.trim()}`}`));
    });
  });
}
