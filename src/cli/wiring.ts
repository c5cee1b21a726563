import { demoState } from './demo-state.js';
import type { Datasets, ImportRequest, LocalStack, RunsClient, Services } from './services.js';

/*
 * Binds the verbs to the rooms. A room is loaded when the first verb needs it, so that `labelloop --help` does not pay
 * for gRPC, sharp or Parquet.
 */

type Store = unknown;

interface Rooms {
  '../client/index.js': { Labelloop: { connect(): Promise<RunsClient & { store: Store }> } };
  '../local/index.js': LocalStack;
  '../local/paths.js': { paths(): { home: string } };
  '../datasets/index.js': {
    importDataset: (store: Store, request: ImportRequest) => ReturnType<Datasets['importDataset']>;
    listDatasets: (store: Store) => ReturnType<Datasets['listDatasets']>;
    readDataset: (store: Store, name: string) => ReturnType<Datasets['readDataset']>;
    exportLabels: Services['exportLabels'];
  };
  '../workers/index.js': { runWorker: Services['runWorker'] };
  '../report/index.js': { writeReport: Services['writeReport'] };
}

const room = async <Path extends keyof Rooms>(path: Path): Promise<Rooms[Path]> => (await import(path)) as Rooms[Path];

export const services: Services = {
  client: async () => (await room('../client/index.js')).Labelloop.connect(),
  local: () => room('../local/index.js'),
  async datasets() {
    const [{ importDataset, listDatasets, readDataset }, { Labelloop }] = await Promise.all([
      room('../datasets/index.js'),
      room('../client/index.js'),
    ]);
    const { store } = await Labelloop.connect();
    return {
      importDataset: (request) => importDataset(store, request),
      listDatasets: () => listDatasets(store),
      readDataset: (name) => readDataset(store, name),
    };
  },
  exportLabels: async (rows, format, stream) => (await room('../datasets/index.js')).exportLabels(rows, format, stream),
  runWorker: async (options) => (await room('../workers/index.js')).runWorker(options),
  writeReport: async (run) => (await room('../report/index.js')).writeReport(run),
  demo: demoState(async () => (await room('../local/paths.js')).paths().home),
};
