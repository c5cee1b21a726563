import assert from 'node:assert/strict';
import { nearDuplicates, suspects } from '../../src/client/look.js';
import { clustersFile } from '../../src/contracts/stages.js';
import { drawSuspects } from '../../src/report/suspects.js';
import { encodeTable, tables } from '../../src/store/index.js';
import { World } from '../activities/clusters/world.js';
import type { Looked } from '../../src/client/look.js';

describe('what to look at', function () {
  this.timeout(120_000);
  let world: World;
  let looked: Looked;
  let wrong: string;

  before(async function () {
    const started = await World.start();
    if (!started) return this.skip(); // stages are nothing without a store: LABELLOOP_TEST_MINIO names one
    world = started;
    wrong = (await world.ids('labelled'))[7] as string;
    const { output } = await world.run(async () =>
      world.stages.cluster({
        ...{ dataset: await world.relabelled(new Map([[wrong, (world.truthOf(wrong) + 1) % 10]])), split: world.split },
        ...{ pool: await world.posteriors('pool'), labelled: await world.posteriors('labelled'), clustersPerClass: 2 },
        ...{ seed: 1, round: 1, salt: '' },
      }),
    );
    looked = { run: 'r', manifest: world.manifest, clusters: output.clusters };
  });
  after(() => world?.stop());

  it('lists denied labels by their classes, and draws them from the split that they are in', async () => {
    const { store } = world.deps;
    const [only, ...others] = await suspects(store, looked);
    const truth = world.truthOf(wrong);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [only?.id, only?.label, only?.predicted, only?.clusterLabel],
      [wrong, String((truth + 1) % 10), String(truth), String(truth)],
    );
    const pictures = await drawSuspects({ store, suspects: () => suspects(store, looked) }, 'r', world.manifest);
    assert.equal(pictures.length, 1);
    assert.equal(pictures[0]?.label, String((truth + 1) % 10));
    assert.match(pictures[0]?.note ?? '', new RegExp(`^model ${truth} .* group ${truth} `));
    assert.deepEqual([...(pictures[0]?.png ?? [])].slice(1, 4), [...Buffer.from('PNG')]);
  });

  it('lists near-duplicates by their names, a group after the other', async () => {
    const { store } = world.deps;
    const ids = await world.ids('pool');
    const rows = [
      { id: ids[250] as string, group: 1, distance: 0.25 },
      { id: ids[3] as string, group: 0, distance: 0.5 },
      { id: ids[4] as string, group: 0, distance: 0.5 },
    ];
    const duplicates = await store.putBytes('duplicates/1', encodeTable(tables.duplicates, rows));
    const file = await store.readJson(looked.clusters, clustersFile);
    const clusters = await store.putJson('clusters/2', { ...file, duplicates });
    const listed = await nearDuplicates(store, { ...looked, clusters });
    assert.deepEqual(
      listed.map(({ group, id, distance }) => ({ id, group, distance })),
      [rows[1], rows[2], rows[0]],
    );
    assert.ok(listed.every(({ name }) => name !== ''));
  });

  it('says what to do about a run of a release that had no such lists', async () => {
    const old = { ...looked, clusters: { ...looked.clusters, kind: 'clusters/1' as const } };
    await assert.rejects(suspects(world.deps.store, old), { code: 'RUN_NO_RESULTS' });
  });
});
