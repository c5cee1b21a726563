import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createProgram } from '../../src/cli/program.js';
import { settingSchemas } from '../../src/contracts/settings.js';
import { tables } from '../../src/store/index.js';
import { rooms } from '../cli/fixtures.js';
import { page, pages, root, section } from './markdown.js';
import type { Command } from 'commander';
import type { Page } from './markdown.js';

const program = createProgram(rooms());
const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

const flagsOf = (command: Command): string[] => [
  '--help',
  '-h',
  ...command.options.flatMap(({ long, short }) => [long, short]).filter((flag) => flag !== undefined && flag !== null),
];
const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];

/** The words after `labelloop` of every command that a page shows, in a block or in a sentence. */
const commandsOn = ({ shellLines, inlineCode }: Page): string[] =>
  [...shellLines, ...inlineCode]
    .flatMap((line) => line.replace(/\s#.*$/, '').split(/&&|\|\||[|;]/))
    .map((command) => /^(?:\$ )?(?:\w+=\S* )*(?:npx )?labelloop\s+(.+)$/.exec(command.trim())?.[1])
    .filter((words) => words !== undefined);

/** What is wrong with the words after `labelloop`, or null. */
function faultOf(words: string): string | null {
  // The dots in "write `npx labelloop …`" stand for any verb.
  if (words === '…') return null;
  let command = program;
  const flags = flagsOf(program);
  for (const word of words.split(/\s+/)) {
    if (word.startsWith('-')) {
      if (!flags.includes(word.split('=')[0] as string)) return `no option ${word}: labelloop ${words}`;
    } else if (command.commands.length > 0) {
      const verb = command.commands.find((each) => each.name() === word);
      if (verb === undefined) return `no verb ${word}: labelloop ${words}`;
      flags.push(...flagsOf((command = verb)));
    }
  }
  return null;
}

const absent = (wanted: readonly string[], text: string): string[] =>
  wanted.filter((word) => !text.includes(`\`${word}\``));

describe('the docs', () => {
  for (const each of pages()) {
    it(`${each.file} shows only verbs and options that there are`, () => {
      const faults = commandsOn(each).map(faultOf);
      const flags = new Set(everyCommand(program).flatMap(flagsOf));
      const inSentences = each.inlineCode.map((code) => /^--[\w-]+/.exec(code)?.[0]);
      const unknown = inSentences.filter((flag) => flag !== undefined && !flags.has(flag));
      assert.deepEqual([...faults.filter((fault) => fault !== null), ...unknown], []);
    });

    it(`${each.file} names only npm scripts that there are`, () => {
      const code = [...each.shellLines, ...each.inlineCode].join('\n');
      const named = [...code.matchAll(/\bnpm (?:run )?(?:--silent )?(start|test|(?<=run )[\w:-]+)/g)];
      assert.deepEqual(
        named.map(([, script]) => script as string).filter((script) => !(script in manifest.scripts)),
        [],
      );
    });

    it(`${each.file} links only to files that there are`, () => {
      const broken = each.links.filter((link) => {
        const target = path.resolve(root, path.dirname(each.file), link.split('#')[0] as string);
        return !target.startsWith(root) || !fs.existsSync(target);
      });
      assert.deepEqual(broken, []);
    });

    it(`${each.file} names only source files that there are`, () => {
      const files = each.inlineCode.filter((code) => /^(src|test|infra|docs|bench)\/[\w./-]+$/.test(code));
      assert.deepEqual(
        files.filter((file) => !fs.existsSync(path.join(root, file))),
        [],
      );
    });
  }

  it('show commands, of which a wrong verb and a wrong option would be found', () => {
    assert.ok(pages().flatMap(commandsOn).length > 40);
    assert.match(faultOf('run begin --dataset x') ?? '', /no verb begin/);
    assert.match(faultOf('run start --data x') ?? '', /no option --data/);
    assert.match(faultOf('run watch x --fresh') ?? '', /no option --fresh/);
    assert.equal(faultOf('run start --dataset x --json --rounds=3'), null);
  });

  it('explain every setting of a run', () => {
    assert.deepEqual(absent(Object.keys(settingSchemas), section(page('docs/run.md'), 'Settings')), []);
  });

  it('say of every dependency what it is for, and of none that is not there', () => {
    const { text, inlineCode } = page('docs/dependencies.md');
    assert.deepEqual(absent(Object.keys(manifest.dependencies), text), []);
    const installed = { ...manifest.dependencies, ...manifest.devDependencies };
    assert.deepEqual(
      inlineCode.filter((name) => !(name in installed)),
      [],
    );
  });

  it('explain every column of every table', () => {
    const text = section(page('docs/formats.md'), 'Tables');
    for (const { name, columns } of [
      tables.labels,
      tables.posteriors,
      tables.items,
      tables.answers,
      tables.assignments,
    ])
      assert.deepEqual(absent(Object.keys(columns), text), [], name);
  });
});

describe('the files of the project', () => {
  /** Contents by path; null outside a clone (an unpacked archive). */
  function trackedFiles(): Map<string, string> | null {
    const { status, stdout } = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
    if (status !== 0) return null;
    const files = stdout.split('\0').filter((file) => file !== '' && fs.existsSync(path.join(root, file)));
    return new Map(files.map((file) => [file, fs.readFileSync(path.join(root, file), 'utf8')]));
  }

  const places = (files: Map<string, string>, wrong: RegExp): string[] =>
    [...files].flatMap(([file, text]) =>
      text.split('\n').flatMap((line, i) => (wrong.test(line) ? [`${file}:${i + 1}`] : [])),
    );

  it('name no package registry, so that each user has the configured one', function () {
    const files = trackedFiles() ?? this.skip();
    const hosts = /registry\.(npmjs|yarnpkg)|files\.pythonhosted|pypi\.org|proxy\.golang|sum\.golang/;
    assert.deepEqual(places(files, hosts), []);
  });

  it('name no folder of the machine that they were written on', function () {
    const files = trackedFiles() ?? this.skip();
    // Tests may make paths up.
    const own = new Map([...files].filter(([file]) => !file.startsWith('test/')));
    assert.deepEqual(places(own, /(^|[\s'"`(=:])\/(home|Users|root|work|workspace|mnt|tmp)\//), []);
    assert.deepEqual(places(files, /(^|[\s'"`(=:])\/(root|work|workspace)\//), []);
  });

  it('refer only to pages of the docs that there are', function () {
    const files = trackedFiles() ?? this.skip();
    const named = new Set([...files.values()].flatMap((text) => text.match(/\bdocs\/[\w-]+\.md\b/g) ?? []));
    assert.deepEqual(
      [...named].filter((file) => !fs.existsSync(path.join(root, file))),
      [],
    );
  });
});
