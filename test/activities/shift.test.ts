import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { pino } from 'pino';
import { createLearnerActivities, createStageActivities } from '../../src/activities/index.js';
import type { Deps } from '../../src/activities/index.js';
import { knownRun } from '../../src/activities/known-run.js';
import { datasetManifest } from '../../src/contracts/dataset.js';
import type { DatasetManifest, SplitName } from '../../src/contracts/dataset.js';
import type { Ref } from '../../src/contracts/references.js';
import { runPointer, runPointerPath, shiftFile } from '../../src/contracts/shift.js';
import type { ShiftInput } from '../../src/contracts/shift.js';
import type { RoundRecord } from '../../src/contracts/stages.js';
import { importDataset } from '../../src/datasets/index.js';
import { inProcessLearner } from '../../src/learner/in-process.js';
import { Store } from '../../src/store/index.js';
import { MNIST } from '../support/stack.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';

/** What `evaluate` says of images: all of them are the run's own. */
const sampling = { posterior: 'mc-dropout', passes: 3, precision: 'float32' } as const;

describe('shift', function () {
  this.timeout(240_000);
  let server: S3Server;
  let folder: string;
  let deps: Deps;
  let known: ShiftInput['known'];
  let model: Ref;
  let cutoff: Ref;

  before(async function () {
    const binary = s3Binary(s3Servers[0]);
    if ('skip' in binary) return this.skip(); // stages are nothing without a store: LABELLOOP_TEST_MINIO names one
    server = await S3Server.start(s3Servers[0], binary.path);
    folder = await mkdtemp(join(tmpdir(), 'labelloop-shift-'));
    const store = await Store.open(server.connection, { cacheDir: join(folder, 'cache') });
    deps = {
      ...{ store, learner: inProcessLearner(), scratch: folder, log: pino({ level: 'silent' }) },
      ...{ worker: 'test', checkpointSeconds: 1000 },
    };
    const { ref: dataset } = await importDataset(store, {
      ...{ path: MNIST, name: 'digits', keepLabels: 100, seed: 1, pool: 200, shardSize: 120 },
    });
    const [asked, activities] = [{ dataset, seed: 1, salt: '' }, createStageActivities(deps)];
    const { output: parts } = await inActivity(() =>
      activities.split({ ...asked, calibrationShare: 0.5, validationShare: 0 }),
    );
    const { split } = parts;
    const { output: trained } = await inActivity(() =>
      createLearnerActivities(deps).train({
        ...{ ...asked, split, labels: null, round: 1, member: 0, network: 'compact', student: 'augmented' },
        ...{ weights: 'none', steps: 30, precision: 'float32' },
      }),
    );
    model = trained.model;
    const [labelled, pool] = [await scored(dataset, 'labelled'), await scored(dataset, 'pool')];
    const { output: grouped } = await inActivity(() =>
      activities.cluster({ ...asked, pool, labelled, split, labels: null, clustersPerClass: 1, round: 1 }),
    );
    const { output: threshold } = await inActivity(() =>
      activities.threshold({
        ...{ ...asked, split, labelled, rule: 'target-error', score: 'predictive-entropy', limit: null },
        ...{ classwise: false, targetError: 0.1, scaling: 'none' },
      }),
    );
    cutoff = threshold.cutoff;
    known = { dataset, split, labelled, clusters: grouped.clusters };
    const record: Omit<RoundRecord, 'testAccuracy' | 'calibrationAccuracy'> = {
      ...{ round: 1, model, members: [], labels: labelled, cutoff, clusters: grouped.clusters, pool, labelled },
      counts: { accepted: 0, added: 0, kept: 0, flipped: 0, revoked: 0, open: 200, outliers: 0 },
      ...{ estimate: threshold.estimate, calibrationError: null, conditional: null, clustering: null },
      ...{
        shift: null,
        shiftFile: null,
        moved: null,
        sourceLabelled: null,
        loss: 1,
        stopped: null,
        passes: 3,
        seconds: {},
        fromStore: [],
      },
    };
    await inActivity(() =>
      activities.evaluate({ dataset, split, labelled, test: null, history: null, record, sampling }),
    );
  });

  after(async () => {
    await deps?.learner.close();
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** An activity of the workflow `digits-1`; failures are a subject here, and their log lines would hide the results. */
  const inActivity = <T>(work: () => Promise<T>): Promise<T> =>
    new MockActivityEnvironment(
      { workflowExecution: { workflowId: 'digits-1', runId: 'first' } },
      { logger: new DefaultLogger('ERROR', () => undefined) },
    ).run(work);

  /** Scores a split by the run's model and gathers it. */
  async function scored(dataset: Ref, split: SplitName): Promise<Ref> {
    const manifest = await deps.store.readJson(dataset, datasetManifest);
    const task = { dataset, split, models: [model], ...sampling, cutoff: null, seed: 1, round: 1, salt: '' };
    for (let shard = 0; shard < manifest.shards[split].length; shard++)
      await inActivity(() => createLearnerActivities(deps).sample({ ...task, shard }));
    const shards = manifest.shards[split].length;
    const { set } = await inActivity(() => createStageActivities(deps).gather({ ...task, shards }));
    assert.ok(set);
    return set;
  }

  /** Another dataset under a name of its own. */
  async function named(manifest: DatasetManifest): Promise<Ref> {
    const ref = await deps.store.putJson('dataset/1', manifest);
    const pointer = { format: 'labelloop.dataset-pointer/1', name: manifest.name, manifest: ref, path: '/' };
    await deps.store.putPointer(`datasets/${manifest.name}.json`, { ...pointer, importedAt: new Date().toISOString() });
    return ref;
  }

  const compared = (input: Partial<ShiftInput> & Pick<ShiftInput, 'seen'>) =>
    inActivity(() =>
      createStageActivities(deps).shift({ known, trainedOn: false, picture: true, seed: 1, salt: '', ...input }),
    );

  it('evaluate leaves under the name of the run what others need of it', async () => {
    const pointer = await deps.store.getPointer(runPointerPath('digits-1'), runPointer);
    assert.equal(pointer?.dataset.sha256, known.dataset.sha256);
    assert.deepEqual(pointer?.sampling, sampling);
    const found = await knownRun(deps.store, 'digits-1');
    assert.deepEqual([found.labelled, found.split, found.last.model], [known.labelled, known.split, model]);
    await assert.rejects(knownRun(deps.store, 'digits-2'), { code: 'RUN_NO_RESULTS' });
  });

  it('finds its own pool alike, and lays out labelled images and pool in one picture', async () => {
    const posteriors = await scored(known.dataset, 'pool');
    const seen = { dataset: known.dataset, split: 'pool' as const, posteriors };
    const { output } = await compared({ seen, trainedOn: true });
    const { summary } = output;
    assert.ok(summary && output.shift);
    assert.deepEqual(
      summary.tests.map(({ of, level, known, seen }) => [of, level, known, seen]),
      [
        ['pixels', 0.05, 50, 200],
        ['latents', null, 50, 200],
      ],
    );
    assert.equal(summary.differs, false, JSON.stringify(summary));
    assert.equal(summary.negative, undefined);
    const file = await deps.store.readJson(output.shift, shiftFile);
    assert.equal(file.picture.filter((place) => place.known).length, 100);
    assert.equal(file.picture.filter((place) => !place.known).length, 200);
    assert.ok(file.picture.every(({ x, y, label }) => Number.isFinite(x + y) && label >= 0 && label < 10));
    assert.equal(file.outside.length, summary.outside);
  });

  it('tells another world, and names what lies outside by its place', async () => {
    const manifest = await deps.store.readJson(known.dataset, datasetManifest);
    // The same digits on white: what the camera of another site may give.
    const pool = await Promise.all(
      manifest.shards.pool.map(async (shard) => {
        const pixels = await deps.store.readBytes(shard.pixels);
        return {
          ...shard,
          pixels: await deps.store.putBytes(
            'pixels/1',
            pixels.map((v) => 255 - v),
          ),
        };
      }),
    );
    const negative = await named({ ...manifest, name: 'negative', shards: { ...manifest.shards, pool } });
    const seen = { dataset: negative, split: 'pool' as const, posteriors: await scored(negative, 'pool') };
    const { output } = await compared({ seen, picture: false });
    assert.ok(output.summary?.differs && output.shift);
    assert.ok(output.summary.tests.every(({ p, level }) => p <= (level ?? 0)));
    const polarity = output.summary.negative;
    assert.ok(polarity && polarity.known > 0.9 && polarity.seen < 0.1, JSON.stringify(polarity));
    const file = await deps.store.readJson(output.shift, shiftFile);
    assert.deepEqual(file.picture, []);
    assert.ok(file.outside.every(({ position, id }) => position < 200 && id.length === 32));
    const distances = file.outside.map(({ distance }) => distance);
    assert.deepEqual(
      distances,
      [...distances].sort((a, b) => b - a),
    );
    assert.equal((await compared({ seen, picture: false })).cached, true);
  });

  it('opens run and dataset by name, and refuses images that the model can not look at', async () => {
    const open = (run: string, dataset: string) =>
      inActivity(() => createStageActivities(deps).openShift({ run, dataset }));
    const own = await open('digits-1', 'digits');
    assert.deepEqual(own.known, known);
    assert.deepEqual([own.seen, own.shards, own.trainedOn], [{ dataset: known.dataset, split: 'pool' }, 2, true]);
    assert.deepEqual([own.models, own.sampling, own.round], [[model], sampling, 1]);
    assert.equal((await open('digits-1', 'negative')).trainedOn, false);
    const manifest = await deps.store.readJson(known.dataset, datasetManifest);
    await named({ ...manifest, name: 'small', image: { height: 14, width: 14, channels: 1 } });
    const refused = (code: string, words: RegExp) => (error: unknown) => {
      assert.ok(error instanceof ApplicationFailure);
      assert.equal(error.type, code);
      assert.match(error.message, words);
      return true;
    };
    await assert.rejects(open('digits-1', 'small'), refused('SETTINGS_INVALID', /--like digits.*--size 28x28 --grey/));
    await assert.rejects(open('nobody', 'digits'), refused('RUN_NO_RESULTS', /started again/));
  });

  it('says nothing where too few images calibrate', async () => {
    const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
    const parts = { train: rows(19, 100), validation: [], calibration: rows(0, 19) };
    const split = await deps.store.putJson('split/2', { format: 'labelloop.split/2', ...parts });
    const seen = { dataset: known.dataset, split: 'pool' as const, posteriors: known.labelled };
    const { output } = await compared({ known: { ...known, split }, seen });
    assert.deepEqual(output, { summary: null, shift: null });
  });
});
