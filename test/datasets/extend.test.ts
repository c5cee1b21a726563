import assert from 'node:assert/strict';
import { open } from '../../src/activities/open.js';
import { extendDataset, listDatasets, readDataset } from '../../src/datasets/index.js';
import { decodeTable, tables } from '../../src/store/index.js';
import { cats, dogs, importFixture, raises } from '../support/import-fixture.js';

describe('a dataset with more classes or answers', function () {
  this.timeout(30_000);
  const use = importFixture();
  const pool = ['unlabelled/a.png', 'unlabelled/b.png', 'unlabelled/c.png', 'unlabelled/d.png'];

  async function imported() {
    await use.writeImages(...cats, ...dogs, ...pool);
    const base = await use.load({ shardSize: 2 });
    const items = [];
    for (const shard of base.manifest.shards.pool)
      items.push(...(await decodeTable(tables.items, await use.store.readBytes(shard.items))));
    return { base, ids: items.map(({ id }) => id) as [string, string, string, string] };
  }

  it('refers to the same images, keeps the numbers of the classes and leaves the old dataset alone', async () => {
    const { base } = await imported();
    const { manifest } = await extendDataset(use.store, base, { classes: [' bird '] });
    assert.deepEqual(manifest, {
      ...base.manifest,
      ...{ name: 'set-2', classes: ['cat', 'dog', 'bird'], extends: base.ref },
    });
    assert.deepEqual(await readDataset(use.store, 'set'), { ref: base.ref, manifest: base.manifest });
    assert.deepEqual((await listDatasets(use.store)).map(({ name }) => name).sort(), ['set', 'set-2']);
  });

  it('is the same one for the same extension, the next number for another', async () => {
    const { base } = await imported();
    const nameOf = async (...classes: string[]) => (await extendDataset(use.store, base, { classes })).manifest.name;
    assert.equal(await nameOf('bird'), 'set-2');
    assert.equal(await nameOf('fish'), 'set-3');
    assert.equal(await nameOf('bird'), 'set-2');
    const next = await extendDataset(use.store, await readDataset(use.store, 'set-2'), { classes: ['fish'] });
    assert.equal(next.manifest.name, 'set-4');
    assert.deepEqual(next.manifest.classes, ['cat', 'dog', 'bird', 'fish']);
  });

  it("adds people's answers to those of before; the later one counts", async () => {
    const { base, ids } = await imported();
    const [a, b, c] = ids;
    const first = await extendDataset(use.store, base, {
      classes: ['bird'],
      answers: [
        { id: a, label: 2 },
        { id: b, label: 0 },
      ],
    });
    const second = await extendDataset(use.store, first, {
      classes: [],
      answers: [
        { id: b, label: 1 },
        { id: c, label: 2 },
      ],
      as: 'more',
    });
    assert.equal(second.manifest.name, 'more');
    const rows = await decodeTable(tables.answers, await use.store.readBytes(second.manifest.answers!));
    assert.deepEqual(new Map(rows.map(({ id, label }) => [id, label])), new Map([[a, 2], [b, 1], [c, 2]])); // prettier-ignore
  });

  it('refuses a class that is there, an image that the pool has not, and nothing', async () => {
    const { base } = await imported();
    const extend = (extension: Parameters<typeof extendDataset>[2]) => extendDataset(use.store, base, extension);
    await assert.rejects(extend({ classes: ['dog'] }), raises('SETTINGS_INVALID', "'dog'", 'cat, dog'));
    await assert.rejects(extend({ classes: ['bird', 'bird'] }), raises('SETTINGS_INVALID', "'bird'"));
    await assert.rejects(extend({ classes: [' '] }), raises('SETTINGS_INVALID', "''"));
    await assert.rejects(extend({ classes: [] }), raises('SETTINGS_INVALID', "nothing is added to 'set'"));
    const answers = [{ id: 'f'.repeat(32), label: 0 }];
    await assert.rejects(extend({ classes: [], answers }), raises('SETTINGS_INVALID', 'no image', 'f'.repeat(32)));
    await assert.rejects(extend({ classes: ['bird'], as: 'set' }), raises('DATASET_EXISTS', "'set'"));
    assert.equal((await listDatasets(use.store)).length, 1);
  });

  it('lets a run begin with the answers as labels of people, and with nothing else', async () => {
    const { base, ids } = await imported();
    const [a, , c] = ids;
    assert.equal((await open({ settings: { dataset: 'set' } }, use.store)).labels, undefined);
    const answers = [
      { id: c, label: 2 },
      { id: a, label: 0 },
    ];
    await extendDataset(use.store, base, { classes: ['bird'], answers });
    const opened = await open({ settings: { dataset: 'set-2' } }, use.store);
    const again = await open({ settings: { dataset: 'set-2', seed: 5 } }, use.store);
    assert.deepEqual(opened.labels, again.labels);
    const rows = await decodeTable(tables.labels, await use.store.readBytes(opened.labels!));
    assert.deepEqual(
      rows.map((row) => row.id),
      ids,
    );
    const said = ({ status, change, source, label, class: name }: (typeof rows)[number]) =>
      [status, change, source, label, name].join(' ').trim();
    assert.deepEqual(rows.map(said), [
      'accepted accept human 0 cat',
      'open none  -1',
      'accepted accept human 2 bird',
      'open none  -1',
    ]);
  });
});
