import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { pino } from 'pino';
import { createLearnerActivities, createStageActivities } from '../../src/activities/index.js';
import type { Deps } from '../../src/activities/index.js';
import type { FrozenLabel } from '../../src/contracts/audit.js';
import { problem } from '../../src/contracts/errors.js';
import type { Learner } from '../../src/contracts/learner.js';
import { clustersFile, cutoffFile, splitFile } from '../../src/contracts/stages.js';
import type { Ref } from '../../src/contracts/references.js';
import type { CutoffFile, SampleInput, StageResult, TrainInput, TrainOutput } from '../../src/contracts/stages.js';
import { importDataset } from '../../src/datasets/index.js';
import { foldOf, foldSalt } from '../../src/labelling/folds.js';
import { countLabels } from '../../src/labelling/relabel.js';
import { inProcessLearner } from '../../src/learner/in-process.js';
import { decodeTable, encodeTable, stageKey, Store, tables } from '../../src/store/index.js';
import { MNIST } from '../support/stack.js';
import { s3Binary, S3Server, s3Servers } from '../support/s3.js';

const nothing = { ece: 0, nll: 0, bins: [] };
const noReliability = { before: nothing, after: nothing };

describe('stages', function () {
  this.timeout(120_000);
  let server: S3Server;
  let folder: string;
  let deps: Deps;
  let train: TrainInput;
  let pool: Ref;
  let clusters: Ref;

  before(async function () {
    const binary = s3Binary(s3Servers[0]);
    if ('skip' in binary) return this.skip(); // stages are nothing without a store: LABELLOOP_TEST_MINIO names one
    server = await S3Server.start(s3Servers[0], binary.path);
    folder = await mkdtemp(join(tmpdir(), 'labelloop-stages-'));
    const store = await Store.open(server.connection, { cacheDir: join(folder, 'cache') });
    deps = {
      store,
      learner: inProcessLearner(),
      scratch: folder,
      log: pino({ level: 'silent' }),
      worker: 'test',
      checkpointSeconds: 0.5,
    };
    const { ref: dataset } = await importDataset(store, {
      path: MNIST,
      name: 'digits',
      keepLabels: 60,
      seed: 1,
      pool: 120,
      shardSize: 60,
    });
    const { output } = await inActivity(() =>
      createStageActivities(deps).split({ dataset, calibrationShare: 0.4, validationShare: 0, seed: 1, salt: '' }),
    );
    train = {
      ...{ dataset, split: output.split, labels: null, seed: 1, round: 1, salt: '', member: 0 },
      ...{ network: 'compact', student: 'augmented', weights: 'none', steps: 40, precision: 'float32' },
    };
  });

  after(async () => {
    await deps?.learner.close();
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  // Failures are the subject here; their log lines would hide the results.
  const quiet = (): MockActivityEnvironment =>
    new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });
  const inActivity = <T>(work: () => Promise<T>, env = quiet()): Promise<T> => env.run(work);
  const trainWith = (
    input: TrainInput,
    other: Partial<Deps> = {},
    env?: MockActivityEnvironment,
  ): Promise<StageResult<TrainOutput>> =>
    inActivity(() => createLearnerActivities({ ...deps, ...other }).train(input), env);

  it('keeps no more images for calibration than it is told to, whatever the share', async () => {
    const { dataset } = train;
    const asked = { dataset, calibrationShare: 0.4, calibrationMost: 12, validationShare: 0, seed: 1, salt: '' };
    const { output } = await inActivity(() => createStageActivities(deps).split(asked));
    assert.ok(output.calibration >= 8 && output.calibration <= 12, `${output.calibration} calibrate`);
    assert.equal(output.train + output.calibration, 60);
  });

  it('computes once, then answers from the store', async () => {
    const first = await trainWith(train);
    const second = await trainWith(train);
    assert.equal(first.cached, false);
    assert.equal(second.cached, true);
    assert.equal(second.seconds, 0);
    assert.deepEqual(second.output, first.output);
  });

  it('a lost blob is computed again, to the same bytes', async () => {
    const first = await trainWith(train);
    await deps.store.removeBlob(first.output.model);
    const again = await trainWith(train);
    assert.equal(again.cached, false);
    assert.deepEqual(again.output.model, first.output.model);
  });

  it('the loser of a race takes the result of the winner', async () => {
    const input = { ...train, salt: 'race' };
    const [one, two] = await Promise.all([trainWith(input), trainWith(input)]);
    assert.deepEqual(one.output, two.output);
    assert.equal(one.key, two.key);
  });

  it('a training that is stopped goes on from its checkpoint and ends with the same weights', async () => {
    const steps = 400;
    const whole = await trainWith({ ...train, steps, salt: 'whole' });
    const env = quiet();
    let beats = 0;
    env.on('heartbeat', () => {
      if (++beats === 4) env.cancel('CANCELLED');
    });
    const input = { ...train, steps, salt: 'stopped' };
    await assert.rejects(trainWith(input, {}, env), (error) => error instanceof CancelledFailure);
    const pointers = await deps.store.listPointers('progress/');
    assert.equal(pointers.length, 1, 'a checkpoint was left for the next attempt');

    let resumedAt = -1;
    const learner: Learner = {
      ...deps.learner,
      device: () => deps.learner.device(),
      sample: (task, listener) => deps.learner.sample(task, listener),
      close: () => Promise.resolve(),
      train: async (task, listener) => {
        const result = await deps.learner.train(task, listener);
        resumedAt = result.resumedAt;
        return result;
      },
    };
    const resumed = await trainWith(input, { learner });
    assert.ok(resumedAt > 0 && resumedAt < steps, `resumed at ${resumedAt}`);
    assert.deepEqual(resumed.output.model, whole.output.model);
    assert.deepEqual(await deps.store.listPointers('progress/'), [], 'and it was cleared away');
  });

  it('a finished training waits for a store that is out, and is not done again', async () => {
    let trainings = 0;
    const learner: Learner = {
      ...deps.learner,
      device: () => deps.learner.device(),
      sample: (task, listener) => deps.learner.sample(task, listener),
      close: () => Promise.resolve(),
      train: async (task, listener) => {
        trainings++;
        const result = await deps.learner.train(task, listener);
        await server.halt();
        // Longer than the store's own tries: two of the attempt's waits.
        setTimeout(() => void server.resume(), 8_000);
        return result;
      },
    };
    const { cached } = await trainWith({ ...train, salt: 'outage' }, { learner });
    assert.equal(cached, false);
    assert.equal(trainings, 1);
  });

  it('attempt after attempt without a step of progress ends in NO_PROGRESS', async () => {
    const learner: Learner = { ...deps.learner, train: () => Promise.reject(problem('LEARNER_DIED', 'killed')) };
    const input = { ...train, salt: 'stuck' };
    const codes: string[] = [];
    for (let attempt = 0; attempt < 12; attempt++) {
      const error: unknown = await trainWith(input, { learner }).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof ApplicationFailure);
      codes.push(`${error.type} ${error.nonRetryable ? 'final' : 'again'}`);
    }
    assert.deepEqual([...new Set(codes)], ['LEARNER_DIED again', 'NO_PROGRESS final']);
    assert.equal((await trainWith(input)).cached, false, 'started again after the mend, it trains');
  });

  it('an unknown error is final the fifth time, however many attempts outages took before', async () => {
    const learner: Learner = { ...deps.learner, train: () => Promise.reject(new Error('odd')) };
    const input = { ...train, salt: 'odd' };
    const failures: string[] = [];
    for (let attempt = 20; attempt < 25; attempt++) {
      const env = new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR', () => undefined) });
      const error: unknown = await trainWith(input, { learner }, env).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof ApplicationFailure && error.type === 'INTERNAL');
      failures.push(error.nonRetryable ? 'final' : 'again');
    }
    assert.deepEqual(failures, ['again', 'again', 'again', 'again', 'final']);
  });

  it('a training whose checkpoint is lost starts from its first step and ends with the same weights', async () => {
    const whole = await trainWith(train);
    const input = { ...train, salt: 'lost checkpoint' };
    const checkpoint = await deps.store.putBytes('checkpoint/1', Buffer.from('gone'));
    await deps.store.removeBlob(checkpoint);
    const key = stageKey('train', 1, input);
    await deps.store.putPointer(`progress/${key}.json`, { step: 20, checkpoint, idleAttempts: 0 });
    assert.deepEqual((await trainWith(input)).output.model, whole.output.model);
  });

  it('errors carry their code, and whether trying again can help', async () => {
    const stages = createStageActivities(deps);
    const failing = async (settings: unknown): Promise<string> => {
      const error: unknown = await inActivity(() => stages.open({ settings })).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof ApplicationFailure && error.nonRetryable);
      return `${error.type}: ${error.message}`;
    };
    assert.match(await failing({ dataset: 'digits', rounds: 0 }), /^SETTINGS_INVALID: [\s\S]*rounds/);
    assert.match(await failing({ dataset: 'digits', colour: 1 }), /^SETTINGS_INVALID: [\s\S]*colour/);
    assert.match(await failing({ dataset: 'nowhere' }), /^DATASET_UNKNOWN: .*nowhere/);
  });

  it('gather names the shards that the store lacks, and one reference once all are there', async () => {
    const { output } = await trainWith(train);
    const task = {
      dataset: train.dataset,
      split: 'pool' as const,
      models: [output.model],
      posterior: 'mc-dropout' as const,
      passes: 3,
      precision: 'float32' as const,
      cutoff: null,
      seed: 1,
      round: 1,
      salt: '',
    };
    const { gather } = createStageActivities(deps);
    const { sample } = createLearnerActivities(deps);
    const score = (shard: number) => inActivity(() => sample({ ...task, shard } satisfies SampleInput));
    await score(0);
    assert.deepEqual(await inActivity(() => gather({ ...task, shards: 2 })), { set: null, missing: [1] });
    await score(1);
    const gathered = await inActivity(() => gather({ ...task, shards: 2 }));
    assert.ok(gathered.set);
    pool = gathered.set;
  });

  it('clusters are made again, to the same bytes, where a part of them is lost', async () => {
    const { cluster } = createStageActivities(deps);
    const input = { dataset: train.dataset, pool, clustersPerClass: 2, seed: 1, round: 1, salt: '' };
    const first = await inActivity(() => cluster(input));
    const { assignments } = await deps.store.readJson(first.output.clusters, clustersFile);
    await deps.store.removeBlob(assignments);
    const again = await inActivity(() => cluster(input));
    assert.equal(again.cached, false);
    assert.deepEqual(again.output, first.output);
    assert.equal((await inActivity(() => cluster(input))).cached, true);
    clusters = first.output.clusters;
  });

  it('relabel decides every image of the pool, and the round after counts on from its labels', async () => {
    const { relabel } = createStageActivities(deps);
    const file: CutoffFile = {
      format: 'labelloop.cutoff/2',
      score: 'predictive-entropy',
      rule: 'target-error',
      values: new Array<number>(10).fill(1.5),
      classwise: false,
      top: null,
      scaling: {
        method: 'none',
        scale: new Array<number>(10).fill(1),
        bias: new Array<number>(10).fill(0),
        ...noReliability,
      },
      estimate: { grade: 'C', accepted: 1, errors: 0, error: 0.25, upper: 1, coverage: 1 },
    };
    const cutoff = await deps.store.putJson('cutoff/2', file);
    const { output: trained } = await trainWith(train);
    const input = {
      dataset: train.dataset,
      pool,
      cutoff,
      clusters,
      model: trained.model,
      tenure: 'revocable' as const,
      salt: '',
    };
    const first = (await inActivity(() => relabel({ ...input, previous: null, round: 1 }))).output;
    const second = (await inActivity(() => relabel({ ...input, previous: first.labels, round: 2 }))).output;
    const rows = await decodeTable(tables.labels, await deps.store.readBytes(first.labels));
    assert.equal(rows.length, 120);
    assert.deepEqual(countLabels(rows), first.counts);
    assert.ok(first.counts.added > 0 && first.counts.accepted === first.counts.added);
    assert.deepEqual(second.counts, { ...first.counts, added: 0, kept: first.counts.added });
    const whole = encodeTable(tables.labels, rows);
    assert.equal(
      createHash('sha256').update(whole).digest('hex'),
      first.labels.sha256,
      'streamed or whole, one digest',
    );

    const ranked = await deps.store.putJson('cutoff/2', { ...file, rule: 'top-n', top: 7 } satisfies CutoffFile);
    const permanent = { ...input, cutoff: ranked, tenure: 'permanent' as const };
    const seven = (await inActivity(() => relabel({ ...permanent, previous: null, round: 1 }))).output;
    const fourteen = (await inActivity(() => relabel({ ...permanent, previous: seven.labels, round: 2 }))).output;
    assert.equal(seven.counts.accepted, 7);
    assert.deepEqual([fourteen.counts.kept, fourteen.counts.added], [7, 7], 'seven more, and none twice');
  });

  it('freezes the labels of one class alone, or of all', async () => {
    const { relabel, freeze } = createStageActivities(deps);
    const open: CutoffFile = {
      ...{ format: 'labelloop.cutoff/2', score: 'max-softmax', rule: 'target-error', classwise: false, top: null },
      values: new Array<number>(10).fill(1),
      scaling: {
        ...{ method: 'none', scale: new Array<number>(10).fill(1), bias: new Array<number>(10).fill(0) },
        ...noReliability,
      },
      estimate: { grade: 'C', accepted: 1, errors: 0, error: 0.25, upper: 1, coverage: 1 },
    };
    const cutoff = await deps.store.putJson('cutoff/2', open);
    const { output: student } = await trainWith(train);
    const of = { dataset: train.dataset, pool, cutoff, salt: '' };
    const decided = { ...of, clusters, model: student.model, tenure: 'revocable' as const, previous: null, round: 1 };
    const { labels } = (await inActivity(() => relabel(decided))).output;
    const frozenBy = async (only?: string): Promise<FrozenLabel[]> => {
      const input = { ...of, labels, ...(only === undefined ? {} : { class: only }) };
      const { output } = await inActivity(() => freeze(input));
      if (output.frozen === null) return [];
      const lines = (await deps.store.readBytes(output.frozen)).toString('utf8').trimEnd().split('\n');
      assert.equal(output.labels, lines.length);
      return lines.map((line) => JSON.parse(line) as FrozenLabel);
    };
    const all = await frozenBy();
    let together = 0;
    for (let label = 0; label < 10; label++) {
      const own = await frozenBy(String(label));
      const expected = all.filter((line) => line.label === label).map((line, rank) => ({ ...line, rank }));
      assert.deepEqual(own, expected, 'in the order that they have among all');
      together += own.length;
    }
    assert.ok(all.length > 0);
    assert.equal(together, all.length);
    await assert.rejects(frozenBy('ten'), /has no class 'ten'\. Take one of its classes: 0, 1, /);
  });

  it('cross-fits: a student learns nothing of its fold, which it alone scores, and the release waits for images of its own', async () => {
    const { gather, relabel, release } = createStageActivities(deps);
    const { sample } = createLearnerActivities(deps);
    const wide: CutoffFile = {
      ...{ format: 'labelloop.cutoff/2', score: 'max-softmax', rule: 'target-error', classwise: false, top: null },
      values: new Array<number>(10).fill(1),
      scaling: {
        ...{ method: 'none', scale: new Array<number>(10).fill(1), bias: new Array<number>(10).fill(0) },
        ...noReliability,
      },
      estimate: { grade: 'C', accepted: 1, errors: 0, error: 0.25, upper: 1, coverage: 1 },
    };
    const cutoff = await deps.store.putJson('cutoff/2', wide);
    const { output: first } = await trainWith(train);
    const of = { dataset: train.dataset, pool, salt: '' };
    const labels = (
      await inActivity(() =>
        relabel({ ...of, cutoff, clusters, model: first.model, tenure: 'revocable', previous: null, round: 1 }),
      )
    ).output.labels;
    const rows = await decodeTable(tables.labels, await deps.store.readBytes(labels));
    const foldOfRow = (id: string): number => foldOf(id, 2, foldSalt(train.seed));

    const second: TrainInput = { ...train, student: 'consistency', labels, round: 2 };
    const students: TrainOutput[] = [];
    const seen: number[] = [];
    const learner: Learner = {
      ...deps.learner,
      train: async (task, listener) => {
        const sizes = await Promise.all(task.unlabelled.map(async (file) => (await stat(file)).size));
        seen.push(sizes.reduce((sum, size) => sum + size, 0) / 784);
        return deps.learner.train(task, listener);
      },
    };
    for (const fold of [0, 1])
      students.push((await trainWith({ ...second, member: fold, leftOut: { folds: 2, fold } }, { learner })).output);
    assert.deepEqual(
      seen,
      [0, 1].map((fold) => rows.filter(({ id }) => foldOfRow(id) !== fold).length),
      'not even without labels does a student see its fold',
    );
    const taught = students.map(({ images }) => images);
    const others = [0, 1].map(
      (fold) => rows.filter(({ id, status }) => status === 'accepted' && foldOfRow(id) !== fold).length,
    );
    assert.deepEqual(
      taught.map((images) => images - first.images),
      others,
      'the labels of people, and those of the other folds',
    );

    // One pass without masks: what a model says of an image does not depend on what else is in the file.
    const plain: Omit<SampleInput, 'models' | 'shard'> = {
      ...{ dataset: train.dataset, split: 'pool', posterior: 'softmax', passes: 1, precision: 'float32' },
      ...{ cutoff: null, seed: train.seed, round: 2, salt: '' },
    };
    const models = students.map(({ model }) => model);
    const crossFit = { ...plain, models, crossFit: true as const };
    const read = async (input: SampleInput) => {
      const { output } = await inActivity(() => sample(input));
      return decodeTable(tables.posteriors, await deps.store.readBytes(output.posteriors));
    };
    const mixed = await read({ ...crossFit, shard: 0 });
    const each = await Promise.all(models.map((model) => read({ ...plain, models: [model], shard: 0 })));
    mixed.forEach((row, i) => {
      const own = each[foldOfRow(row.id)]?.[i];
      assert.equal(row.id, own?.id);
      row.p.forEach((p, c) => assert.ok(Math.abs(p - (own?.p[c] ?? 0)) < 1e-5));
    });

    await inActivity(() => sample({ ...crossFit, shard: 1 }));
    await inActivity(() => sample({ ...crossFit, split: 'labelled', shard: 0 }));
    const setOf = async (which: 'labelled' | 'pool', shards: number): Promise<Ref> =>
      (await inActivity(() => gather({ ...crossFit, split: which, shards }))).set as Ref;
    const sets = { labelled: await setOf('labelled', 1), pool: await setOf('pool', 2) };
    const wanted = {
      ...({
        dataset: train.dataset,
        rule: 'target-error',
        score: 'max-softmax',
        limit: null,
        classwise: false,
      } as const),
      ...({ scaling: 'none', seed: train.seed, salt: '', folds: 2, release: 1, targetError: 0.45 } as const),
      ...sets,
    };
    const { output } = await inActivity(() => release({ ...wanted, split: train.split }));
    const calibration = (await deps.store.readJson(train.split, splitFile)).calibration.length;
    const { conditional: found } = output;
    assert.equal(found.twoSample.calibration, found.calibration.images);
    assert.ok(found.calibration.images > 0 && found.calibration.images < calibration, 'some wait, and some steer');
    assert.ok(
      output.estimate.accepted <= calibration - found.calibration.images,
      'the estimate is of those that steer',
    );
    const file = await deps.store.readJson(output.cutoff, cutoffFile);
    if (found.claim) assert.deepEqual(new Set(file.values), new Set([found.claim.cutoff]));
    else assert.equal(found.grade, 'C');

    const labelled = await inActivity(() =>
      relabel({
        ...{ ...of, pool: sets.pool, cutoff: output.cutoff, clusters, model: first.model, tenure: 'revocable' },
        ...{ previous: null, round: 2, foldModels: models, seed: train.seed },
      }),
    );
    for (const row of await decodeTable(tables.labels, await deps.store.readBytes(labelled.output.labels)))
      if (row.status === 'accepted') assert.equal(row.model, models[foldOfRow(row.id)]?.sha256);
  });

  it('keeps no scratch files', async () => {
    const { readdir } = await import('node:fs/promises');
    await writeFile(join(folder, 'probe'), '');
    assert.deepEqual((await readdir(folder)).sort(), ['cache', 'probe']);
  });
});
