import assert from 'node:assert/strict';
import { clustersFile, splitFile } from '../../../src/contracts/stages.js';
import type { ClusterInput, ClusterOutput, ClustersFile } from '../../../src/contracts/stages.js';
import type { AssignmentRow, SuspectRow } from '../../../src/contracts/tables.js';
import { decodeTable, tables } from '../../../src/store/index.js';
import { World } from './world.js';

describe('cluster', function () {
  this.timeout(120_000);
  let world: World;
  let input: ClusterInput;

  before(async function () {
    const started = await World.start();
    if (!started) return this.skip(); // stages are nothing without a store: LABELLOOP_TEST_MINIO names one
    world = started;
    input = {
      ...{ dataset: world.dataset, pool: await world.posteriors('pool'), clustersPerClass: 2 },
      ...{ seed: 1, round: 1, salt: '' },
    };
  });
  after(() => world?.stop());

  const clustered = async (
    other: Partial<ClusterInput> = {},
  ): Promise<{ output: ClusterOutput; file: ClustersFile; suspects: SuspectRow[]; rows: AssignmentRow[] }> => {
    const { output } = await world.run(() => world.stages.cluster({ ...input, ...other }));
    const { store } = world.deps;
    const file = await store.readJson(output.clusters, clustersFile);
    const suspects = await decodeTable(tables.suspects, await store.readBytes(file.suspects));
    const rows = await decodeTable(tables.assignments, await store.readBytes(file.assignments));
    return { output, file, suspects, rows };
  };

  it('labels the clusters by the teacher alone where nobody labelled, with its size and spread', async () => {
    const { output, file, suspects, rows } = await clustered();
    assert.equal(file.clusters.length, 20);
    const ids = await world.ids('pool');
    assert.deepEqual(
      rows.map(({ id }) => id),
      ids,
    );
    file.clusters.forEach(({ size, label, labelled, spread, radius }, c) => {
      const members = rows.filter(({ cluster }) => cluster === c);
      assert.equal(size, members.length);
      assert.equal(labelled, 0);
      const square = members.reduce((sum, { distance }) => sum + distance ** 2, 0) / members.length;
      assert.ok(Math.abs(spread - Math.sqrt(square)) < 1e-6 && spread < radius);
      if (label >= 0) assert.ok(members.every(({ id }) => world.truthOf(id) === label));
    });
    const open = file.clusters.filter(({ label }) => label < 0).length;
    assert.ok(open < 10, `${open} of 20 are open`);
    assert.deepEqual(suspects, []);
    assert.deepEqual(output.counts, {
      ...{ clusters: 20, mixed: open, duplicates: 0, suspects: 0 },
      outliers: rows.filter(({ outlier }) => outlier).length,
    });
  });

  it('counts labelled images, and answers of people in the pool', async () => {
    const of = { labelled: await world.posteriors('labelled'), split: world.split };
    const { file, rows, output } = await clustered(of);
    const inside = file.clusters.reduce((sum, { labelled }) => sum + labelled, 0);
    assert.ok(inside > 90 && inside <= 100, `${inside} of 100 labelled images are no outliers`);
    assert.equal(output.counts.mixed, 0, 'people and teacher together label all');

    const asked = rows.filter(({ outlier }) => !outlier).slice(0, 30);
    const answers = new Map(asked.map(({ id }) => [id, world.truthOf(id)]));
    const answered = (await clustered({ ...of, labels: await world.labels(answers) })).file;
    asked.forEach(({ cluster }) => assert.equal(answered.clusters[cluster]?.label, file.clusters[cluster]?.label));
    const more = answered.clusters.reduce((sum, { labelled }) => sum + labelled, 0);
    assert.equal(more, inside + 30);
  });

  it('lists labels that cluster and model deny, of labelled images and of answers, and changes none', async () => {
    const labelledIds = await world.ids('labelled');
    const wrong = new Map(
      [3, 40, 77].map((i) => labelledIds[i] as string).map((id) => [id, (world.truthOf(id) + 1) % 10]),
    );
    const answered = (await world.ids('pool'))[11] as string;
    const { suspects, output, file } = await clustered({
      ...{ dataset: await world.relabelled(wrong), labelled: await world.posteriors('labelled'), split: world.split },
      labels: await world.labels(new Map([[answered, (world.truthOf(answered) + 5) % 10]])),
    });
    assert.deepEqual(suspects.map(({ id }) => id).sort(), [...wrong.keys(), answered].sort());
    assert.equal(output.counts.suspects, 4);
    for (const { id, label, predicted, cluster_label, cluster_probability, cluster } of suspects) {
      assert.equal(label, wrong.get(id) ?? (world.truthOf(id) + 5) % 10, 'what people said, as they said it');
      assert.equal(predicted, world.truthOf(id));
      assert.equal(cluster_label, world.truthOf(id));
      assert.ok(cluster_probability > 0.66);
      assert.notEqual(file.clusters[cluster]?.label, label);
    }
  });

  it('images that calibrate do not label clusters, but testify about other labels', async () => {
    const of = { labelled: await world.posteriors('labelled'), split: world.split };
    const { calibration } = await world.deps.store.readJson(world.split, splitFile);
    const ids = await world.ids('labelled');
    // All that calibrates is labelled wrong: were it to label clusters, some would be another class or mixed.
    const wrong = new Map(calibration.map((i) => ids[i] as string).map((id) => [id, (world.truthOf(id) + 1) % 10]));
    const { file } = await clustered({ ...of, dataset: await world.relabelled(wrong) });
    const right = (await clustered(of)).file;
    assert.deepEqual(file.clusters, right.clusters);
    const shown = (await clustered({ ...of, dataset: await world.relabelled(new Map([...wrong].slice(0, 2))) }))
      .suspects;
    assert.equal(shown.length, 2);
  });

  it('finds how many clusters there are, and images that look alike wherever they lie', async () => {
    const ids = await world.ids('pool');
    const [first, second, third, other] = [ids[5], ids[150], ids[399], ids[20]] as [string, string, string, string];
    const alike = new Map([
      [second, first],
      [third, first],
      [other, ids[21] as string],
    ]);
    const { file, output } = await clustered({
      ...{ pool: await world.posteriors('pool', alike), clustersPerClass: 'auto' },
    });
    assert.ok(file.criterion.length >= 1);
    assert.ok(file.criterion.some(({ k }) => k === file.clusters.length));
    assert.equal(output.counts.clusters, file.clusters.length);
    const rows = await decodeTable(tables.duplicates, await world.deps.store.readBytes(file.duplicates));
    assert.deepEqual(
      rows.map(({ id, group }) => [id, group]),
      [
        [first, 0],
        [other, 1],
        [ids[21], 1],
        [second, 0],
        [third, 0],
      ],
    );
    assert.ok(rows.every(({ distance }) => distance === 0));
    assert.equal(output.counts.duplicates, 3, 'one of each group is no duplicate');
  });
});
