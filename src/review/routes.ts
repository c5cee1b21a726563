import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { isAudit } from '../contracts/asking.js';
import { answer } from '../contracts/audit.js';
import {
  checkAccess,
  checkHost,
  checkReader,
  checkWriter,
  csrfToken,
  isToken,
  setCookie,
  type AccessRules,
} from './access.js';
import type { Desk } from './desk.js';
import { Refusal, refusals } from './errors.js';
import { OPENING, refusedPage } from './markup.js';
import type { Pictures } from './pictures.js';
import { progressOf } from './progress.js';
import { json, page, png, type Reply } from './reply.js';
import type { ReviewSource } from './source.js';
import type { AnswersReply, Card, Progress, QuestionsReply, SessionReply } from './wire.js';

/** All that a request may touch. */
export interface Served {
  source: ReviewSource;
  desk: Desk;
  pictures: Pictures;
  assets: ReadonlyMap<string, Reply>;
  rules: AccessRules;
  showGuess: boolean;
  /** Told how many answers were taken down. */
  onAnswers: (count: number) => void;
}

/** Bytes of a request's body: 100 answers have about 20,000. */
const BODY_BYTES = 128 * 1024;

const name = z.string().trim().min(1).max(100);
const asked = z.object({
  by: name.optional(),
  seat: z.string().regex(/^[\w-]{8,64}$/),
  limit: z.coerce.number().int().min(0).max(200),
  have: z
    .string()
    .max(12_000)
    .regex(/^[\w-]*(,[\w-]+)*$/)
    .default('')
    .transform((ids) => ids.split(',').filter((id) => id !== '')),
});
const imagePath = /^\/images\/([\w-]{1,128})\/(view|full)\.png$/;

/** Serves one request. @throws Refusal, or whatever the run's source throws */
export async function route(request: IncomingMessage, served: Served): Promise<Reply> {
  const { rules, assets } = served;
  const { method = 'GET', headers } = request;
  checkHost(headers, rules);
  const url = new URL(request.url ?? '/', 'http://page');
  const { pathname } = url;
  if (method === 'POST') {
    if (pathname !== '/api/answers') throw refusals.method();
    return takeAnswers(request, served);
  }
  if (method !== 'GET' && method !== 'HEAD') throw refusals.method();
  if (pathname === '/') return front(request, url, served);
  const { by } = checkAccess(headers, rules);
  checkReader(headers);
  const asset = assets.get(pathname);
  if (asset) return asset;
  if (pathname === '/api/session') return json(await session(served, by));
  if (pathname === '/api/questions') return json(await questions(url, served, by));
  const [, id, size] = imagePath.exec(pathname) ?? [];
  if (id === undefined) throw refusals.notFound();
  const question = served.desk.question(id);
  if (question === null) throw refusals.notFound();
  return png(await served.pictures.png(question, size === 'full' ? 'full' : 'view'));
}

/** The page. With the token in the address: the cookie, and a page that goes on to the address without it. */
function front({ headers }: IncomingMessage, url: URL, { rules, assets }: Served): Reply {
  const token = url.searchParams.get('token');
  if (token !== null && isToken(token, rules))
    // No redirect: after a click in another site it would not carry a cookie that is SameSite=Strict.
    return page(OPENING, 200, { 'set-cookie': setCookie(rules, headers['x-forwarded-proto'] === 'https') });
  try {
    checkAccess(headers, rules);
  } catch (error) {
    if (error instanceof Refusal) return page(refusedPage(error.message), error.status);
    throw error;
  }
  return assets.get('/') as Reply;
}

async function progress({ desk }: Served): Promise<Progress> {
  return progressOf(await desk.asking());
}

async function session(served: Served, by: string | null): Promise<SessionReply> {
  const { source, rules } = served;
  return { run: source.run, classes: source.classes, csrf: csrfToken(rules, by), by, progress: await progress(served) };
}

async function questions(url: URL, served: Served, by: string | null): Promise<QuestionsReply> {
  const query = asked.safeParse(Object.fromEntries(url.searchParams));
  if (!query.success) throw refusals.invalid(z.prettifyError(query.error));
  const person = by ?? query.data.by;
  if (person === undefined) throw refusals.invalid('Say who answers.');
  const { source, desk, showGuess } = served;
  const { seat, limit, have } = query.data;
  const { questions: dealt, withOthers } = await desk.next(person, seat, limit, have);
  // Asked after they were dealt: an audit that was opened meanwhile hides the guess, as its answers must be blind.
  const state = await (showGuess ? desk.askingNow() : desk.asking());
  const guessed = showGuess && state !== null && !isAudit(state);
  const cards = dealt.map(async (question): Promise<Card> => ({
    id: question.id,
    guess: guessed ? await source.guess(question) : null,
  }));
  return { questions: await Promise.all(cards), withOthers, progress: progressOf(state) };
}

async function takeAnswers(request: IncomingMessage, served: Served): Promise<Reply> {
  const { rules, desk, source, onAnswers } = served;
  const { by } = checkAccess(request.headers, rules);
  checkWriter(request.headers, rules, by);
  if (!/^application\/json\s*(;|$)/.test(request.headers['content-type'] ?? '')) throw refusals.notJson();
  const body = answersOf(source.classes.length).safeParse(parse(await read(request)));
  if (!body.success) throw refusals.invalid(z.prettifyError(body.error));
  const now = new Date().toISOString();
  const given = body.data.answers.map((one) => ({
    ...one,
    by: by ?? one.by,
    // A clock that is fast must not date an answer after its arrival.
    at: one.at < now ? one.at : now,
  }));
  const refused = await desk.take(given);
  const lost = new Set(refused.map(({ id }) => id));
  const taken = given.map(({ id }) => id).filter((id) => !lost.has(id));
  onAnswers(taken.length);
  return json({ taken, refused, progress: await progress(served) } satisfies AnswersReply);
}

const answersOf = (classes: number) =>
  z.strictObject({
    answers: z
      .array(
        answer.extend({
          id: z.string().regex(/^[\w-]{1,128}$/),
          by: name,
          // As toISOString writes it: it is compared as text.
          at: z.iso.datetime({ precision: 3 }),
          seconds: z.number().min(0).max(86_400),
          verdict: z.union([
            z
              .int()
              .min(0)
              .max(classes - 1),
            z.literal('unsure'),
            z.literal('none'),
          ]),
        }),
      )
      .min(1)
      .max(100),
  });

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES) throw refusals.tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refusals.invalid('This is no JSON.');
  }
}
