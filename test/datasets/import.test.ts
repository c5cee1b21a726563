import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { extract } from 'tar-stream';
import type { DatasetManifest, SplitName } from '../../src/contracts/dataset.js';
import type { Ref } from '../../src/contracts/references.js';
import { listDatasets, readDataset } from '../../src/datasets/index.js';
import { decodeTable, tables } from '../../src/store/index.js';
import { idx, image, noise, writeTree } from '../support/images.js';
import { cats, dogs, importFixture, raises } from '../support/import-fixture.js';

const idOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 32);

describe('importDataset', () => {
  const use = importFixture();
  let seed = 100_000;

  async function rowsOf(manifest: DatasetManifest, split: SplitName) {
    const rows = [];
    for (const shard of manifest.shards[split])
      rows.push(...(await decodeTable(tables.items, await use.store.readBytes(shard.items))));
    return rows;
  }
  const namesOf = async (manifest: DatasetManifest, split: SplitName) =>
    (await rowsOf(manifest, split)).map((row) => row.name).sort();
  const labelsOf = async (ref: Ref) => decodeTable(tables.answers, await use.store.readBytes(ref));

  async function labelByName(manifest: DatasetManifest, split: 'labelled' | 'test') {
    const ref = split === 'test' ? manifest.testLabels : manifest.labels;
    const labels = new Map((await labelsOf(ref as Ref)).map(({ id, label }) => [id, label]));
    return Object.fromEntries((await rowsOf(manifest, split)).map(({ id, name }) => [name, labels.get(id)]));
  }

  async function pixelsOf(manifest: DatasetManifest, split: SplitName, name: string): Promise<Buffer> {
    const { height, width, channels } = manifest.image;
    const size = height * width * channels;
    for (const shard of manifest.shards[split]) {
      const at = (await decodeTable(tables.items, await use.store.readBytes(shard.items))).findIndex(
        (row) => row.name === name,
      );
      if (at !== -1) return (await use.store.readBytes(shard.pixels)).subarray(at * size, (at + 1) * size);
    }
    throw new Error(`no ${name}`);
  }

  it('reads a folder a class, with unlabelled images and a test split', async () => {
    await use.writeImages('train/cat/1.png', 'train/cat/deep/2.png', 'train/dog/1.png', 'validation/dog/2.png');
    await use.writeImages('test/cat/9.png', 'unlabelled/a.png', 'pool/b/c.png', 'train/unlabeled/d.png', 'e.png');
    await writeTree(use.data, { 'train/cat/.hidden.png': 'x', '.DS_Store': 'x', 'read me.txt': 'x' });
    await mkdir(join(use.data, 'train', 'bird'));
    const { manifest, skipped } = await use.load();
    assert.deepEqual(manifest.classes, ['cat', 'dog']);
    assert.deepEqual(manifest.counts, { labelled: 4, pool: 4, test: 1 });
    assert.deepEqual(await labelByName(manifest, 'labelled'), {
      'train/cat/1.png': 0,
      'train/cat/deep/2.png': 0,
      'train/dog/1.png': 1,
      'validation/dog/2.png': 1,
    });
    assert.deepEqual(await labelByName(manifest, 'test'), { 'test/cat/9.png': 0 });
    assert.deepEqual(await namesOf(manifest, 'pool'), [
      'e.png',
      'pool/b/c.png',
      'train/unlabeled/d.png',
      'unlabelled/a.png',
    ]);
    assert.equal(manifest.dryRun, false);
    assert.equal(manifest.truth, null);
    assert.deepEqual(skipped, []);
    assert.deepEqual(manifest.notes.examples, [
      'no image by its name: read me.txt',
      'no image in class folder train/bird',
    ]);
  });

  it('likens a dataset to another: its classes and shape, and few labels or none', async () => {
    await use.writeImages(...cats, ...dogs, 'unlabelled/a.png');
    const { manifest: first } = await use.load({ size: 12, channels: 3 });
    await use.writeImages('next/unlabelled/1.png', 'next/unlabelled/2.png', 'next/dog/3.png');
    const next = { path: join(use.data, 'next'), like: 'set' };
    const { manifest } = await use.load({ ...next, name: 'next' });
    assert.deepEqual(manifest.classes, first.classes);
    assert.deepEqual(manifest.image, first.image);
    assert.deepEqual(manifest.counts, { labelled: 1, pool: 2, test: 0 });

    const { manifest: hidden } = await use.load({ ...next, name: 'hidden', keepLabels: 0 });
    assert.deepEqual(hidden.counts, { labelled: 0, pool: 3, test: 0 });
    assert.equal((await labelsOf(hidden.truth as Ref)).length, 1);
    assert.deepEqual(await labelsOf(hidden.labels), []);

    await use.writeImages('next/fish/1.png');
    await assert.rejects(use.load({ ...next, name: 'other' }), raises('DATASET_CLASS_UNKNOWN', 'fish'));
    await assert.rejects(use.load({ ...next, name: 'both', size: 8 }), raises('SETTINGS_INVALID', 'size', 'like'));
    const nothing = use.load({ path: join(use.data, 'next'), name: 'none', like: 'nowhere' });
    await assert.rejects(nothing, raises('DATASET_UNKNOWN', 'nowhere'));
  });

  it('turns white and black round where it is told to: pixels, not files, and what is added stays black', async () => {
    await use.writeImages(...cats, ...dogs);
    // Dark, on a white that an upright frame has left and right.
    const negative = { create: { width: 8, height: 16, channels: 3 as const, background: '#ccc' } };
    const bytes = await sharp(negative).png().toBuffer();
    await writeTree(use.data, { 'unlabelled/n.png': bytes });
    const { manifest } = await use.load({ size: 16, channels: 1, invert: true });
    assert.equal(manifest.inverted, true);
    const [cat] = cats as [string];
    const { manifest: plain } = await use.load({ size: 16, channels: 1, name: 'plain' });
    assert.equal(plain.inverted, undefined);
    const [turned, asItCame] = [await pixelsOf(manifest, 'labelled', cat), await pixelsOf(plain, 'labelled', cat)];
    assert.deepEqual(
      [...turned],
      [...asItCame].map((value) => 255 - value),
    );
    const row = [...(await pixelsOf(manifest, 'pool', 'unlabelled/n.png')).subarray(0, 16)];
    assert.deepEqual(row, [0, 0, 0, 0, ...Array<number>(8).fill(255 - 0xcc), 0, 0, 0, 0]);
    assert.deepEqual((await rowsOf(manifest, 'pool'))[0]?.id, idOf(bytes));
  });

  it('turns IDX images round too, which need no decoding', async () => {
    const pixels = noise(7, 8, 8 * 4);
    await writeTree(use.data, {
      'train-images-idx3-ubyte': idx([4, 8, 8], pixels),
      'train-labels-idx1-ubyte': idx([4], Uint8Array.of(0, 0, 1, 1)),
    });
    const { manifest } = await use.load({ invert: true });
    const name = (await rowsOf(manifest, 'labelled')).map((each) => each.name).sort()[0] as string;
    assert.deepEqual(
      [...(await pixelsOf(manifest, 'labelled', name))],
      [...pixels.subarray(0, 64)].map((value) => 255 - value),
    );
  });

  it('takes class names in any script, decomposed or not, for the same class', async () => {
    await use.writeImages(
      'train/猫/1.png',
      'train/猫/2.png',
      'train/e\u0301/1.png',
      'train/e\u0301/2.png',
      'test/\u00e9/3.png',
    );
    const { manifest } = await use.load();
    assert.deepEqual(manifest.classes, ['\u00e9', '猫']);
    assert.deepEqual(manifest.counts, { labelled: 4, pool: 0, test: 1 });
  });

  it('keeps small pixels as they are and ids by the content of the file', async () => {
    const bytes = await image(5000, { width: 20, height: 12 });
    await writeTree(use.data, { 'cat/x.png': bytes, 'cat/y.png': await image(5001, { width: 20, height: 12 }) });
    await writeTree(use.data, { 'dog/x.png': await image(5002, { width: 20, height: 12 }) });
    await writeTree(use.data, { 'dog/y.png': await image(5003, { width: 20, height: 12 }) });
    const { manifest } = await use.load();
    assert.deepEqual(manifest.image, { height: 12, width: 20, channels: 1 });
    assert.deepEqual(new Uint8Array(await pixelsOf(manifest, 'labelled', 'cat/x.png')), noise(5000, 20, 12));
    const row = (await rowsOf(manifest, 'labelled')).find(({ name }) => name === 'cat/x.png');
    assert.equal(row?.id, idOf(bytes));
  });

  it('brings images of several formats and sizes to 32x32 in colour, turned by EXIF, on black', async () => {
    const size = { width: 80, height: 40, channels: 3 as const };
    for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff'] as const)
      await writeTree(use.data, { [`cat/1.${format}`]: await image(++seed, { ...size, format }) });
    const white = { create: { width: 80, height: 40, channels: 3 as const, background: '#f00' } };
    const turned = await sharp(white).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
    const clear = { create: { width: 40, height: 40, channels: 4 as const, background: '#ffffff00' } };
    const deep = sharp(noise(++seed, 8, 8, 3), { raw: { width: 8, height: 8, channels: 3 } }).toColourspace('rgb16');
    await writeTree(use.data, {
      'dog/turned.jpg': turned,
      'dog/clear.png': await sharp(clear).png().toBuffer(),
      'dog/deep.png': await deep.png().toBuffer(),
      'dog/grey.png': await use.fresh(),
    });
    const { manifest } = await use.load();
    assert.deepEqual(manifest.image, { height: 32, width: 32, channels: 3 });
    const pixels = await pixelsOf(manifest, 'labelled', 'dog/turned.jpg');
    const at = (y: number, x: number) => [...pixels.subarray((y * 32 + x) * 3, (y * 32 + x) * 3 + 3)];
    // 80x40 turned is 40x80: red from top to bottom in the middle half, black on both sides.
    for (const y of [0, 16, 31]) {
      assert.ok((at(y, 16)[0] as number) > 240, `${y}: ${at(y, 16).join()}`);
      assert.deepEqual(at(y, 2), [0, 0, 0]);
      assert.deepEqual(at(y, 30), [0, 0, 0]);
    }
    assert.ok((await pixelsOf(manifest, 'labelled', 'dog/clear.png')).every((value) => value === 0));
    const grey = await pixelsOf(manifest, 'labelled', 'dog/grey.png');
    assert.ok(grey.some((value) => value > 0) && grey.every((value, i) => value === grey[i - (i % 3)]));
  });

  it('takes size and channels that are asked for', async () => {
    await use.writeImages(...cats, ...dogs);
    const { manifest } = await use.load({ size: 24, channels: 3 });
    assert.deepEqual(manifest.image, { height: 24, width: 24, channels: 3 });
    assert.equal(manifest.shards.labelled[0]?.pixels.bytes, 5 * 24 * 24 * 3);
    await assert.rejects(use.load({ size: 4 }), raises('SETTINGS_INVALID', 'size'));
    await assert.rejects(use.load({ name: 'Not A Name' }), raises('SETTINGS_INVALID', 'name'));
  });

  it('keeps the original files in tar archives that name them by id', async () => {
    await use.writeImages(...cats, ...dogs);
    const { manifest } = await use.load({ shardSize: 3 });
    assert.deepEqual(
      manifest.shards.labelled.map(({ index, offset, count }) => [index, offset, count]),
      [
        [0, 0, 3],
        [1, 3, 2],
      ],
    );
    const found: string[] = [];
    for (const shard of manifest.shards.labelled) {
      const reader = extract();
      reader.end(await use.store.readBytes(shard.originals as Ref));
      for await (const entry of reader) {
        const parts = [];
        for await (const part of entry as AsyncIterable<Buffer>) parts.push(part);
        assert.equal(entry.header.name, `${idOf(Buffer.concat(parts))}.png`);
        found.push(entry.header.name.slice(0, 32));
      }
    }
    assert.deepEqual(
      found,
      (await rowsOf(manifest, 'labelled')).map((row) => row.id),
    );
  });

  it('reads a CSV manifest with BOM, quotes, ids, splits and empty labels, relative to the manifest', async () => {
    await use.writeImages(
      'images/a, "b".png',
      'images/2.png',
      'images/3.png',
      'images/4.png',
      'images/5.png',
      'images/6.png',
    );
    const csv = [
      '\uFEFFID,File_Name,Label,split',
      'x1,"images/a, ""b"".png",cat,train',
      'x2, images/2.png ,cat,',
      'x3,images/3.png,"dog",',
      'x4,images/4.png,dog,val',
      'x5,images/5.png,,pool',
      '',
      'x6,images/6.png,dog,TEST',
    ];
    await writeTree(use.data, { 'list.csv': csv.join('\r\n') });
    const { manifest } = await use.load({ path: join(use.data, 'list.csv') });
    assert.equal(manifest.source.kind, 'csv');
    assert.deepEqual(await labelByName(manifest, 'labelled'), { x1: 0, x2: 0, x3: 1, x4: 1 });
    assert.deepEqual(await namesOf(manifest, 'pool'), ['x5']);
    assert.deepEqual(await labelByName(manifest, 'test'), { x6: 1 });
  });

  it('reads TSV and JSON lines, with numbers as labels in numeric order', async () => {
    await use.writeImages('1.png', '2.png', '3.png', '4.png', '5.png');
    const rows = [10, 10, 9, 9].map((label, i) => ({ image: `${i + 1}.png`, class: label, split: null }));
    const lines = [...rows, { path: '5.png' }].map((row) => JSON.stringify(row)).join('\n');
    await writeTree(use.data, { 'list.jsonl': `\uFEFF${lines}\n\n` });
    const { manifest } = await use.load({ path: join(use.data, 'list.jsonl') });
    assert.deepEqual(manifest.classes, ['9', '10']);
    assert.deepEqual(await labelByName(manifest, 'labelled'), { '1.png': 1, '2.png': 1, '3.png': 0, '4.png': 0 });
    assert.deepEqual(await namesOf(manifest, 'pool'), ['5.png']);
    await writeTree(use.data, { 'list.tsv': 'path\tlabel\n1.png\ta\n2.png\ta\n3.png\tb\n4.png\tb\n' });
    assert.equal((await use.load({ path: join(use.data, 'list.tsv'), name: 'tsv' })).manifest.counts.labelled, 4);
  });

  it('follows the metadata file of a folder', async () => {
    await use.writeImages('1.png', '2.png', '3.png', '4.png');
    await writeTree(use.data, { 'metadata.csv': 'file_name,label\n1.png,a\n2.png,a\n3.png,b\n4.png,b\n' });
    assert.deepEqual((await use.load()).manifest.classes, ['a', 'b']);
  });

  it('reads IDX files, plain and gzipped, and takes t10k as the test split', async () => {
    const pixels = Buffer.concat(Array.from({ length: 6 }, (_, i) => noise(9000 + i, 10, 10)));
    await writeTree(use.data, {
      'train-images-idx3-ubyte': idx([6, 10, 10], pixels),
      'train-labels-idx1-ubyte': idx([6], Buffer.from([0, 1, 0, 1, 7, 7])),
      't10k-images-idx3-ubyte.gz': gzipSync(idx([1, 10, 10], noise(9100, 10, 10))),
      't10k-labels-idx1-ubyte.gz': gzipSync(idx([1], Buffer.from([7]))),
    });
    const { manifest } = await use.load();
    assert.equal(manifest.source.kind, 'idx');
    assert.deepEqual(manifest.classes, ['0', '1', '7']);
    assert.deepEqual(manifest.image, { height: 10, width: 10, channels: 1 });
    assert.deepEqual(manifest.counts, { labelled: 6, pool: 0, test: 1 });
    assert.equal(manifest.shards.labelled[0]?.originals, null);
    assert.deepEqual(new Uint8Array(await pixelsOf(manifest, 'labelled', 'train/3')), noise(9003, 10, 10));
    assert.equal((await rowsOf(manifest, 'test'))[0]?.id, idOf(noise(9100, 10, 10)));
    assert.equal((await labelByName(manifest, 'labelled'))['train/4'], 2);
    assert.deepEqual((await use.load({ size: 16, channels: 3, name: 'big' })).manifest.image, {
      height: 16,
      width: 16,
      channels: 3,
    });
  });

  it('says which IDX file is short, and by how much', async () => {
    const images = idx([3, 10, 10], noise(1, 10, 20));
    const labels = idx([3], Buffer.from([0, 1, 0]));
    await writeTree(use.data, { 'train-images-idx3-ubyte': images, 'train-labels-idx1-ubyte': labels });
    await assert.rejects(use.load(), raises('DATASET_INVALID', 'train-images-idx3-ubyte', 'image 2 of 3'));
    await writeTree(use.data, { 'train-labels-idx1-ubyte': idx([4], Buffer.from([0, 1, 0, 1])) });
    await assert.rejects(use.load(), raises('DATASET_INVALID', 'train-labels-idx1-ubyte', '4 labels for the 3 images'));
  });

  it('keeps an image that comes twice once, and counts it', async () => {
    await use.writeImages(...cats, ...dogs);
    const twice = await use.fresh();
    await writeTree(use.data, { 'cat/8.png': twice, 'cat/9.png': twice, 'pool/7.png': twice });
    const { manifest } = await use.load();
    assert.deepEqual(manifest.counts, { labelled: 6, pool: 0, test: 0 });
    assert.equal(manifest.notes.duplicates, 2);
    assert.deepEqual(manifest.notes.examples, [
      'cat/9.png has the content of cat/8.png',
      'pool/7.png has the content of cat/8.png',
    ]);
  });

  it('leaves a test image out of training and the pool, and says so', async () => {
    const [first, second] = [await use.fresh(), await use.fresh()];
    await use.writeImages('train/cat/1.png', 'train/cat/2.png', 'train/dog/1.png', 'train/dog/2.png');
    await writeTree(use.data, { 'train/cat/9.png': first, 'test/cat/1.png': first });
    await writeTree(use.data, { 'unlabelled/9.png': second, 'test/dog/2.png': second });
    const { manifest } = await use.load();
    assert.deepEqual(manifest.counts, { labelled: 4, pool: 0, test: 2 });
    assert.equal(manifest.notes.testOverlap, 2);
    assert.ok(manifest.notes.examples.some((text) => /train\/cat\/9.png .*test\/cat\/1.png/.test(text)));
  });

  it('names both images where one content has two labels', async () => {
    const same = await use.fresh();
    await use.writeImages(...cats, ...dogs);
    await writeTree(use.data, { 'cat/9.png': same, 'dog/8.png': same });
    await assert.rejects(use.load(), raises('DATASET_LABEL_CONFLICT', 'cat/9.png', 'dog/8.png', "'cat'", "'dog'"));
    const { manifest, skipped } = await use.load({ skipBad: true });
    assert.equal(manifest.counts.labelled, 5);
    assert.deepEqual(skipped.map(({ file }) => file.slice(use.data.length + 1)).sort(), ['cat/9.png', 'dog/8.png']);
  });

  it('hides labels for a dry run, balanced and by seed, as the truth of the pool', async () => {
    for (let i = 0; i < 12; i++)
      await use.writeImages(`cat/${i}.png`, `dog/${i}.png`, ...(i < 3 ? [`owl/${i}.png`] : []));
    await use.writeImages('unlabelled/x.png');
    const { manifest, ref } = await use.load({ keepLabels: 11, seed: 7 });
    assert.deepEqual(manifest.counts, { labelled: 11, pool: 17, test: 0 });
    assert.equal(manifest.dryRun, true);
    const labels = Object.values(await labelByName(manifest, 'labelled'));
    const counts = [0, 1, 2].map((label) => labels.filter((each) => each === label).length);
    assert.deepEqual(counts, [4, 4, 3]);
    const truth = new Map((await labelsOf(manifest.truth as Ref)).map(({ id, label }) => [id, label]));
    assert.equal(truth.size, 16);
    for (const { id, name } of await rowsOf(manifest, 'pool'))
      assert.equal(truth.get(id), name.startsWith('cat') ? 0 : name.startsWith('dog') ? 1 : undefined);
    const again = await use.load({ keepLabels: 11, seed: 7 });
    assert.deepEqual(again.ref, ref);
    const other = await use.load({ keepLabels: 11, seed: 8, name: 'other' });
    assert.notDeepEqual(await rowsOf(other.manifest, 'labelled'), await rowsOf(manifest, 'labelled'));
    await assert.rejects(use.load({ keepLabels: 27 }), raises('DATASET_INVALID', '27'));
    await assert.rejects(use.load({ keepLabels: 4 }), raises('DATASET_INVALID', 'keep more labels'));
    const random = await use.load({ keepLabels: 26, keep: 'random', name: 'random' });
    assert.equal(random.manifest.counts.labelled, 26);
  });

  it('bounds the pool to a seeded choice, and the truth to the pool', async () => {
    for (let i = 0; i < 10; i++) await use.writeImages(`cat/${i}.png`, `dog/${i}.png`);
    const { manifest } = await use.load({ keepLabels: 4, pool: 5 });
    assert.deepEqual(manifest.counts, { labelled: 4, pool: 5, test: 0 });
    const truth = (await labelsOf(manifest.truth as Ref)).map(({ id }) => id).sort();
    assert.deepEqual(truth, (await rowsOf(manifest, 'pool')).map(({ id }) => id).sort());
  });

  it('takes the same content under the same name again, wherever it is, and refuses other content', async () => {
    await use.writeImages(...cats, ...dogs);
    const first = await use.load();
    const copy = join(use.folder, 'copy', 'data');
    for (const path of [...cats, ...dogs]) await writeTree(copy, { [path]: await readFile(join(use.data, path)) });
    assert.deepEqual((await use.load({ path: copy })).ref, first.ref);
    await use.writeImages('cat/new.png');
    await assert.rejects(use.load(), raises('DATASET_EXISTS', "'set'"));
    assert.deepEqual(await readDataset(use.store, 'set'), { ref: first.ref, manifest: first.manifest });
    await use.load({ name: 'another' });
    assert.deepEqual(
      (await listDatasets(use.store)).map(({ name }) => name),
      ['another', 'set'],
    );
    await assert.rejects(readDataset(use.store, 'no'), raises('DATASET_UNKNOWN', "'no'", 'another, set'));
  });

  it('tells how far it is, and stops when it is cancelled, with nothing imported', async () => {
    await use.writeImages(...cats, ...dogs);
    const seen: string[] = [];
    await use.load({ onProgress: ({ phase, done, total }) => seen.push(`${phase} ${done}/${total}`) });
    for (const line of ['survey 5/null', 'read 5/5', 'store 5/5']) assert.ok(seen.includes(line), seen.join());
    const controller = new AbortController();
    const onProgress = ({ phase }: { phase: string }) => phase === 'read' && controller.abort();
    await assert.rejects(use.load({ name: 'other', onProgress, signal: controller.signal }), raises('CANCELLED'));
    assert.equal((await listDatasets(use.store)).length, 1);
    assert.deepEqual(await readdir(join(use.folder, 'cache', 'tmp')), []);
  });
});
