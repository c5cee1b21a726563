import assert from 'node:assert/strict';
import sharp from 'sharp';
import { serveReview, type ReviewOptions, type ReviewServer } from '../../src/review/index.js';
import type { QuestionsReply, SessionReply } from '../../src/review/wire.js';
import { ask, type Answered } from './asking.js';
import { MemorySource, photograph, type Pool } from './fixtures.js';

const codeOf = ({ json }: Answered): string => (json as { error: { code: string } }).error.code;
const answer = (id: string, changes: object = {}) => ({
  id,
  verdict: 2,
  by: 'anna',
  at: '2026-01-01T00:00:00.000Z',
  seconds: 1.5,
  ...changes,
});
const seat = 'seat-of-anna';

describe("the server of the people's page", () => {
  const open: ReviewServer[] = [];
  afterEach(() => Promise.all(open.splice(0).map((server) => server.close())));

  async function serve(options: ReviewOptions = {}, pool: Pool = {}) {
    const source = new MemorySource(pool);
    const server = await serveReview(source, { port: 0, ...options });
    open.push(server);
    const url = server.url.replace(/\?.*/, '');
    const headers = { 'sec-fetch-site': 'same-origin' };
    const session = async (more = {}) => (await ask(url, '/api/session', { ...headers, ...more })).json as SessionReply;
    const questions = async (more = {}) =>
      (await ask(url, `/api/questions?by=anna&seat=${seat}&limit=3`, { ...headers, ...more })).json as QuestionsReply;
    const post = async (answers: unknown, more: Record<string, string> = {}) =>
      ask(
        url,
        '/api/answers',
        {
          ...headers,
          'content-type': 'application/json',
          'x-labelloop-csrf': (await session(more)).csrf,
          ...more,
        },
        typeof answers === 'string' ? answers : JSON.stringify({ answers }),
      );
    return { source, server, url, session, questions, post };
  }

  it('deals questions, shows their images, takes answers, and counts them', async () => {
    const { source, server, url, questions, post } = await serve();
    const { questions: cards, progress } = await questions();
    assert.equal(cards.length, 3);
    assert.equal(progress.expected, 160);
    const [card] = cards;
    const image = await ask(url, `/images/${card?.id}/view.png`);
    assert.equal(image.headers['content-type'], 'image/png');
    assert.equal((await sharp(image.body).metadata()).width, 28);
    const reply = await post([answer(card?.id ?? ''), answer(cards[1]?.id ?? '', { verdict: 'none' })]);
    assert.equal(reply.status, 200);
    assert.deepEqual((reply.json as { taken: string[] }).taken.length, 2);
    assert.equal((reply.json as QuestionsReply).progress.given, 2);
    assert.deepEqual(source.answers.get(card?.id ?? ''), answer(card?.id ?? ''));
    assert.equal(server.answers, 2);
  });

  it('takes the same answer twice without harm', async () => {
    const { source, questions, post } = await serve();
    const id = (await questions()).questions[0]?.id ?? '';
    await post([answer(id)]);
    const again = await post([answer(id)]);
    assert.equal(again.status, 200);
    assert.equal(source.answers.size, 1);
  });

  it('tells the page nothing of a question but its id', async () => {
    const { questions } = await serve();
    for (const card of (await questions()).questions) {
      assert.deepEqual(Object.keys(card), ['id', 'guess']);
      assert.equal(card.guess, null);
    }
  });

  it('gives a large original as it fits a screen, and at its own size to zoom', async () => {
    const { url, questions } = await serve({}, { image: ({ index }) => photograph(index) });
    const id = (await questions()).questions[0]?.id ?? '';
    const sizes = await Promise.all(
      ['view', 'full'].map(async (size) => sharp((await ask(url, `/images/${id}/${size}.png`)).body).metadata()),
    );
    assert.deepEqual(
      sizes.map(({ width, height, format }) => [width, height, format]),
      [
        [1200, 900, 'png'],
        [2400, 1800, 'png'],
      ],
    );
  });

  it('turns a photograph as its EXIF says, and leaves the metadata out', async () => {
    const bytes = await sharp({ create: { width: 60, height: 20, channels: 3, background: 'red' } })
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const image = {
      id: '',
      original: { bytes, extension: 'jpg' },
      pixels: new Uint8Array(),
      shape: { height: 8, width: 8, channels: 1 },
    } as const;
    const { url, questions } = await serve({}, { image: () => image });
    const id = (await questions()).questions[0]?.id ?? '';
    const { width, height, exif } = await sharp((await ask(url, `/images/${id}/full.png`)).body).metadata();
    assert.deepEqual([width, height, exif], [20, 60, undefined]);
  });

  it("shows the model's pixels where the file can't be decoded", async () => {
    const image = {
      id: '',
      original: { bytes: Buffer.from('no image'), extension: 'xyz' },
      pixels: new Uint8Array(64),
      shape: { height: 8, width: 8, channels: 1 },
    } as const;
    const { url, questions } = await serve({}, { image: () => image });
    const id = (await questions()).questions[0]?.id ?? '';
    assert.equal((await sharp((await ask(url, `/images/${id}/view.png`)).body).metadata()).width, 8);
  });

  it('shows no image that was not dealt, and no file', async () => {
    const { url } = await serve();
    for (const path of [
      `/images/${'0'.repeat(32)}/view.png`,
      '/page/../server.js',
      '/page/%2e%2e/server.js',
      '/server.js',
    ])
      assert.equal((await ask(url, path)).status, 404, path);
  });

  it('serves a page without inline code, under a policy that allows none', async () => {
    const { url } = await serve();
    const { body, headers } = await ask(url, '/');
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'/);
    assert.match(policy, /frame-ancestors 'none'.*require-trusted-types-for 'script'/);
    assert.doesNotMatch(policy, /unsafe|\*|http|data:/);
    const text = body.toString('utf8');
    assert.doesNotMatch(text, /<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|https?:|\/\//i);
    for (const [, path] of text.matchAll(/(?:src|href)="(\/[^"]*)"/g)) {
      const asset = await ask(url, path ?? '');
      assert.equal(asset.status, 200, path);
      assert.equal(asset.headers['x-content-type-options'], 'nosniff');
    }
  });

  it('keeps images for good and nothing else', async () => {
    const { url, questions } = await serve();
    const id = (await questions()).questions[0]?.id ?? '';
    const kept = async (path: string) => (await ask(url, path)).headers['cache-control'];
    assert.equal(await kept(`/images/${id}/view.png`), 'private, max-age=31536000, immutable');
    for (const path of ['/', '/api/session', '/nothing']) assert.equal(await kept(path), 'no-store');
  });

  describe('refuses answers', () => {
    const refused: [string, Record<string, string>, number, string][] = [
      ['from another site', { 'sec-fetch-site': 'cross-site' }, 403, 'FOREIGN'],
      ['from another host of the same site', { 'sec-fetch-site': 'same-site' }, 403, 'FOREIGN'],
      ['typed into the address bar', { 'sec-fetch-site': 'none' }, 403, 'FOREIGN'],
      ['without the CSRF token', { 'x-labelloop-csrf': '' }, 403, 'STALE'],
      ['with a token of another start', { 'x-labelloop-csrf': 'A'.repeat(43) }, 403, 'STALE'],
      ['of a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'BODY'],
      ['as plain text', { 'content-type': 'text/plain' }, 415, 'BODY'],
    ];
    for (const [what, headers, status, code] of refused)
      it(what, async () => {
        const { source, url, session } = await serve();
        const own = { 'sec-fetch-site': 'same-origin', 'x-labelloop-csrf': (await session()).csrf };
        const all = { 'content-type': 'application/json', ...own, ...headers };
        const reply = await ask(url, '/api/answers', all, JSON.stringify({ answers: [answer('00')] }));
        assert.deepEqual([reply.status, codeOf(reply)], [status, code]);
        assert.equal(source.given.length, 0);
      });

    it('of another origin, where the browser sends no Sec-Fetch-Site', async () => {
      const { url, session, questions } = await serve();
      const id = (await questions()).questions[0]?.id ?? '';
      const headers = { 'content-type': 'application/json', 'x-labelloop-csrf': (await session()).csrf };
      const from = (origin: Record<string, string>) =>
        ask(url, '/api/answers', { ...headers, ...origin }, JSON.stringify({ answers: [answer(id)] }));
      assert.equal((await from({})).status, 403);
      assert.equal((await from({ origin: 'http://evil.example' })).status, 403);
      assert.equal((await from({ origin: 'null' })).status, 403);
      assert.equal((await from({ origin: url.replace(/\/$/, '') })).status, 200);
    });

    const bad: [string, unknown][] = [
      ['that are no JSON', 'nonsense'],
      ['of a class that there is not', [answer('00', { verdict: 6 })]],
      ['of half a class', [answer('00', { verdict: 0.5 })]],
      ['of an id with a slash', [answer('../00')]],
      ['of nobody', [answer('00', { by: '  ' })]],
      ['of no time', [answer('00', { at: 'yesterday' })]],
      ['that took no time at all, or for ever', [answer('00', { seconds: -1 })]],
      ['with more than is asked for', [answer('00', { admin: true })]],
      ['that are none', []],
      ['that are too many', Array.from({ length: 101 }, (_, i) => answer(String(i)))],
    ];
    for (const [what, answers] of bad)
      it(what, async () => {
        const { source, post } = await serve();
        const reply = await post(answers);
        assert.deepEqual([reply.status, codeOf(reply)], [400, 'INVALID']);
        assert.equal(source.given.length, 0);
      });

    it('that are too large, without reading them to the end', async () => {
      const { post } = await serve();
      const reply = await post(`"${'x'.repeat(200_000)}"`);
      assert.equal(reply.status, 413);
    });

    it("that the audit can't take, by their ids, and takes the others", async () => {
      const { source, questions, post } = await serve();
      const id = (await questions()).questions[0]?.id ?? '';
      const reply = await post([answer('ffff'), answer(id)]);
      const { taken, refused: lost } = reply.json as { taken: string[]; refused: object[] };
      assert.deepEqual([taken, lost], [[id], [{ id: 'ffff', reason: 'ffff is no image of this audit.' }]]);
      assert.equal(source.answers.size, 1);
    });

    it('while the store is away, with a status that makes the page try again', async () => {
      const { source, questions, session, url } = await serve();
      const id = (await questions()).questions[0]?.id ?? '';
      const { csrf } = await session();
      source.away = true;
      const headers = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json', 'x-labelloop-csrf': csrf };
      const reply = await ask(url, '/api/answers', headers, JSON.stringify({ answers: [answer(id)] }));
      assert.deepEqual([reply.status, codeOf(reply)], [503, 'STORE_UNAVAILABLE']);
    });
  });

  it('says of what nobody foresaw that it happened, and what to the one who serves', async () => {
    const told: unknown[] = [];
    const { source, url } = await serve({ onError: (error) => told.push(error) });
    const odd = new TypeError('secret/path is odd');
    source.questions = () => Promise.reject(odd);
    const reply = await ask(url, `/api/questions?by=anna&seat=${seat}&limit=1`);
    assert.equal(reply.status, 500);
    assert.doesNotMatch(reply.body.toString('utf8'), /secret/);
    assert.deepEqual(told, [odd]);
  });

  it('dates no answer after its arrival', async () => {
    const { source, questions, post } = await serve();
    const id = (await questions()).questions[0]?.id ?? '';
    await post([answer(id, { at: '2999-01-01T00:00:00.000Z' })]);
    assert.ok(Date.parse(source.given[0]?.at ?? '') <= Date.now());
  });

  it('is read by no other site', async () => {
    const { url, questions } = await serve();
    const id = (await questions()).questions[0]?.id ?? '';
    for (const path of ['/api/session', `/images/${id}/view.png`])
      assert.equal((await ask(url, path, { 'sec-fetch-site': 'cross-site' })).status, 403, path);
  });

  it('answers to its own names alone, so that no name can be rebound to it', async () => {
    const { url } = await serve({ allowHosts: ['Labels.example.org'] });
    const { port } = new URL(url);
    const status = async (host: string) => (await ask(url, '/api/session', { host })).status;
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'labels.example.org'])
      assert.equal(await status(host), 200, host);
    for (const host of ['evil.example', `127.0.0.1.evil.example:${port}`, '192.0.2.7'])
      assert.equal(await status(host), 421, host);
  });

  it('refuses methods that it does not know', async () => {
    const { url } = await serve();
    assert.equal((await ask(url, '/api/session', {}, '{}')).status, 405);
    assert.equal((await fetch(`${url}api/answers`, { method: 'DELETE' })).status, 405);
    assert.equal((await fetch(url, { method: 'HEAD' })).status, 200);
  });

  describe('beyond loopback', () => {
    it('lets nobody in without the token, and gives a cookie for it that no script and no other site can use', async () => {
      const { server, url } = await serve({ host: '0.0.0.0' });
      const { port, search } = new URL(server.url);
      const here = `http://127.0.0.1:${port}/`;
      assert.match(search, /^\?token=[\w-]{43}$/);
      for (const path of ['/', '/api/session', '/page/main.js'])
        assert.equal((await ask(here, path)).status, 401, path);
      assert.equal((await ask(here, '/?token=wrong')).status, 401);
      const { status, headers, body } = await ask(here, `/${search}`);
      assert.equal(status, 200);
      const [cookie = ''] = headers['set-cookie'] ?? [];
      assert.match(cookie, new RegExp(`^labelloop-review-${port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`));
      assert.ok(!cookie.includes(search.slice(7)), 'the token itself is in no cookie');
      assert.match(body.toString('utf8'), /http-equiv="refresh" content="0; url=\/"/);
      assert.equal(headers['referrer-policy'], 'no-referrer');
      const own = { cookie: `other=1; ${cookie.split(';')[0]}` };
      assert.equal((await ask(here, '/', own)).status, 200);
      assert.equal((await ask(here, '/api/session', own)).status, 200);
      assert.equal((await ask(here, '/api/session', { cookie: `labelloop-review-${port}=guess` })).status, 401);
      assert.equal((await ask(here, '/api/session', { ...own, host: 'evil.example' })).status, 421);
      assert.ok(url);
    });

    it('marks the cookie Secure where a proxy says that the browser came by TLS', async () => {
      const { server } = await serve({ host: '0.0.0.0' });
      const { port, search } = new URL(server.url);
      const { headers } = await ask(`http://127.0.0.1:${port}/`, `/${search}`, { 'x-forwarded-proto': 'https' });
      assert.match(headers['set-cookie']?.[0] ?? '', /; Secure$/);
    });

    it("takes the proxy's word for who answers, whatever the page says", async () => {
      const { source, url, questions, post, session } = await serve({ userHeader: 'X-Forwarded-User' });
      assert.equal((await ask(url, '/api/session')).status, 401);
      const user = { 'x-forwarded-user': 'ben' };
      assert.equal((await session(user)).by, 'ben');
      const id = (await questions(user)).questions[0]?.id ?? '';
      assert.equal((await post([answer(id)], user)).status, 200);
      assert.equal(source.given[0]?.by, 'ben');
    });

    it("ties the CSRF token to the proxy's user", async () => {
      const { url, session } = await serve({ userHeader: 'X-Forwarded-User' });
      const { csrf } = await session({ 'x-forwarded-user': 'mallory' });
      const headers = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', 'x-labelloop-csrf': csrf };
      const reply = await ask(url, '/api/answers', { ...headers, 'x-forwarded-user': 'ben' }, '{"answers":[]}');
      assert.deepEqual([reply.status, codeOf(reply)], [403, 'STALE']);
    });
  });

  it('answers under one name for all with --by', async () => {
    const { source, questions, post, session } = await serve({ by: 'panel' });
    assert.equal((await session()).by, 'panel');
    await post([answer((await questions()).questions[0]?.id ?? '')]);
    assert.equal(source.given[0]?.by, 'panel');
  });

  it('shows the guess only while no audit is open, and hides it once one is', async () => {
    await assert.rejects(serveReview(new MemorySource(), { port: 0, showGuess: true }), {
      code: 'USAGE',
      message: /An audit of run '.*' is open, and its answers must be blind/,
    });
    const { source, questions } = await serve({ showGuess: true }, { audit: null });
    assert.deepEqual(
      (await questions()).questions.map(({ guess }) => guess),
      [
        { label: 0, probability: 0.4 },
        { label: 1, probability: 0.5 },
        { label: 2, probability: 0.6 },
      ],
    );
    // At once: a state of a second ago would show the guess of an image that is audited.
    source.auditOf = {};
    const { questions: hidden } = await questions();
    assert.ok(hidden.length > 0 && hidden.every(({ guess }) => guess === null));
    const over = await serveReview(new MemorySource({ audit: { phase: 'done' } }), { port: 0, showGuess: true });
    await over.close();
  });

  it('says what to do where it can’t listen, or is told two things', async () => {
    const { url } = await serve();
    const refusal = (options: ReviewOptions, message: RegExp) =>
      assert.rejects(serveReview(new MemorySource(), options), { code: 'USAGE', message });
    await refusal({ port: Number(new URL(url).port) }, /is taken\. Pass another --port/);
    await refusal({ host: '192.0.2.1', port: 0 }, /no such address/);
    await refusal({ by: 'anna', userHeader: 'X-User' }, /both say who answers/);
    await refusal({ userHeader: 'X User:' }, /no header's name/);
  });

  it('closes with browsers still connected', async () => {
    const source = new MemorySource();
    const server = await serveReview(source, { port: 0 });
    await (await fetch(server.url)).text();
    const start = Date.now();
    await server.close();
    assert.ok(Date.now() - start < 3_000);
    await assert.rejects(fetch(server.url));
  });
});
