import assert from 'node:assert/strict';
import { auditState, certificateNow, labelloop, rooms, view } from './fixtures.js';
import type { Log } from './fixtures.js';

describe('labelloop audit', () => {
  it('start passes checked settings on, waits for the plan, and says what will be asked', async () => {
    const log: Log = [];
    let asked = 0;
    const services = rooms(log, {
      client: {
        audit: (run) => Promise.resolve(auditState({ run, phase: asked++ === 0 ? 'freeze' : 'audit' })),
      },
    });
    const { exitCode, out } = await labelloop('audit start shells-1a2b3c4d --error 2% --budget 300', services);
    assert.equal(exitCode, 0);
    const settings =
      '{"epsilon":0.02,"confidence":0.95,"budget":300,"instrument":"auto","drawing":"uniform","spending":"single",' +
      '"repair":"auto","double":0.1,"nonceFrom":"program","answers":"people"}';
    assert.equal(log[0], `start audit shells-1a2b3c4d ${settings}`);
    assert.match(out, /201 expected, 320 in nine of ten cases/);
    assert.match(out, /waits for 37 answers/);
  });

  it('start takes a class by its name, digits too, and its share of alpha', async () => {
    const log: Log = [];
    await labelloop('audit start shells-1a2b3c4d --error 5% --class 7 --by-class', rooms(log));
    assert.match(log[0] ?? '', /"class":"7","spending":"classes"/);
    const { err } = await labelloop('audit start shells-1a2b3c4d --error 5% --by-class');
    assert.match(err, /^USAGE: --by-class is for an audit of one class\. Name it: --class NAME/);
    const twice = await labelloop('audit start shells-1a2b3c4d --error 5% --class 7 --by-class --spending series');
    assert.match(twice.err, /^USAGE: --by-class spends by classes, and --spending series does not/);
  });

  it('start names the flag that it can not take', async () => {
    const { exitCode, err } = await labelloop('audit start shells-1a2b3c4d --error 80%');
    assert.equal(exitCode, 2);
    assert.match(err, /^SETTINGS_INVALID: --error '80%' must be less than 0\.5 \(certify\.epsilon: /);
  });

  for (const [words, said] of [
    ['audit show shells-1a2b3c4d', 'audit shells-1a2b3c4d'],
    ['audit nonce shells-1a2b3c4d 4-1-6-6-2', 'nonce shells-1a2b3c4d 4-1-6-6-2'],
    ['audit stop shells-1a2b3c4d', 'stop audit shells-1a2b3c4d'],
  ] as const)
    it(words, async () => {
      const log: Log = [];
      const { exitCode } = await labelloop(words, rooms(log));
      assert.equal(exitCode, 0);
      assert.deepEqual(log, [said, 'close']);
    });

  it('a dry run is called so', async () => {
    const settings = { ...auditState().settings, answers: 'truth' };
    const services = rooms([], { client: { audit: () => Promise.resolve(auditState({ settings })) } });
    assert.match((await labelloop('audit show shells-1a2b3c4d', services)).out, /dry run: hidden labels answer/);
  });
});

describe('labelloop certificate', () => {
  it('show says what was certified and what of it holds now', async () => {
    const changes = { changed: 3, added: 0, revoked: 12 };
    const now = certificateNow({ changes, holds: { size: 9300, most: 187 } });
    const services = rooms([], { client: { certificate: () => Promise.resolve(now) } });
    const { out } = await labelloop('certificate show shells-1a2b3c4d', services);
    assert.match(out, /At most 186 of these 9,312 machine labels/);
    assert.match(out, /at most 187 of 9,300 labels are wrong \(2\.01 %\), after 3 changed, 0 added and 12 taken back/);
    assert.match(out, /2 people, kappa 0\.97 over 15 images/);
  });

  it('show names the class, and takes the number of the audit', async () => {
    const asked: (number | undefined)[] = [];
    const { certificate, ...rest } = certificateNow();
    const services = rooms([], {
      client: {
        certificate: (_, audit) => {
          asked.push(audit);
          return Promise.resolve({ ...rest, certificate: { ...certificate, class: 'whelk' } });
        },
      },
    });
    const { out } = await labelloop('certificate show shells-1a2b3c4d --audit 3', services);
    assert.match(out, /Class +whelk/);
    assert.deepEqual(asked, [3]);
    const { err } = await labelloop('certificate show shells-1a2b3c4d --audit last');
    assert.match(err, /^USAGE: --audit 'last' must be the number of an audit/);
  });

  it('export writes the bundle and says how it is checked', async () => {
    const log: Log = [];
    const { out } = await labelloop('certificate export shells-1a2b3c4d --out bundle', rooms(log));
    assert.deepEqual(log, ['export certificate shells-1a2b3c4d bundle', 'close']);
    assert.match(out, /node bundle\/verify\.mjs bundle/);
  });

  it('verify ends with 1 where the bundle does not hold', async () => {
    assert.equal((await labelloop('certificate verify bundle')).exitCode, 0);
    const lines = ['REFUSED: the root is another.'];
    const services = rooms([], { verifyBundle: () => Promise.resolve({ holds: false, lines }) });
    const { exitCode, err } = await labelloop('certificate verify bundle', services);
    assert.equal(exitCode, 1);
    assert.match(err, /^CERTIFICATE_INVALID: bundle: the certificate does not hold\.\nREFUSED: the root is another\./);
  });
});

describe('a run with an audit', () => {
  it('run show says what it waits for', async () => {
    const { audit, phase, settings, seen, judgement, outlook, words } = auditState();
    const shown = { audit, phase, settings, seen, judgement, outlook, words };
    const services = rooms([], { client: { show: (run) => Promise.resolve(view({ run, audit: shown })) } });
    const { out } = await labelloop('run show shells-1a2b3c4d', services);
    assert.match(out, /Audit +1: people check the sample/);
    assert.match(out, /waits for 37 answers/);
  });

  it('flags of the audit become settings of the run, and are named when they are wrong', async () => {
    const log: Log = [];
    await labelloop('run start --dataset shells --certify 2% --confidence 99% --audit-budget 500', rooms(log));
    const started = log.find((line) => line.startsWith('start ')) ?? '';
    assert.match(started, /"certify":\{"epsilon":0\.02,"confidence":0\.99,"budget":500,/);
    const alone = await labelloop('run start --dataset shells --audit-budget 500');
    assert.match(alone.err, /--certify is missing \(share of the certified labels/);
    const wrong = await labelloop('run start --dataset shells --certify 2% --answers nobody');
    assert.match(wrong.err, /--answers 'nobody'/);
  });

  it('without them the settings are as they were', async () => {
    const log: Log = [];
    await labelloop('run start --dataset shells', rooms(log));
    assert.doesNotMatch(log.join('\n'), /certify/);
  });
});
