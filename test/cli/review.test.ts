import assert from 'node:assert/strict';
import { problem } from '../../src/contracts/errors.js';
import { labelloop, rooms } from './fixtures.js';
import type { Log } from './fixtures.js';

const json = (out: string): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>;

describe('review', () => {
  it('says where the page is, serves it until Ctrl-C, and ends with 0 and what was answered', async () => {
    const log: Log = [];
    const { exitCode, out, err } = await labelloop('review shells-1a2b3c4d', rooms(log), { interrupt: true });
    assert.equal(exitCode, 0);
    assert.match(err, /^People answer for shells-1a2b3c4d at http:\/\/127\.0\.0\.1:8710\/\n/);
    assert.equal(out, '12 answers taken down.\n');
    assert.deepEqual(log, ['review shells-1a2b3c4d {}', 'close page']);
  });

  it('prints one document with --json', async () => {
    const { out } = await labelloop('review shells-1a2b3c4d --json', rooms(), { interrupt: true });
    assert.deepEqual(json(out), { run: 'shells-1a2b3c4d', url: 'http://127.0.0.1:8710/', answers: 12 });
  });

  it('hands its options on', async () => {
    const log: Log = [];
    await labelloop(
      'review r --port 0 --host 0.0.0.0 --user-header X-User --allow-host a.example --allow-host b.example --show-guess',
      rooms(log),
      { interrupt: true },
    );
    assert.deepEqual(json((log[0] ?? '').slice('review r '.length)), {
      port: 0,
      host: '0.0.0.0',
      userHeader: 'X-User',
      showGuess: true,
      allowHosts: ['a.example', 'b.example'],
    });
  });

  it('prints what keeps the page from being served', async () => {
    const refused = { review: () => Promise.reject(problem('USAGE', '127.0.0.1:8710 is taken. Pass another --port.')) };
    const { exitCode, err } = await labelloop('review r', rooms([], refused), { interrupt: true });
    assert.equal(exitCode, 2);
    assert.equal(err, 'USAGE: 127.0.0.1:8710 is taken. Pass another --port.\n');
  });
});
