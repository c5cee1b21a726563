import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { checkRunId, readRunSettings } from '../../src/cli/run-settings.js';

describe('settings of a run from file and flags', () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(path.join(os.tmpdir(), 'labelloop-'))));
  after(() => rm(folder, { recursive: true }));

  const file = async (name: string, text: string): Promise<string> => {
    const place = path.join(folder, name);
    await writeFile(place, text);
    return place;
  };
  const refuses = (read: Promise<unknown>, message: RegExp) =>
    assert.rejects(read, (error: Error) => {
      assert.equal((error as Error & { code: string }).code, 'SETTINGS_INVALID');
      assert.match(error.message, message);
      return true;
    });

  it('takes numbers, shares and percentages from flags', async () => {
    const settings = await readRunSettings(
      undefined,
      { dataset: 'shells', seed: '7', rounds: '5', targetError: '3%', calibrationShare: '0.3', threshold: 'iqr' },
      undefined,
    );
    assert.equal(settings.seed, 7);
    assert.equal(settings.rounds, 5);
    assert.equal(settings.targetError, 0.03);
    assert.equal(settings.calibrationShare, 0.3);
    assert.equal(settings.threshold, 'iqr');
    assert.equal(settings.passes, 30);
  });

  it('lets flags override the file, YAML or JSON', async () => {
    const yaml = await file('run.yaml', 'dataset: shells\nrounds: 4\ntargetError: 1%\n');
    const json = await file('run.json', '{"dataset": "shells", "rounds": 4, "salt": "a"}');
    assert.equal((await readRunSettings(yaml, { rounds: '2' }, undefined)).rounds, 2);
    assert.equal((await readRunSettings(yaml, {}, undefined)).targetError, 0.01);
    assert.equal((await readRunSettings(json, {}, undefined)).salt, 'a');
    assert.equal((await readRunSettings(json, {}, 'b')).salt, 'b');
  });

  it('names the flag, the value and what is allowed', async () => {
    await refuses(
      readRunSettings(undefined, { dataset: 'shells', passes: '1', preset: 'huge' }, undefined),
      /^--preset 'huge' must be compact or resnet or .* or supervised \(preset: .*\)\.\n--passes 1 must be at least 2 \(passes: .*\)\.$/,
    );
    await refuses(
      readRunSettings(undefined, { dataset: 'shells', targetError: '80%' }, undefined),
      /^--target-error '80%' must be less than 0\.5/,
    );
  });

  it("names the file for the file's values and the flag for the flag's", async () => {
    const yaml = await file('bad.yaml', 'dataset: shells\nrounds: 2.5\nseed: 1\n');
    await refuses(
      readRunSettings(yaml, { seed: '-1' }, undefined),
      /--seed -1 must be at least 0[^]*bad\.yaml: rounds 2\.5 must be a whole number/,
    );
  });

  it('takes a dataset whose name is made of digits alone', async () => {
    assert.equal((await readRunSettings(undefined, { dataset: '2024' }, undefined)).dataset, '2024');
  });

  it('says when the dataset is named nowhere', () =>
    refuses(readRunSettings(undefined, {}, undefined), /^--dataset is missing \(name of an imported dataset\)/));

  it('refuses settings that there are not, and lists those that there are', async () => {
    const yaml = await file('typo.yaml', 'dataset: shells\nround: 2\n');
    await refuses(readRunSettings(yaml, {}, undefined), /typo\.yaml: 'round' is no setting\. .*rounds, targetError/);
  });

  it('refuses files that are missing, broken or empty, by name', async () => {
    await refuses(readRunSettings(path.join(folder, 'none.yaml'), {}, undefined), /none\.yaml: can't be read/);
    await refuses(readRunSettings(await file('b.yaml', 'a: [1'), {}, undefined), /b\.yaml: is neither YAML nor JSON/);
    await refuses(readRunSettings(await file('e.yaml', ''), {}, undefined), /e\.yaml: holds no settings/);
  });

  it('refuses ids that can name no run', () => {
    assert.doesNotThrow(() => checkRunId('shells-2'));
    assert.throws(() => checkRunId('My run'), { code: 'USAGE' });
  });
});
