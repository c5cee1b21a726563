import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { notify } from '../../src/activities/notify.js';
import type { Patience } from '../../src/activities/notify.js';
import { configuredNotices } from '../../src/contracts/configured.js';
import type { Notice } from '../../src/contracts/notice.js';
import { until } from '../support/wait.js';

const notice: Notice = {
  format: 'labelloop.notice/1',
  event: 'waiting',
  run: 'shells-1a2b3c4d',
  audit: 1,
  phase: 'audit',
  waitsFor: 'answers',
  words: 'Waits for answers; "quoted" $(and) `escaped`.',
  answers: { given: 0, expected: 203 },
  next: ['labelloop review shells-1a2b3c4d'],
};
const patience: Patience = { tries: 3, rest: 5, requestTimeout: 300, commandTimeout: 500 };

/** A killed process stays listed until its parent has seen it; an orphan's new parent may not be quick. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = `/proc/${pid}/status`;
  return !(existsSync(status) && /^State:\tZ/m.test(readFileSync(status, 'utf8')));
}

interface Got {
  method: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

describe('notify', () => {
  let server: Server;
  let got: Got[];
  let answer: (response: ServerResponse, request: IncomingMessage) => void;
  let folder: string;

  before((done) => {
    server = createServer((request, response) => {
      void text(request).then((body) => {
        got.push({ method: request.method, headers: request.headers, body });
        answer(response, request);
      });
    }).listen(0, '127.0.0.1', done);
  });
  after((done) => {
    server.closeAllConnections();
    server.close(done);
  });
  beforeEach(async () => {
    got = [];
    answer = (response) => response.writeHead(204).end();
    folder = await mkdtemp(join(tmpdir(), 'labelloop-notify-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const to = (env: NodeJS.ProcessEnv, signal?: AbortSignal) => notify(notice, configuredNotices(env), signal, patience);
  const url = (path = '/hook?key=secret') => ({ LABELLOOP_NOTIFY_URL: `${origin()}${path}` });

  it('posts the notice as JSON, with a key that is the same every time', async () => {
    assert.deepEqual(await to(url()), [{ target: origin(), delivered: true, tries: 1, reason: null }]);
    await to(url());
    const [first, second] = got as [Got, Got];
    assert.equal(first.method, 'POST');
    assert.equal(first.headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(first.body), notice);
    assert.equal(first.headers['idempotency-key'], 'shells-1a2b3c4d%2F1%2Fwaiting%2Fanswers');
    assert.equal(second.headers['idempotency-key'], first.headers['idempotency-key']);
  });

  it('sends a name and a password of the URL as such', async () => {
    await to({ LABELLOOP_NOTIFY_URL: url().LABELLOOP_NOTIFY_URL.replace('//', '//ada:p%40ss@') });
    assert.equal(got[0]?.headers.authorization, `Basic ${Buffer.from('ada:p@ss').toString('base64')}`);
  });

  it('tries again where the server is in trouble', async () => {
    answer = (response) => response.writeHead(got.length < 3 ? 503 : 200).end();
    assert.deepEqual(await to(url()), [{ target: origin(), delivered: true, tries: 3, reason: null }]);
  });

  it('gives up after some tries, and where the request itself is wrong at once; the reason shows no secret', async () => {
    answer = (response) => response.writeHead(500).end();
    assert.deepEqual(await to(url()), [{ target: origin(), delivered: false, tries: 3, reason: 'HTTP 500' }]);
    answer = (response) => response.writeHead(404).end();
    assert.deepEqual(await to(url()), [{ target: origin(), delivered: false, tries: 1, reason: 'HTTP 404' }]);
  });

  it('does not wait for a server that never answers, nor fails where there is none', async () => {
    answer = () => undefined;
    const [silent] = await to(url());
    assert.deepEqual([silent?.delivered, silent?.tries], [false, 3]);
    assert.match(silent?.reason ?? '', /timeout/i);
    const [nobody] = await to({ LABELLOOP_NOTIFY_URL: 'http://127.0.0.1:9/secret' });
    assert.equal(nobody?.delivered, false);
    assert.match(nobody?.reason ?? '', /ECONNREFUSED|bad port/);
    assert.ok(!JSON.stringify([silent, nobody]).includes('secret'));
  });

  it('stops when it is cancelled', async () => {
    answer = () => undefined;
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 20);
    const [delivery] = await to(url(), abort.signal);
    assert.deepEqual([delivery?.delivered, delivery?.tries], [false, 1]);
  });

  it('runs a command with the notice on its standard input, once', async () => {
    const file = join(folder, 'got');
    const [delivery] = await to({ LABELLOOP_NOTIFY_COMMAND: `cat >> ${file} && echo " $LABELLOOP_RUN" >> ${file}` });
    assert.deepEqual(delivery, { target: 'command', delivered: true, tries: 1, reason: null });
    assert.equal(await readFile(file, 'utf8'), `${JSON.stringify(notice)} shells-1a2b3c4d\n`);
  });

  it("keeps the servers' keys from a command, and not its own", async () => {
    const file = join(folder, 'environment');
    process.env['MINIO_SECRET_KEY'] = 'ours';
    process.env['CHAT_TOKEN'] = 'its own';
    try {
      await to({ LABELLOOP_NOTIFY_COMMAND: `env > ${file}` });
    } finally {
      delete process.env['MINIO_SECRET_KEY'];
      delete process.env['CHAT_TOKEN'];
    }
    const environment = await readFile(file, 'utf8');
    assert.ok(!environment.includes('ours'));
    assert.match(environment, /^CHAT_TOKEN=its own$/m);
  });

  it('tries a command that fails again, and says what it complained of', async () => {
    const file = join(folder, 'tries');
    const [delivery] = await to({ LABELLOOP_NOTIFY_COMMAND: `echo x >> ${file}; echo no mail today >&2; exit 3` });
    assert.deepEqual(delivery, { target: 'command', delivered: false, tries: 3, reason: 'exit 3: no mail today' });
    assert.equal(await readFile(file, 'utf8'), 'x\nx\nx\n');
  });

  it('ends a command that does not end, with all that it started', async () => {
    const file = join(folder, 'pids');
    const [delivery] = await notify(
      notice,
      configuredNotices({ LABELLOOP_NOTIFY_COMMAND: `sleep 60 & echo "$$ $!" > ${file}; wait` }),
      undefined,
      { ...patience, tries: 1, commandTimeout: 300 },
    );
    assert.deepEqual([delivery?.delivered, delivery?.reason], [false, 'no end within 0.3 s']);
    const pids = (await readFile(file, 'utf8')).trim().split(' ').map(Number);
    assert.equal(pids.length, 2);
    await until('what the command started has ended', () => pids.every((pid) => !isAlive(pid)), 10);
  });

  it('does both, each on its own, and nothing where nothing is configured', async () => {
    answer = (response) => response.writeHead(404).end();
    const deliveries = await to({ ...url(), LABELLOOP_NOTIFY_COMMAND: 'cat > /dev/null' });
    assert.deepEqual(
      deliveries.map(({ target, delivered }) => [target, delivered]),
      [
        [origin(), false],
        ['command', true],
      ],
    );
    assert.deepEqual(await to({}), []);
  });

  it('is refused at the start where the URL is none, without repeating it', () => {
    for (const wrong of ['hooks.example/secret', 'ftp://hooks.example/secret', 'mailto:secret'])
      assert.throws(
        () => configuredNotices({ LABELLOOP_NOTIFY_URL: wrong }),
        (error) => /LABELLOOP_NOTIFY_URL.*no http/.test(String(error)) && !String(error).includes('secret'),
      );
  });
});
