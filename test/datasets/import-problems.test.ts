import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorCode } from '../../src/contracts/errors.js';
import { listDatasets } from '../../src/datasets/index.js';
import { image, writeTree } from '../support/images.js';
import { cats, dogs, importFixture, raises } from '../support/import-fixture.js';

describe('importDataset, with what it can not take', () => {
  const use = importFixture();

  const broken: [string, ErrorCode, string[], () => Promise<string>][] = [
    [
      'a broken image',
      'DATASET_IMAGE_BROKEN',
      ['cat/bad.jpg'],
      async () => {
        await writeTree(use.data, { 'cat/bad.jpg': 'not an image' });
        return use.data;
      },
    ],
    [
      'a truncated image',
      'DATASET_IMAGE_BROKEN',
      ['cat/cut.png'],
      async () => {
        const whole = await image(7000, { width: 60, height: 60, channels: 3 });
        await writeTree(use.data, { 'cat/cut.png': whole.subarray(0, whole.length >> 1) });
        return use.data;
      },
    ],
    [
      'a class in the test split that training lacks',
      'DATASET_CLASS_UNKNOWN',
      ['test/cow/1.png', 'cow', 'cat, dog'],
      async () => {
        await use.writeImages('test/cow/1.png');
        return use.data;
      },
    ],
    [
      'a test image without a label',
      'DATASET_INVALID',
      ['test/1.png'],
      async () => {
        await use.writeImages('test/1.png');
        return use.data;
      },
    ],
    [
      'a row whose image is missing',
      'DATASET_IMAGE_MISSING',
      ['list.csv:6', 'cat/0.png'],
      () => list('cat/0.png,cat,,'),
    ],
    ['a label without an image', 'DATASET_IMAGE_MISSING', ['list.csv:6', "label 'cat'"], () => list(',cat,,')],
    ['an id twice', 'DATASET_ID_DUPLICATE', ['list.csv:6', 'list.csv:2', "'i1'"], () => list('cat/3.png,cat,,i1')],
    ['an unknown split', 'DATASET_INVALID', ['list.csv:6', "'dev'"], () => list('cat/3.png,cat,dev,')],
    ['a label in the pool', 'DATASET_INVALID', ['list.csv:6', "'cat'"], () => list('cat/3.png,cat,pool,')],
    ['a row with too many fields', 'DATASET_INVALID', ['list.csv:6', '5 fields'], () => list('cat/3.png,cat,,,x')],
    [
      'a broken JSON line',
      'DATASET_INVALID',
      ['list.jsonl:5'],
      async () => {
        const rows = ['cat/1.png', 'cat/2.png', 'dog/1.png', 'dog/2.png'].map((path) => ({
          path,
          label: path.slice(0, 3),
        }));
        const path = join(use.data, 'list.jsonl');
        await writeTree(use.data, {
          'list.jsonl': [...rows.map((row) => JSON.stringify(row)), '{"path": '].join('\n'),
        });
        return path;
      },
    ],
  ];

  async function list(row: string): Promise<string> {
    const rows = [
      'file_name,label,split,id',
      'cat/1.png,cat,,i1',
      'cat/2.png,cat,,',
      'dog/1.png,dog,,',
      'dog/2.png,dog,,',
      row,
    ];
    await writeTree(use.data, { 'list.csv': rows.join('\n') });
    return join(use.data, 'list.csv');
  }

  for (const [what, code, patterns, prepare] of broken)
    it(`refuses ${what} with its place, imports nothing, and leaves it out on request`, async () => {
      await use.writeImages(...cats, ...dogs);
      const path = await prepare();
      await assert.rejects(use.load({ path }), raises(code, ...patterns, '--skip-bad'));
      assert.deepEqual(await listDatasets(use.store), []);
      assert.deepEqual(await readdir(join(use.folder, 'cache', 'tmp')), []);
      const { manifest, skipped } = await use.load({ path, skipBad: true });
      assert.equal(skipped.length, 1);
      for (const pattern of patterns) assert.ok(skipped[0]?.reason.includes(pattern), skipped[0]?.reason);
      assert.equal(manifest.notes.skipped, 1);
      assert.equal(manifest.notes.examples.length, 1);
      assert.ok(manifest.counts.labelled >= 4);
    });

  it('names both of two images that have one content and different labels, each with its own place', async () => {
    await use.writeImages(...cats, ...dogs);
    const path = await list('cat/2.png,dog,,');
    await assert.rejects(use.load({ path }), raises('DATASET_LABEL_CONFLICT', 'list.csv:6', 'list.csv:3'));
    await use.writeImages('cat/3.png', 'cat/4.png');
    await writeTree(use.data, {
      'more.csv': `${await readFile(path, 'utf8')}\ncat/3.png,cat,,\ncat/4.png,cat,,`,
    });
    const { skipped } = await use.load({ path: join(use.data, 'more.csv'), skipBad: true });
    assert.deepEqual(
      skipped.map(({ row, reason }) => [
        row,
        reason.includes(`more.csv:${row}: labelled '${row === 6 ? 'dog' : 'cat'}'`),
      ]),
      [
        [6, true],
        [3, true],
      ],
    );
  });

  it('refuses labels outside of the classes that are given, and keeps their order', async () => {
    await use.writeImages(...cats, ...dogs);
    await assert.rejects(
      use.load({ classes: ['dog', 'cow'] }),
      raises('DATASET_CLASS_UNKNOWN', 'cat/1.png', 'dog, cow'),
    );
    assert.deepEqual((await use.load({ classes: ['dog', 'cat'] })).manifest.classes, ['dog', 'cat']);
  });

  it('refuses what has too few labels, and what is nothing known', async () => {
    await assert.rejects(use.load({ path: join(use.data, 'nowhere') }), raises('DATASET_INVALID', 'nowhere'));
    await writeTree(use.data, { 'data.zip': 'PK' });
    await assert.rejects(use.load({ path: join(use.data, 'data.zip') }), raises('DATASET_FORMAT_UNKNOWN', 'unpack'));
    await writeTree(use.data, { 'list.csv': 'a,b\n1,2\n' });
    await assert.rejects(
      use.load({ path: join(use.data, 'list.csv') }),
      raises('DATASET_INVALID', 'file_name', 'a, b'),
    );
    await use.writeImages('unlabelled/1.png');
    await assert.rejects(use.load(), raises('DATASET_INVALID', 'no labelled images'));
    await use.writeImages(...cats);
    await assert.rejects(use.load(), raises('DATASET_INVALID', 'two classes'));
    await use.writeImages('dog/1.png');
    await assert.rejects(use.load(), raises('DATASET_INVALID', "'dog'", '1 labelled image;'));
  });
});
