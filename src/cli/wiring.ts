import { demoState } from './demo-state.js';
import { cliErrors } from './errors.js';
import { extensionOf, namingOf } from './naming.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { Store } from '../store/index.js';
import type { Services } from './services.js';

/*
 * Binds the verbs to the rooms. A room is loaded when the first verb needs it, so that `labelloop --help` does not pay
 * for gRPC, sharp or Parquet.
 */
const connect = async () => (await import('../client/index.js')).Labelloop.connect();

/** Lends the store and the dataset of a run. */
async function withDataset<T>(run: string, work: (store: Store, manifest: DatasetManifest) => Promise<T>): Promise<T> {
  const labelloop = await connect();
  try {
    const manifest = await labelloop.dataset(run);
    if (!manifest) throw cliErrors.noDataset(run);
    return await work(labelloop.store, manifest);
  } finally {
    await labelloop.close();
  }
}

export const services: Services = {
  client: connect,
  async local() {
    const { provision, ...local } = await import('../local/index.js');
    return {
      ...local,
      status: () => Promise.resolve(local.status()),
      provision: (telling) => provision(['temporal', 'minio', 'compute'], telling),
    };
  },
  async datasets() {
    const [datasets, { store }] = await Promise.all([import('../datasets/index.js'), connect()]);
    return {
      importDataset: async (request) => (await datasets.importDataset(store, request)).manifest,
      async listDatasets() {
        const pointers = await datasets.listDatasets(store);
        return Promise.all(pointers.map(async ({ name }) => (await datasets.readDataset(store, name)).manifest));
      },
      readDataset: async (name) => (await datasets.readDataset(store, name)).manifest,
      async addClasses(name, classes, as) {
        const base = await datasets.readDataset(store, name);
        const extension = as === undefined ? { classes } : { classes, as };
        return (await datasets.extendDataset(store, base, extension)).manifest;
      },
    };
  },
  exportLabels: async (rows, format, stream) =>
    (await import('../datasets/index.js')).exportLabels(rows, format, stream),
  exportFolder: (run, rows, folder) =>
    withDataset(run, async (store, manifest) =>
      (await import('../datasets/index.js')).exportFolder(store, manifest, rows, folder),
    ),
  async answerFiles() {
    const files = await import('../datasets/answers/index.js');
    return {
      ...files,
      writeImages: (run, questions, folder) =>
        withDataset(run, (store, manifest) => files.writeTaskImages(store, manifest, questions, folder)),
    };
  },
  async runWorker({ role }) {
    const [{ runWorker }, { findConnections }, { paths }] = await Promise.all([
      import('../workers/index.js'),
      import('../client/index.js'),
      import('../contracts/paths.js'),
    ]);
    const { stackFile, blobs, scratch } = paths();
    await runWorker({ role, ...findConnections(stackFile), blobs, scratch });
  },
  verifyBundle: async (dir) => (await import('./verify-bundle.js')).verifyBundle(dir),
  async review(run, options) {
    const [{ serveReview, sourceOf }, labelloop] = await Promise.all([import('../review/index.js'), connect()]);
    const hangUp = () => labelloop.close();
    try {
      await labelloop.ask(run);
      const server = await serveReview(await sourceOf(labelloop, run), options);
      return {
        url: server.url,
        get answers() {
          return server.answers;
        },
        close: () => server.close().finally(hangUp),
      };
    } catch (error) {
      await hangUp();
      throw error;
    }
  },
  async writeReport(run) {
    const [{ writeReport }, labelloop] = await Promise.all([import('../report/index.js'), connect()]);
    return writeReport(labelloop, run);
  },
  async writeShiftReport(run, dataset, output) {
    const [{ writeShiftReport }, labelloop] = await Promise.all([import('../report/index.js'), connect()]);
    try {
      return await writeShiftReport(labelloop, { run, dataset, output });
    } finally {
      await labelloop.close();
    }
  },
  async writeNovelPage(run, options) {
    const [{ writeNovelPage }, labelloop] = await Promise.all([import('../report/index.js'), connect()]);
    return writeNovelPage(labelloop, run, options).finally(() => labelloop.close());
  },
  async nameClusters(run, named, options) {
    const [{ extendDataset }, labelloop] = await Promise.all([import('../datasets/index.js'), connect()]);
    try {
      const said = await labelloop.novelAnswers(run, named, options);
      const extension = extensionOf(said, options.as);
      const base = { ref: said.dataset, manifest: said.manifest };
      const { manifest } = await extendDataset(labelloop.store, base, extension);
      return namingOf(said, manifest, (await labelloop.settings(run))?.adapt?.from ?? null);
    } finally {
      await labelloop.close();
    }
  },
  demo: demoState(async () => (await import('../contracts/paths.js')).paths().home),
};
