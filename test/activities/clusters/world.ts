import { join } from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { createStageActivities } from '../../../src/activities/index.js';
import type { Deps } from '../../../src/activities/index.js';
import { datasetManifest } from '../../../src/contracts/dataset.js';
import type { DatasetManifest, Shard } from '../../../src/contracts/dataset.js';
import { RandomStream } from '../../../src/contracts/random.js';
import type { Ref } from '../../../src/contracts/references.js';
import { encodeSafetensors } from '../../../src/contracts/safetensors.js';
import type { SampleOutput } from '../../../src/contracts/stages.js';
import type { AnswerRow, LabelRow, PosteriorRow } from '../../../src/contracts/tables.js';
import { importDataset } from '../../../src/datasets/index.js';
import { inProcessLearner } from '../../../src/learner/in-process.js';
import { decodeTable, encodeTable, Store, tables } from '../../../src/store/index.js';
import { S3Server, s3Binary, s3Servers } from '../../support/s3.js';
import { MNIST } from '../../support/stack.js';

const inActivity = <T>(work: () => Promise<T>): Promise<T> => new MockActivityEnvironment().run(work);

const CLASSES = 10;
const WIDTH = 2 * CLASSES;

/**
 * Digits with made-up features: each class has two looks, a direction each, so that 20 clusters are the looks. The model
 * is right and sure of all but every fifth image, of which it is unsure.
 */
export class World {
  private constructor(
    private readonly server: S3Server,
    private readonly folder: string,
    readonly deps: Deps,
    readonly manifest: DatasetManifest,
    readonly dataset: Ref,
    readonly split: Ref,
    readonly truth: ReadonlyMap<string, number>,
  ) {}

  /** Undefined where no store can run: stages are nothing without one (LABELLOOP_TEST_MINIO names one). */
  static async start(): Promise<World | undefined> {
    const binary = s3Binary(s3Servers[0]);
    if ('skip' in binary) return undefined;
    const server = await S3Server.start(s3Servers[0], binary.path);
    const folder = await mkdtemp(join(tmpdir(), 'labelloop-clusters-'));
    const store = await Store.open(server.connection, { cacheDir: join(folder, 'cache') });
    const log = pino({ level: 'silent' });
    const deps = {
      ...{ store, learner: inProcessLearner(), scratch: folder, log },
      ...{ worker: 'test', checkpointSeconds: 1 },
    };
    const source = { path: MNIST, name: 'digits', keepLabels: 100, seed: 1, pool: 400, shardSize: 100 };
    const { ref: dataset } = await importDataset(store, source);
    const manifest = await store.readJson(dataset, datasetManifest);
    const answers = async (from: Ref | null): Promise<AnswerRow[]> =>
      from ? decodeTable(tables.answers, await store.readBytes(from)) : [];
    const rows = [...(await answers(manifest.labels)), ...(await answers(manifest.truth))];
    const input = { dataset, calibrationShare: 0.4, validationShare: 0, seed: 1, salt: '' };
    const { output } = await inActivity(() => createStageActivities(deps).split(input));
    const truth = new Map(rows.map(({ id, label }) => [id, label]));
    return new World(server, folder, deps, manifest, dataset, output.split, truth);
  }

  async stop(): Promise<void> {
    await this.deps.learner.close();
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  get stages(): ReturnType<typeof createStageActivities> {
    return createStageActivities(this.deps);
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return inActivity(work);
  }

  async ids(split: 'labelled' | 'pool'): Promise<string[]> {
    const ids: string[] = [];
    for (const shard of this.manifest.shards[split]) for (const { id } of await this.items(shard)) ids.push(id);
    return ids;
  }

  /** The class of an image: also the model's. */
  truthOf(id: string): number {
    return this.truth.get(id) as number;
  }

  /** The same dataset, with other labels of some labelled images. */
  async relabelled(labels: ReadonlyMap<string, number>): Promise<Ref> {
    const rows = (await this.ids('labelled')).map((id) => ({ id, label: labels.get(id) ?? this.truthOf(id) }));
    const ref = await this.deps.store.putBytes('answers/1', encodeTable(tables.answers, rows));
    return this.deps.store.putJson('dataset/1', { ...this.manifest, labels: ref });
  }

  /** What a model says of a split. `alike`: images with the features of another one, by their ids. */
  async posteriors(split: 'labelled' | 'pool', alike: ReadonlyMap<string, string> = new Map()): Promise<Ref> {
    const shards: SampleOutput[] = [];
    for (const shard of this.manifest.shards[split]) {
      const rows = await this.items(shard);
      const data = new Float32Array(rows.length * WIDTH);
      rows.forEach(({ id }, i) => data.set(this.featuresOf(alike.get(id) ?? id), i * WIDTH));
      const features = encodeSafetensors({ features: { dtype: 'F32', shape: [rows.length, WIDTH], data } });
      const table = encodeTable(
        tables.posteriors,
        rows.map(({ id }, i) => this.posteriorOf(id, (shard.offset + i) % 5 > 0)),
      );
      shards.push({
        posteriors: await this.deps.store.putBytes('posteriors/2', table),
        features: await this.deps.store.putBytes('features/1', features),
        ...{ count: rows.length, passes: rows.length },
      });
    }
    return this.deps.store.putJson('posterior-set/1', { format: 'labelloop.posterior-set/1', shards });
  }

  /** Labels over the pool, open but for what people answered. */
  async labels(answers: ReadonlyMap<string, number>): Promise<Ref> {
    const rows = (await this.ids('pool')).map((id): LabelRow => {
      const label = answers.get(id) ?? -1;
      return {
        ...{ id, name: id, label, class: label < 0 ? '' : String(label), change: label < 0 ? 'none' : 'accept' },
        ...{ status: label < 0 ? 'open' : 'accepted', source: label < 0 ? '' : 'human', predicted: 0, probability: 0 },
        ...{ predictive_entropy: 0, aleatoric: 0, epistemic: 0, total_uncertainty: 0, cluster: 0 },
        ...{ round: 1, model: '', threshold: 0, certificate: '' },
      };
    });
    return this.deps.store.putBytes('labels/2', encodeTable(tables.labels, rows));
  }

  private items(shard: Shard): Promise<{ id: string; name: string }[]> {
    return this.deps.store.readBytes(shard.items).then((bytes) => decodeTable(tables.items, bytes));
  }

  private featuresOf(id: string): Float32Array {
    const random = new RandomStream([Number.parseInt(id.slice(0, 8), 16), 1]);
    const look = 2 * this.truthOf(id) + (random.uniform() < 0.5 ? 0 : 1);
    return Float32Array.from({ length: WIDTH }, (_, j) => (j === look ? 1 : 0) + 0.03 * random.normal());
  }

  private posteriorOf(id: string, sure: boolean): PosteriorRow {
    const [predicted, probability] = [this.truthOf(id), sure ? 0.97 : 0.6];
    const p = Array.from({ length: CLASSES }, (_, c) => (c === predicted ? probability : (1 - probability) / 9));
    return {
      ...{ id, predicted, probability, probability_std: 0, aleatoric: 0, epistemic: 0, log_variance: 0 },
      ...{ predictive_entropy: 1 - probability, variation_ratio: 0, kwon_aleatoric: 0, kwon_epistemic: 0 },
      ...{ passes: 1, p },
    };
  }
}
