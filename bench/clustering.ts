import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { paths } from '../src/contracts/paths.js';
import { writeMixture } from './mixture.js';
import { installPeers } from './peers.js';
import { table, writeTable } from './table.js';

/*
 * k-means on a million latents beside scikit-learn and faiss, each alone, with the same rows and number of threads:
 *     node dist/bench/clustering.js [--rows 1000000] [--k 30,300] [--threads 1] [--dry]
 * Labelloop takes one thread whatever is asked for. The table goes into docs/benchmarks.md unless --dry.
 */
const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    k: { type: 'string', default: '30,300' },
    threads: { type: 'string', default: '1' },
    dry: { type: 'boolean', default: false },
  },
});
const WIDTH = 128;
const GROUPS = 300;
const SHARD = 10_000;
const SEED = 1;
const PEERS = {
  minibatch: 'scikit-learn, MiniBatchKMeans',
  partial: 'the same, fed by partial_fit',
  faiss: 'faiss.Kmeans, 256 rows a cluster',
  'faiss-all': 'faiss.Kmeans, all rows',
};

interface Figures {
  seconds: number;
  cpu: number;
  /** Bytes. */
  peak: number;
  found?: string;
  version: string;
}

const rows = Number(options.rows);
const { cache } = paths();
fs.mkdirSync(cache, { recursive: true });
const data = path.join(cache, `bench-mixture-${rows}x${WIDTH}-${GROUPS}-${SEED}.f32`);
writeMixture(data, { rows, width: WIDTH, groups: GROUPS, seed: SEED });
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'labelloop-clustering-'));
const output = path.join(folder, 'centroids.f32');

async function once(name: string, command: string, args: readonly string[], env = process.env): Promise<Figures> {
  const { stdout } = await promisify(execFile)(command, args, { env, maxBuffer: 2 ** 24 });
  const line = stdout.split('\n').findLast((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`${name} ended without a figure:\n${stdout}`);
  console.error(name, line);
  return JSON.parse(line) as Figures;
}

const common = (k: number) => [
  ...['--data', data, '--width', String(WIDTH), '--shard', String(SHARD), '--k', String(k)],
  ...['--seed', String(SEED), '--output', output],
];
const labelloop = (task: string, k: number) => {
  const script = path.join(import.meta.dirname, 'clustering-labelloop.js');
  return once(`labelloop ${task}`, process.execPath, [script, '--task', task, ...common(k)]);
};

/** Seconds, CPU seconds and MB of some figures. */
const cells = ({ seconds, cpu, peak }: Figures): string[] => [
  seconds.toFixed(1),
  cpu.toFixed(1),
  (peak / 1e6).toFixed(0),
];

try {
  const peers = await installPeers('clustering.txt');
  const versions = new Set<string>();
  const fits: string[][] = [];
  const others: string[][] = [];
  for (const k of options.k.split(',').map(Number)) {
    const add = async (name: string, figures: Figures) => {
      // One measure for all: exact distances of all rows to the centroids that the contestant left.
      const scored = await labelloop('assign', k);
      fits.push([`k = ${k}`, name, ...cells(figures), (Number(scored.found) / rows).toFixed(4)]);
      return scored;
    };
    const scored = await add('Labelloop', await labelloop('fit', k));
    others.push([`assign, k = ${k}`, ...cells(scored), '']);
    for (const [task, name] of [
      ['choose-k', `choose k for ${Math.ceil(k / 10)} classes, 20,000 rows`],
      ['duplicates', `near-duplicates, k = ${k}`],
    ] as const) {
      const figures = await labelloop(task, k);
      others.push([name, ...cells(figures), figures.found ?? '']);
    }
    for (const [peer, name] of Object.entries(PEERS)) {
      const args = [peers.script('cluster.py'), '--peer', peer, '--threads', options.threads, ...common(k)];
      const figures = await once(peer, peers.command, args, peers.env);
      versions.add(figures.version);
      await add(name, figures);
    }
  }
  const text = [
    `${rows} x ${WIDTH} of a mixture of ${GROUPS} groups, ${options.threads} thread(s) of ` +
      `${os.cpus()[0]?.model.trim() ?? os.arch()}, Node ${process.versions.node}, ${[...versions].join(', ')}.`,
    table(['clusters', 'who', 'seconds', 'CPU s', 'MB at most', 'mean squared distance'], fits),
    'What else Labelloop does with them:',
    table(['what', 'seconds', 'CPU s', 'MB at most', 'found'], others),
  ].join('\n\n');
  console.log(text);
  if (!options.dry) writeTable('clustering', text);
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
