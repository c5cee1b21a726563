import assert from 'node:assert/strict';
import { novelAnswers, novelClusters } from '../../src/client/novel.js';
import type { NovelSource } from '../../src/client/novel.js';
import { encodeSafetensors } from '../../src/contracts/safetensors.js';
import type { RoundRecord } from '../../src/contracts/stages.js';
import { decodeTable, encodeTable, tables } from '../../src/store/index.js';
import { labelRow } from '../cli/fixtures.js';
import { importFixture, raises } from '../support/import-fixture.js';
import { ref } from '../workflows/script.js';

/** Two known clusters, at 0 and 90 degrees, and one at 45 that nobody labelled; four labelled images. */
describe('clusters of a run that may be new', function () {
  this.timeout(60_000);
  const fixture = importFixture();
  const SIZES = [12, 12, 11];
  const DEGREES = [0, 90, 45, 65];

  const scored = { posteriors: ref('posteriors/2', 1), count: 4, passes: 120 };
  const features = (degrees: readonly number[]) =>
    fixture.store.putBytes(
      'features/1',
      encodeSafetensors({
        features: {
          ...{ dtype: 'F32', shape: [degrees.length, 2] },
          data: Float32Array.from(degrees.flatMap((d) => [3 * Math.cos((d * Math.PI) / 180), 3 * Math.sin((d * Math.PI) / 180)])), // prettier-ignore
        },
      }),
    );

  /** What a round leaves: the pool's images in order, cluster after cluster, each a hundredth of a degree further out. */
  async function source(
    human: Record<number, number> = {},
    { sizes = SIZES, open = [] }: { sizes?: number[]; open?: number[] } = {},
  ): Promise<NovelSource & { ids: string[] }> {
    const pool = Array.from(
      { length: sizes.reduce((sum, size) => sum + size, 0) },
      (_, i) => `unlabelled/${String(i).padStart(2, '0')}.png`,
    );
    await fixture.writeImages('cat/1.png', 'cat/2.png', 'dog/1.png', 'dog/2.png', ...pool);
    const { ref: dataset, manifest } = await fixture.load({ shardSize: 16 });
    const { store } = fixture;
    const items = [];
    for (const shard of manifest.shards.pool)
      items.push(...(await decodeTable(tables.items, await store.readBytes(shard.items))));
    const ids = items.map(({ id }) => id);
    const cluster = sizes.flatMap((size, c) => new Array<number>(size).fill(c));
    const rank = sizes.flatMap((size) => Array.from({ length: size }, (_, i) => i));
    const degrees = cluster.map((c, i) => (DEGREES[c] as number) + (rank[i] as number) / 100);
    const sets = [];
    for (const { offset, count } of manifest.shards.pool)
      sets.push({
        ...scored,
        features: await features(degrees.slice(offset, offset + count)),
      });
    const set = (shards: object[]) => store.putJson('posterior-set/1', { format: 'labelloop.posterior-set/1', shards });
    const assigned = ids.map((id, i) => ({
      ...{ id, cluster: cluster[i] as number, outlier: false },
      distance: 0.01 * (rank[i] as number),
    }));
    const clusters = await store.putJson('clusters/2', {
      ...{ format: 'labelloop.clusters/2', centroids: ref('features/1', 1), criterion: [] },
      clusters: sizes.map((size) => ({ size, radius: 1, spread: 0, label: -1, probability: 0, labelled: 0 })),
      assignments: await store.putBytes('assignments/1', encodeTable(tables.assignments, assigned)),
      ...{ duplicates: ref('duplicates/1', 1), suspects: ref('suspects/1', 1) },
    });
    const rows = ids.map((id, i) => {
      const label = human[i];
      if (open.includes(i)) return { ...labelRow(id), status: 'open' as const, label: -1, source: '' as const };
      return label === undefined ? labelRow(id) : { ...labelRow(id), label, source: 'human' as const };
    });
    const record = {
      ...{ round: 2, clusters, pool: await set(sets) },
      labelled: await set([{ ...scored, features: await features([0, 2, 88, 90]) }]),
    } as RoundRecord;
    const labels = await store.putBytes('labels/2', encodeTable(tables.labels, rows));
    return { run: 'set-1', dataset, manifest, record, labels, ids };
  }

  it('are those far from every labelled image, with their most central images first', async () => {
    const found = await source();
    const view = await novelClusters(fixture.store, found, 3);
    assert.deepEqual(
      view.candidates.map(({ cluster, size, far }) => ({ cluster, size, far })),
      [{ cluster: 2, size: 11, far: 1 }],
    );
    assert.deepEqual([view.clusters, view.known, view.round], [3, 4, 2]);
    // Each labelled image has another one 2 degrees away.
    assert.ok(Math.abs(view.reach - 2 * Math.sin(Math.PI / 180)) < 1e-6);
    const [candidate] = view.candidates;
    assert.deepEqual(candidate?.images.map(({ position }) => position), [24, 25, 26]); // prettier-ignore
    assert.deepEqual(candidate?.images.map(({ id }) => id), found.ids.slice(24, 27)); // prettier-ignore
    assert.match(candidate?.images[0]?.name ?? '', /^unlabelled\/\d\d\.png$/);
  });

  it('come in the order of what the run left without a label, and not of their sizes', async () => {
    const found = await source({}, { sizes: [...SIZES, 14], open: [24, 25, 26, 36] });
    const view = await novelClusters(fixture.store, found, 1);
    assert.deepEqual(
      view.candidates.map(({ cluster, size, open }) => ({ cluster, size, open })),
      [
        { cluster: 2, size: 11, open: 3 },
        { cluster: 3, size: 14, open: 1 },
      ],
    );
  });

  it('are not new any more once people labelled images of them', async () => {
    const view = await novelClusters(fixture.store, await source({ 24: 1, 34: 1 }), 3);
    assert.deepEqual([view.candidates, view.known], [[], 6]);
  });

  it('are not new where the run that an adapting one comes from knows them', async () => {
    const found = await source();
    const known = { ...scored, features: await features([45, 45.05, 45.1]) };
    const sourceLabelled = await fixture.store.putJson('posterior-set/1', {
      ...{ format: 'labelloop.posterior-set/1', shards: [known] },
    });
    const view = await novelClusters(fixture.store, { ...found, record: { ...found.record, sourceLabelled } }, 3);
    assert.deepEqual([view.candidates, view.known], [[], 7]);
  });

  it('are not new once people said so to questions that are still open', async () => {
    const found = await source();
    const said = new Map([24, 34].map((i) => [found.ids[i] as string, 1] as const));
    const view = await novelClusters(fixture.store, { ...found, said }, 3);
    assert.deepEqual([view.candidates, view.known], [[], 6]);
  });

  it('become answers by name, less what the person leaves out, with what people said before', async () => {
    const found = await source({ 3: 0 });
    const { ids } = found;
    const name = (not: string[]) =>
      novelAnswers(fixture.store, found, [{ cluster: 2, name: 'bird' }], { images: 4, not });
    const said = await name([(ids[25] as string).slice(0, 8)]);
    assert.deepEqual(said.taken[0]?.images.map(({ id }) => id), [ids[24], ids[26], ids[27]]); // prettier-ignore
    assert.deepEqual(said.before, [{ id: ids[3], label: 0 }]);
    assert.deepEqual(said.dataset, found.dataset);
    await assert.rejects(name([ids[0] as string]), raises('USAGE', ids[0] as string, '4 most central'));
    await assert.rejects(name(ids.slice(24, 28)), raises('USAGE', 'No image of cluster 2'));
    await assert.rejects(
      novelAnswers(fixture.store, found, [{ cluster: 3, name: 'bird' }], { images: 4 }),
      raises('USAGE', 'no cluster 3', '0 to 2'),
    );
  });

  it('are not told in a round of a release that did not keep the latents of labelled images', async () => {
    const found = await source();
    await assert.rejects(
      novelClusters(fixture.store, { ...found, record: { ...found.record, labelled: null } }, 3),
      raises('RUN_NO_RESULTS', "'set-1'", 'Start it again'),
    );
  });
});
