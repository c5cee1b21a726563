import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createProgram } from '../../src/cli/program.js';
import { rooms } from './fixtures.js';
import type { Command } from 'commander';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
};

const verbsOf = (command: Command, path: string[] = []): string[][] =>
  command.commands.flatMap((child) => {
    const here = [...path, child.name()];
    return [here, ...verbsOf(child, here)];
  });

describe('the labelloop process', () => {
  const verbs = verbsOf(createProgram(rooms()));

  it('has all verbs that the guide names', () => {
    const names = verbs.map((verb) => verb.join(' '));
    const expected =
      'up,down,status,doctor,setup,demo,dataset import,dataset list,dataset show,run start,run list,run show,run watch,' +
      'run pause,run resume,run cancel,labels export,labels explain,tasks export,answers import,report,worker';
    for (const name of expected.split(',')) assert.ok(names.includes(name), name);
  });

  for (const verb of verbs)
    it(`explains '${verb.join(' ')}' with a description and an example of it`, () => {
      const { status, stdout, stderr } = run(...verb, '--help');
      assert.equal(status, 0);
      assert.equal(stderr, '');
      const [usage, , description] = stdout.split('\n');
      assert.match(usage ?? '', new RegExp(`^Usage: labelloop ${verb.join(' ')}`));
      assert.ok((description ?? '').length > 10, description);
      assert.match(stdout, new RegExp(`Examples?:\\n {2}\\$ labelloop ${verb.join(' ')}`));
      assert.match(stdout, /--json/);
    });

  it('lists the verbs and the exit codes with --help', () => {
    const { status, stdout } = run('--help');
    assert.equal(status, 0);
    assert.match(stdout, /dataset {2,}import and look at datasets/);
    assert.match(stdout, /Exit codes: 0 done, 1 failed, 2 called wrongly, 130 Ctrl-C/);
  });

  const wrong: [string, RegExp][] = [
    ['stats', /unknown command 'stats'[^]*Did you mean status/],
    ['run show', /missing required argument 'run'/],
    ['run show x --colour', /unknown option '--colour'/],
    ['dataset import x', /required option '--name <name>'/],
    ['dataset import x --name x --keep-labels none', /--keep-labels <n>.*'none'.*whole number of at least 0/],
    ['dataset import x --name x --size 4', /--size <size>.*'4'.*from 8 to 512/],
    ['dataset import x --name x --grey --colour', /'--grey' cannot be used with option '--colour'/],
    ['worker --role cook', /'cook'.*workflows, stages, all/],
    ['run', /Usage: labelloop run/],
  ];
  for (const [words, message] of wrong) {
    it(`refuses '${words}' with exit code 2`, () => {
      const { status, stdout, stderr } = run(...words.split(' '));
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, message);
    });

    it(`answers '${words} --json' with one document`, () => {
      const { status, stdout } = run(...words.split(' '), '--json');
      assert.equal(status, 2);
      const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
      assert.equal(error.code, 'USAGE');
      assert.ok(error.message.length > 10, error.message);
    });
  }

  it('refuses bad settings before it connects to anything', () => {
    const { status, stdout, stderr } = run('run', 'start', '--dataset', 'x', '--rounds', 'many', '--json');
    assert.equal(status, 2);
    assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, 'SETTINGS_INVALID');
    assert.match(stderr, /^SETTINGS_INVALID: --rounds 'many' must be a number \(rounds: /);
  });
});
