import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { pino } from 'pino';
import { createLearnerActivities, createStageActivities } from '../../src/activities/index.js';
import type { Deps } from '../../src/activities/index.js';
import { answeredLabels } from '../../src/activities/begin.js';
import { repeats } from '../../src/activities/training-items.js';
import { datasetManifest } from '../../src/contracts/dataset.js';
import type { DatasetManifest } from '../../src/contracts/dataset.js';
import type { Learner, TrainTask } from '../../src/contracts/learner.js';
import type { Ref } from '../../src/contracts/references.js';
import { decodeSafetensors, encodeSafetensors, tensorNamed } from '../../src/contracts/safetensors.js';
import { splitFile } from '../../src/contracts/stages.js';
import type { ClustersFile, TrainInput } from '../../src/contracts/stages.js';
import type { AssignmentRow, LabelRow } from '../../src/contracts/tables.js';
import { importDataset } from '../../src/datasets/index.js';
import { inProcessLearner } from '../../src/learner/in-process.js';
import { decodeTable, encodeTable, Store, tables } from '../../src/store/index.js';
import { MNIST } from '../support/stack.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';

const WIDTH = 128;

/** What a learner was given: the task, and its items file, column by column. */
interface Given {
  task: TrainTask;
  column(name: string): number[];
  anchors: number[] | null;
}

describe('train, for a model that is moved', function () {
  this.timeout(120_000);
  let server: S3Server;
  let folder: string;
  let deps: Deps;
  let own: { dataset: Ref; split: Ref; manifest: DatasetManifest };
  let source: { dataset: Ref; split: Ref };
  let base: TrainInput;

  before(async function () {
    const binary = s3Binary(s3Servers[0]);
    if ('skip' in binary) return this.skip(); // stages are nothing without a store: LABELLOOP_TEST_MINIO names one
    server = await S3Server.start(s3Servers[0], binary.path);
    folder = await mkdtemp(join(tmpdir(), 'labelloop-moved-'));
    const store = await Store.open(server.connection, { cacheDir: join(folder, 'cache') });
    deps = {
      ...{ store, learner: inProcessLearner(), scratch: folder, log: pino({ level: 'silent' }) },
      ...{ worker: 'test', checkpointSeconds: 1000 },
    };
    source = await imported('known', 90, 1);
    const target = await imported('new', 30, 2);
    own = { ...target, manifest: await store.readJson(target.dataset, datasetManifest) };
    base = {
      ...{ ...target, labels: null, seed: 1, round: 1, salt: '', member: 0 },
      ...{ network: 'compact', student: 'augmented', weights: 'none', steps: 5, precision: 'float32' },
    };
  });

  after(async () => {
    await deps?.learner.close();
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  async function imported(name: string, keepLabels: number, seed: number): Promise<{ dataset: Ref; split: Ref }> {
    const options = { path: MNIST, name, keepLabels, seed, pool: 40, shardSize: 30 };
    const { ref: dataset } = await importDataset(deps.store, options);
    const asked = { dataset, calibrationShare: 0.2, validationShare: 0, seed: 1, salt: '' };
    const { output } = await inActivity(() => createStageActivities(deps).split(asked));
    return { dataset, split: output.split };
  }

  const quiet = (): MockActivityEnvironment =>
    new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });

  const inActivity = <T>(work: () => Promise<T>): Promise<T> => quiet().run(work);

  async function trained(input: TrainInput): Promise<{ model: Ref; images: number; given: Given }> {
    let given: Given | undefined;
    const learner: Learner = {
      device: () => deps.learner.device(),
      sample: (task, listener) => deps.learner.sample(task, listener),
      close: () => Promise.resolve(),
      train: async (task, listener) => {
        const items = decodeSafetensors(await readFile(task.items));
        const anchors = task.anchors === null ? null : decodeSafetensors(await readFile(task.anchors));
        given = {
          task,
          column: (name) => Array.from(items.tensors[name]?.data ?? []),
          anchors: anchors && [...tensorNamed(anchors, 'anchors', 'F32').data],
        };
        // What the steps are is asked here, not what they come to.
        return deps.learner.train({ ...task, recipe: { ...task.recipe, steps: 5 } }, listener);
      },
    };
    const { output } = await inActivity(() => createLearnerActivities({ ...deps, learner }).train(input));
    assert.ok(given, 'it was trained');
    return { model: output.model, images: output.images, given };
  }

  it('hears the labels of its source, and its own as often', async () => {
    const { given } = await trained({ ...base, source });
    const train = async (of: { split: Ref }) => (await deps.store.readJson(of.split, splitFile)).train.length;
    const [mine, theirs] = [await train(own), await train(source)];
    const from = own.manifest.shards.labelled.length;
    const shards = given.column('shard');
    assert.equal(shards.filter((shard) => shard >= from).length, theirs);
    assert.equal(shards.filter((shard) => shard < from).length, mine * repeats(mine, theirs));
    assert.ok(repeats(mine, theirs) > 1);
    assert.ok(given.column('human').every((human) => human === 1));
    assert.equal(given.task.shards.length, from + 3, 'and the pixels of both');
  });

  it('repeats what people said about its pool too, among the labels of the source', async () => {
    const { store } = deps;
    const [shard] = own.manifest.shards.pool;
    assert.ok(shard);
    const [first] = await decodeTable(tables.items, await store.readBytes(shard.items));
    const answers = await store.putBytes('answers/1', encodeTable(tables.answers, [{ id: first?.id ?? '', label: 3 }]));
    const labels = await answeredLabels(store, { ...own.manifest, answers });
    const split = await store.readJson(own.split, splitFile);
    const none = await store.putJson('split/2', { ...split, train: [] });
    const { given } = await trained({ ...base, labels, split: none, source });
    const from = own.manifest.shards.labelled.length + own.manifest.shards.pool.length;
    const shards = given.column('shard');
    const theirs = shards.filter((of) => of >= from).length;
    assert.ok(theirs > 10);
    assert.equal(shards.filter((of) => of < from).length, theirs, 'one answer, as often as the source has labels');
  });

  it('hears what people said about the pool of its source, and what its source had heard', async () => {
    const { store } = deps;
    const first = await imported('first', 60, 3);
    const manifest = await store.readJson(source.dataset, datasetManifest);
    const second = manifest.shards.pool[1];
    assert.ok(second);
    const row = 3;
    const id = (await decodeTable(tables.items, await store.readBytes(second.items)))[row]?.id ?? '';
    const answers = await store.putBytes('answers/1', encodeTable(tables.answers, [{ id, label: 7 }]));
    const labels = (await answeredLabels(store, { ...manifest, answers })) ?? undefined;
    const none = await store.putJson('split/2', { ...(await store.readJson(source.split, splitFile)), train: [] });
    const heard = { ...source, split: none, labels, earlier: [first] };
    const { given } = await trained({ ...base, source: heard });

    const from = own.manifest.shards.labelled.length;
    const place = from + manifest.shards.labelled.length;
    const at = given.column('shard').indexOf(place);
    assert.deepEqual([given.column('row')[at], given.column('label')[at], given.column('human')[at]], [row, 7, 1]);
    assert.equal(given.column('shard').filter((shard) => shard === place).length, 1);
    assert.deepEqual(
      await readFile(given.task.shards[place] ?? ''),
      await store.readBytes(second.pixels),
      'the shard that people looked into, and no other of its pool',
    );
    const { train } = await store.readJson(first.split, splitFile);
    assert.equal(given.column('shard').filter((shard) => shard > place).length, train.length);
  });

  it('repeats few labels up to the number of the source, and many not at all', () => {
    assert.equal(repeats(10, 500), 50);
    assert.equal(repeats(300, 500), 1);
    assert.equal(repeats(2000, 500), 1);
    assert.equal(repeats(0, 500), 500);
  });

  it('starts from the weights of a model', async () => {
    const first = await trained(base);
    const { given } = await trained({ ...base, initial: first.model, round: 2 });
    assert.ok(given.task.initial !== null);
    assert.equal(Buffer.compare(await readFile(given.task.initial), await deps.store.readBytes(first.model)), 0);
  });

  it('takes the recipe of a student that is moved where it is told to', async () => {
    const steps = async (more: Partial<TrainInput>) =>
      (await trained({ ...base, steps: null, ...more })).given.task.recipe.steps;
    const [ordinary, moved] = [await steps({}), await steps({ recipe: 'adapt' })];
    assert.equal(moved, Math.ceil(0.4 * ordinary));
  });

  it('aligns the shares of the classes where labels are few, those that people gave in the pool among them', async () => {
    const { store } = deps;
    const ids: { id: string; label: number }[] = [];
    for (const { items } of own.manifest.shards.pool)
      for (const { id } of await decodeTable(tables.items, await store.readBytes(items))) ids.push({ id, label: 0 });
    const answers = await store.putBytes('answers/1', encodeTable(tables.answers, ids));
    const labels = await answeredLabels(store, { ...own.manifest, answers });
    const aligned = async (more: Partial<TrainInput>) => {
      const moved = { ...base, recipe: 'adapt', student: 'consistency', ...more } as const;
      return (await trained(moved)).given.task.recipe.consistency?.aligned;
    };
    const { train } = await store.readJson(own.split, splitFile);
    assert.ok(train.length < 50 && train.length + ids.length >= 50, '5 labels a class are between the two');
    assert.equal(await aligned({}), true);
    assert.equal(await aligned({ labels }), undefined);
    assert.equal(await aligned({ source }), true, "the source's labels are not of this dataset");
  });

  it('gives a pseudo-label its centroid where cluster and label agree', async () => {
    const { store } = deps;
    const ids = (
      await Promise.all(
        own.manifest.shards.pool.map(async ({ items }) => decodeTable(tables.items, await store.readBytes(items))),
      )
    ).flat();
    const label = (i: number): LabelRow => ({
      ...{ id: ids[i]?.id ?? '', name: '', status: i % 4 === 3 ? 'open' : 'accepted', change: 'accept' },
      ...{ label: i % 4 === 3 ? -1 : i % 2, class: '', predicted: 0, probability: 1, predictive_entropy: 0 },
      ...{ aleatoric: 0, epistemic: 0, total_uncertainty: 0, cluster: 0, source: 'model', round: 1, model: '' },
      ...{ threshold: 1, certificate: '' },
    });
    const group = (i: number): AssignmentRow => ({
      ...{ id: ids[i]?.id ?? '', cluster: i % 3, distance: 0, outlier: false },
    });
    const labels = await store.putBytes(
      'labels/2',
      encodeTable(
        tables.labels,
        ids.map((_, i) => label(i)),
      ),
    );
    const assignments = await store.putBytes(
      'assignments/1',
      encodeTable(
        tables.assignments,
        ids.map((_, i) => group(i)),
      ),
    );
    const data = new Float32Array(3 * WIDTH).fill(0.1);
    const centroids = await store.putBytes(
      'features/1',
      encodeSafetensors({ centroids: { dtype: 'F32', shape: [3, WIDTH], data } }),
    );
    const cluster = { size: 2, radius: 1, spread: 1, probability: 1, labelled: 1 };
    const file: ClustersFile = {
      ...{ format: 'labelloop.clusters/2', centroids, assignments, criterion: [] },
      clusters: [0, 1, -1].map((of) => ({ ...cluster, label: of })),
      duplicates: await store.putBytes('duplicates/1', encodeTable(tables.duplicates, [])),
      suspects: await store.putBytes('suspects/1', encodeTable(tables.suspects, [])),
    };
    const anchors = await store.putJson('clusters/2', file);
    const input: TrainInput = { ...base, labels, round: 2, anchors };
    const { given } = await trained(input);
    const [human, anchor] = [given.column('human'), given.column('anchor')];
    const expected = ids.flatMap((_, i) => (i % 4 === 3 ? [] : [i % 3 < 2 && i % 3 === i % 2 ? i % 3 : -1]));
    assert.deepEqual(
      anchor.filter((_, i) => human[i] === 0),
      expected,
    );
    assert.ok(anchor.every((row, i) => human[i] === 0 || row === -1));
    assert.deepEqual(given.anchors, [...data]);
    assert.ok(given.task.recipe.pull !== undefined && given.task.recipe.pull > 0);
  });

  it('is what it was where nothing is moved: no column, no pull, no start', async () => {
    const { given } = await trained({ ...base, salt: 'plain' });
    assert.deepEqual(given.column('anchor'), []);
    assert.deepEqual([given.task.initial, given.task.anchors], [null, null]);
    assert.equal('pull' in given.task.recipe, false);
  });

  it('refuses a source with other classes', async () => {
    const manifest = await deps.store.readJson(source.dataset, datasetManifest);
    const dataset = await deps.store.putJson(source.dataset.kind, {
      ...manifest,
      classes: [...manifest.classes].reverse(),
    });
    const error: unknown = await trained({ ...base, source: { ...source, dataset } }).catch(
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof ApplicationFailure && error.type === 'DATASET_INVALID', String(error));
  });
});
