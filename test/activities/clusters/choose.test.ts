import assert from 'node:assert/strict';
import { questionsFile } from '../../../src/contracts/audit-stages.js';
import { clustersFile } from '../../../src/contracts/stages.js';
import type { ChooseInput, ClustersFile } from '../../../src/contracts/stages.js';
import type { AssignmentRow } from '../../../src/contracts/tables.js';
import { decodeTable, encodeTable, tables } from '../../../src/store/index.js';
import { World } from './world.js';

describe('choose', function () {
  this.timeout(120_000);
  let world: World;
  let input: ChooseInput;
  let file: ClustersFile;
  let rows: AssignmentRow[];

  before(async function () {
    const started = await World.start();
    if (!started) return this.skip(); // stages are nothing without a store: LABELLOOP_TEST_MINIO names one
    world = started;
    const of = { dataset: world.dataset, pool: await world.posteriors('pool'), seed: 1, round: 1, salt: '' };
    const { output } = await world.run(() => world.stages.cluster({ ...of, clustersPerClass: 2 }));
    const { store } = world.deps;
    file = await store.readJson(output.clusters, clustersFile);
    rows = await decodeTable(tables.assignments, await store.readBytes(file.assignments));
    input = { ...of, clusters: output.clusters, labels: null, limit: 20 };
  });
  after(() => world?.stop());

  const asked = async (other: Partial<ChooseInput> = {}): Promise<{ id: string; position: number }[]> => {
    const { output } = await world.run(() => world.stages.choose({ ...input, ...other }));
    return (await world.deps.store.readJson(output.questions, questionsFile)).images;
  };
  const clustersOf = (images: { position: number }[]): number[] =>
    images.map(({ position }) => (rows[position] as AssignmentRow).cluster);

  it('asks about images of the pool, each open cluster before a second question in any other', async () => {
    const images = await asked();
    assert.equal(images.length, 20);
    images.forEach(({ id, position }) => assert.equal(rows[position]?.id, id));
    const open = file.clusters.flatMap(({ label }, c) => (label < 0 ? [c] : []));
    assert.deepEqual(clustersOf(images.slice(0, open.length)).sort(), [...open].sort());
    for (const { position } of images) assert.equal(rows[position]?.outlier, false);
    assert.deepEqual(await asked({ limit: 5 }), images.slice(0, 5));
  });

  it('leaves out what people answered, and images that look like it', async () => {
    const [first, second] = await asked();
    assert.ok(first && second);
    const { store } = world.deps;
    const alike = [first, second].map(({ id }) => ({ id, group: 0, distance: 0.001 }));
    const duplicates = await store.putBytes('duplicates/1', encodeTable(tables.duplicates, alike));
    const clusters = await store.putJson('clusters/2', { ...file, duplicates });
    const one = (await asked({ clusters })).map(({ id }) => id);
    assert.ok(one.includes(first.id) && !one.includes(second.id), 'one of the two');
    const labels = await world.labels(new Map([[first.id, world.truthOf(first.id)]]));
    const none = (await asked({ clusters, labels })).map(({ id }) => id);
    assert.ok(!none.includes(first.id) && !none.includes(second.id));
  });

  it('has no question once every image has a label', async () => {
    const labels = await world.labels(new Map((await world.ids('pool')).map((id) => [id, 0])));
    assert.deepEqual(await asked({ labels }), []);
  });
});
