import type { AnswersReply, ErrorReply, GivenAnswer, QuestionsReply, SessionReply } from '../wire.js';

/** The server answered, and refuses. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** An address holds no more ids; a page has as many only after hours without a connection. */
const MOST_HELD = 200;

/** Calls of the page's server. */
export class Api {
  private csrf = '';

  async session(): Promise<SessionReply> {
    const session = await ask<SessionReply>('/api/session');
    this.csrf = session.csrf;
    return session;
  }

  /** @param have ids that are in the page already */
  questions(by: string, seat: string, limit: number, have: readonly string[]): Promise<QuestionsReply> {
    const query = { by, seat, limit: String(limit), have: have.slice(0, MOST_HELD).join(',') };
    return ask(`/api/questions?${new URLSearchParams(query).toString()}`);
  }

  /** Hands answers over. What the server calls malformed is refused for good; whatever else goes wrong is thrown. */
  async answer(answers: readonly GivenAnswer[]): Promise<AnswersReply> {
    try {
      return await this.post(answers);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === 'STALE') {
        // The server was started anew: its token is another one.
        await this.session();
        return this.post(answers);
      }
      if (error.code !== 'INVALID') throw error;
      const [only] = answers;
      if (only && answers.length === 1)
        return { taken: [], refused: [{ id: only.id, reason: error.message }], progress: null };
    }
    const replies: AnswersReply[] = [];
    for (const one of answers) replies.push(await this.answer([one]));
    return {
      taken: replies.flatMap(({ taken }) => taken),
      refused: replies.flatMap(({ refused }) => refused),
      progress: replies.at(-1)?.progress ?? null,
    };
  }

  private post(answers: readonly GivenAnswer[]): Promise<AnswersReply> {
    return ask('/api/answers', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-labelloop-csrf': this.csrf },
      body: JSON.stringify({ answers }),
      // Goes on after the page is closed.
      keepalive: answers.length <= 100,
    });
  }
}

async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(path, { ...init, credentials: 'same-origin', cache: 'no-store' });
  const body: unknown = await response.json();
  if (response.ok) return body as T;
  const { error } = body as ErrorReply;
  throw new Refused(response.status, error.code, error.message);
}
