import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { problem } from '../../src/contracts/errors.js';
import { runSettings } from '../../src/contracts/settings.js';
import { labelloop, rooms } from './fixtures.js';
import type { RunSettings } from '../../src/contracts/settings.js';
import type { Log, Ran } from './fixtures.js';

const FROM = 'shells-1a2b3c4d';
const SOURCE = runSettings.parse({
  ...{ dataset: 'shells', network: 'resnet', student: 'augmented', precision: 'bfloat16' },
  ...{ passes: 12, targetError: 0.05, seed: 7, rounds: 3, salt: 'old', certify: { epsilon: 0.1 } },
});

/** Runs the verb where FROM's settings are SOURCE; `log` has what was asked of the other rooms. */
async function adapt(args: string, settings: RunSettings | null = SOURCE): Promise<Ran & { log: Log }> {
  const log: Log = [];
  const client = {
    settings: (run: string) => {
      log.push(`settings ${run}`);
      return Promise.resolve(settings);
    },
  };
  const ran = await labelloop(`adapt --from ${FROM} --dataset beach-2${args}`, rooms(log, { client }));
  return { ...ran, log };
}

/** The settings with which the run was started. */
function started(log: Log): RunSettings {
  const [line, ...others] = log.filter((each) => each.startsWith('start '));
  assert.ok(line !== undefined && others.length === 0, log.join('\n'));
  return JSON.parse(line.slice('start '.length)) as RunSettings;
}

describe('labelloop adapt', () => {
  it("starts a run with the model's own settings, and nothing else of the run that it is from", async () => {
    const { exitCode, out, err, log } = await adapt('');
    assert.equal(exitCode, 0, err);
    assert.deepEqual(
      log.map((line) => line.split(' {')[0]),
      [`settings ${FROM}`, 'read beach-2', 'start', 'close'],
    );
    const settings = started(log);
    const { network, student, precision, passes, targetError } = settings;
    assert.deepEqual(
      { network, student, precision, passes, targetError },
      { network: 'resnet', student: 'augmented', precision: 'bfloat16', passes: 12, targetError: 0.05 },
    );
    const { dataset, seed, rounds, salt, certify, adapt: moved } = settings;
    assert.deepEqual(
      { dataset, seed, rounds, salt, certify },
      { dataset: 'beach-2', seed: 0, rounds: 1, salt: '', certify: undefined },
    );
    assert.deepEqual(moved, { from: FROM, ask: 0, answers: 'people' });
    assert.equal(out, 'shells-1a2b3c4d\n');
    assert.doesNotMatch(err, /labelloop review/, 'nobody is asked');
  });

  it('asks for so many labels, and says where people answer', async () => {
    const { err, log } = await adapt(' --labels 50');
    const settings = started(log);
    assert.deepEqual(settings.adapt, { from: FROM, ask: 50, answers: 'people' });
    assert.equal(settings.labels, 'revocable', "the flag is not run start's --labels");
    assert.match(err, /It will ask: labelloop review shells-1a2b3c4d/);
  });

  it('lets hidden labels answer what it asks, and the audit where there is one', async () => {
    const alone = await adapt(' --labels 10 --answers truth:0.02');
    assert.deepEqual(started(alone.log).adapt, { from: FROM, ask: 10, answers: 'truth:0.02' });
    assert.equal(started(alone.log).certify, undefined, 'answers alone ask for no audit');
    assert.doesNotMatch(alone.err, /labelloop review/);

    const audited = started((await adapt(' --labels 10 --answers truth --certify 2% --audit-budget 300')).log);
    assert.equal(audited.adapt?.answers, 'truth');
    const { epsilon, budget, answers } = audited.certify ?? {};
    assert.deepEqual({ epsilon, budget, answers }, { epsilon: 0.02, budget: 300, answers: 'truth' });
  });

  it("lets flags go over a file's settings, and both over those of the run that the model is from", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'labelloop-'));
    const file = path.join(folder, 'adapt.yaml');
    await writeFile(file, 'passes: 20\nstudent: consistency\nsteps: 100\nadapt: { from: another, ask: 7 }\n');
    const { log } = await adapt(` --settings ${file} --steps 60 --target-error 3% --seed 4 --rounds 2 --salt new`);
    const { network, student, passes, steps, targetError, seed, rounds, salt, adapt: moved } = started(log);
    assert.deepEqual(moved, { from: FROM, ask: 7, answers: 'people' });
    assert.deepEqual(
      { network, student, passes, steps, targetError, seed, rounds, salt },
      {
        network: 'resnet',
        student: 'consistency',
        passes: 20,
        steps: 60,
        targetError: 0.03,
        seed: 4,
        rounds: 2,
        salt: 'new',
      },
    );
    await rm(folder, { recursive: true });
  });

  it('starts it under the id that is asked for, and follows it', async () => {
    const { exitCode, out } = await adapt(' --run moved --json');
    assert.deepEqual([exitCode, JSON.parse(out)], [0, { run: 'moved' }]);
    const watched = await adapt(' --run moved --watch');
    assert.ok(watched.log.includes('show moved'), watched.log.join('\n'));
  });

  it('needs a run that there is, and that has begun', async () => {
    const settings = (run: string) => Promise.reject(problem('RUN_UNKNOWN', `no run '${run}'.`));
    const log: Log = [];
    const unknown = await labelloop('adapt --from nobody --dataset beach-2', rooms(log, { client: { settings } }));
    assert.deepEqual([unknown.exitCode, /RUN_UNKNOWN.*nobody/.test(unknown.err)], [1, true], unknown.err);
    assert.deepEqual(log, ['close'], 'nothing is started');

    const early = await adapt('', null);
    assert.deepEqual([early.exitCode, early.log], [1, [`settings ${FROM}`, 'close']]);
    assert.match(early.err, /RUN_NO_RESULTS.*labelloop run watch shells-1a2b3c4d/);
  });

  it('refuses what can not be before anything is started', async () => {
    for (const [args, message] of [
      [' --labels many', /SETTINGS_INVALID.*--labels/],
      [' --labels 5001', /SETTINGS_INVALID.*--labels/],
      [' --answers nobody', /SETTINGS_INVALID.*--answers/],
      [' --run My-Run', /USAGE.*My-Run/],
    ] as const) {
      const { exitCode, err, log } = await adapt(args);
      assert.equal(exitCode, 2, args);
      assert.match(err, message);
      assert.ok(!log.some((line) => line.startsWith('start')), args);
    }
    assert.equal((await labelloop('adapt --dataset beach-2')).exitCode, 2, '--from must be given');
  });
});
