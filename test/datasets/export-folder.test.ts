import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import type { DatasetManifest } from '../../src/contracts/dataset.js';
import type { LabelRow } from '../../src/contracts/tables.js';
import { folderName } from '../../src/datasets/export-folder.js';
import { exportFolder, importDataset } from '../../src/datasets/index.js';
import { decodeTable, tables } from '../../src/store/index.js';
import type { Store } from '../../src/store/index.js';
import { labelRow } from '../cli/fixtures.js';
import { idx, noise, writeTree } from '../support/images.js';
import { cats, dogs, importFixture } from '../support/import-fixture.js';

/** The pool's rows; image i is labelled where `label` says so. */
async function rowsOf(store: Store, manifest: DatasetManifest, label: (i: number) => string): Promise<LabelRow[]> {
  const rows: LabelRow[] = [];
  for (const shard of manifest.shards.pool)
    for (const { id, name } of await decodeTable(tables.items, await store.readBytes(shard.items))) {
      const className = label(rows.length);
      const status = className === '' ? 'open' : 'accepted';
      rows.push({ ...labelRow(id), name, status, label: className === '' ? -1 : 0, class: className });
    }
  return rows;
}

async function* stream<T>(rows: readonly T[]): AsyncGenerator<T> {
  yield* rows;
}

describe('exportFolder', function () {
  this.timeout(60_000);
  const fixture = importFixture();

  it('writes each labelled image as it came into its class, over all shards, and dataset import reads them', async () => {
    const pool = Array.from({ length: 7 }, (_, i) => `pool/${i}.png`);
    await fixture.writeImages(...cats, ...dogs, ...pool);
    const { manifest } = await fixture.load({ shardSize: 3 });
    assert.equal(manifest.shards.pool.length, 3);
    const rows = await rowsOf(fixture.store, manifest, (i) => ['cat', '', 'dog'][i % 3] as string);
    const out = join(fixture.folder, 'out');
    assert.equal(await exportFolder(fixture.store, manifest, stream(rows), out), 5);
    for (const { id, name, class: className } of rows.filter(({ status }) => status === 'accepted'))
      assert.deepEqual(
        await readFile(join(out, className, `${id}.png`)),
        await readFile(join(fixture.data, name)),
        name,
      );
    assert.deepEqual((await readdir(out)).sort(), ['cat', 'dog', 'labels.csv']);
    const csv = parse<Record<string, string>>(await readFile(join(out, 'labels.csv')), { columns: true });
    assert.deepEqual(
      csv.map(({ id, label }) => [id, label]),
      rows.map(({ id, class: className }) => [id, className]),
    );
    const again = await importDataset(fixture.store, { path: out, name: 'again' });
    assert.deepEqual([again.manifest.classes, again.manifest.counts.labelled], [['cat', 'dog'], 5]);
  });

  it('writes pixels as PNG where there never were files', async () => {
    const pixels = Uint8Array.from(Array.from({ length: 12 }, (_, i) => [...noise(i, 8, 8)]).flat());
    await writeTree(fixture.data, {
      'train-images-idx3-ubyte': idx([12, 8, 8], pixels),
      'train-labels-idx1-ubyte': idx(
        [12],
        Uint8Array.from({ length: 12 }, (_, i) => i % 2),
      ),
    });
    const { manifest } = await fixture.load({ keepLabels: 4, seed: 1 });
    const rows = await rowsOf(fixture.store, manifest, () => '1');
    const out = join(fixture.folder, 'out');
    assert.equal(await exportFolder(fixture.store, manifest, stream(rows), out), 8);
    const stored = await fixture.store.readBytes(manifest.shards.pool[0]!.pixels);
    for (const [i, { id }] of rows.entries()) {
      const raw = await sharp(join(out, '1', `${id}.png`))
        .toColourspace('b-w')
        .raw()
        .toBuffer();
      assert.deepEqual(raw, stored.subarray(i * 64, (i + 1) * 64));
    }
  });
});

describe('folderName', () => {
  const cases: [string, string][] = [
    ['cat', 'cat'],
    ['dog, big', 'dog, big'],
    ['猫', '猫'],
    ['a/b', 'a%2Fb'],
    ['..', '%2E%2E'],
    ['.hidden', '%2Ehidden'],
    ['100%', '100%25'],
    ['test', '%74est'],
    ['Unlabelled', '%55nlabelled'],
  ];
  for (const [name, folder] of cases)
    it(`is ${folder} for ${name}, and leads back`, () => {
      assert.equal(folderName(name), folder);
      assert.equal(decodeURIComponent(folder), name);
    });
});
