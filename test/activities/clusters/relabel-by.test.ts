import assert from 'node:assert/strict';
import { clustersFile } from '../../../src/contracts/stages.js';
import type { ClustersFile, CutoffFile, RelabelInput } from '../../../src/contracts/stages.js';
import type { LabelRow } from '../../../src/contracts/tables.js';
import { decodeTable, tables } from '../../../src/store/index.js';
import { World } from './world.js';

const noReliability = { ece: 0, nll: 0, bins: [] };

describe('relabel by clusters', function () {
  this.timeout(120_000);
  let world: World;
  let file: ClustersFile;
  let input: Omit<RelabelInput, 'cutoff'>;

  before(async function () {
    const started = await World.start();
    if (!started) return this.skip(); // stages are nothing without a store: LABELLOOP_TEST_MINIO names one
    world = started;
    const pool = await world.posteriors('pool');
    const of = { dataset: world.dataset, pool, salt: '' };
    const labelled = { labelled: await world.posteriors('labelled'), split: world.split };
    const { output } = await world.run(() =>
      world.stages.cluster({ ...of, ...labelled, clustersPerClass: 2, seed: 1, round: 1 }),
    );
    const { store } = world.deps;
    const found = await store.readJson(output.clusters, clustersFile);
    // The first cluster is made one of another class, the second is opened: neither is what the model says.
    file = {
      ...found,
      clusters: found.clusters.map((each, c) =>
        c === 0 ? { ...each, label: (each.label + 1) % 10 } : c === 1 ? { ...each, label: -1 } : each,
      ),
    };
    const clusters = await store.putJson('clusters/2', file);
    const model = await store.putBytes('model/2', Buffer.from('a model'));
    input = { ...of, clusters, model, previous: null, tenure: 'revocable', round: 1 };
  });
  after(() => world?.stop());

  const labelsBy = async (by: RelabelInput['by'], top: number | null = null): Promise<LabelRow[]> => {
    const cutoff: CutoffFile = {
      ...{ format: 'labelloop.cutoff/2', score: 'predictive-entropy', rule: top === null ? 'target-error' : 'top-n' },
      ...{ values: new Array<number>(10).fill(0.1), classwise: false, top },
      scaling: {
        ...{ method: 'none', scale: new Array<number>(10).fill(1), bias: new Array<number>(10).fill(0) },
        ...{ before: noReliability, after: noReliability },
      },
      estimate: { grade: 'C', accepted: 1, errors: 0, error: 0.25, upper: 1, coverage: 1 },
    };
    const { store } = world.deps;
    const asked = { ...input, cutoff: await store.putJson('cutoff/2', cutoff), ...(by ? { by } : {}) };
    const { output } = await world.run(() => world.stages.relabel(asked));
    return decodeTable(tables.labels, await store.readBytes(output.labels));
  };

  it('labels every image of a labelled cluster but outliers', async () => {
    const rows = await labelsBy('clusters');
    for (const row of rows) {
      const label = file.clusters[row.cluster]?.label as number;
      if (row.status === 'outlier') continue;
      assert.deepEqual(
        [row.status, row.label, row.source],
        label < 0 ? ['open', -1, ''] : ['accepted', label, 'model'],
      );
      assert.equal(row.predicted, world.truthOf(row.id));
    }
    assert.ok(rows.filter(({ status }) => status === 'accepted').length > 300);
  });

  it('on agreement labels what the model alone would, less the clusters that say otherwise', async () => {
    const [alone, agreed] = [await labelsBy(undefined), await labelsBy('agreement')];
    const denied = alone.filter(({ cluster, status }) => status === 'accepted' && cluster < 2).length;
    const labelled = (rows: LabelRow[]): number => rows.filter(({ status }) => status === 'accepted').length;
    assert.ok(denied > 0);
    assert.equal(labelled(agreed), labelled(alone) - denied);
    assert.ok(agreed.every(({ status, cluster }) => status !== 'accepted' || cluster >= 2));
  });

  it('of the most certain on which both agree takes as many as rule top-n asks for', async () => {
    const rows = await labelsBy('agreement', 50);
    assert.equal(rows.filter(({ status }) => status === 'accepted').length, 50);
  });
});
