import { rmSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import path from 'node:path';
import { Contestant } from './contestant.js';
import { writeData } from './data.js';
import { flopsPerImage } from './flops.js';
import { isNetwork, PASSES } from './learner-tasks.js';
import { installPeers } from './peers.js';
import { table, writeTable } from './table.js';
import type { LAYERS } from './flops.js';
import type { Peers } from './peers.js';

/*
 * Labelloop beside its peers, on the same images and networks:
 *     node dist/bench/speed.js [--task train,sample,round] [--network compact,densenet] [--rounds 3] [--seconds 2]
 *                              [--threads N] [--steps 1200] [--precision bfloat16] [--dry]
 * All contestants of a comparison are warm and take turns, one at a time. The table goes into docs/benchmarks.md unless
 * --dry or anything less than the whole was asked for.
 */
const { values: options } = parseArgs({
  options: {
    task: { type: 'string', default: 'train,sample,round' },
    network: { type: 'string', default: 'compact,densenet' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    steps: { type: 'string', default: '1200' },
    precision: { type: 'string', default: 'float32' },
    'channel-dropout': { type: 'boolean', default: false },
    dry: { type: 'boolean', default: false },
  },
});

type Task = 'train' | 'sample' | 'round';
type NetworkName = keyof typeof LAYERS;

/** What competes. `baal` trains as `pytorch` does; `round` is what a user would write in PyTorch. */
const PEERS: Record<Task, (network: NetworkName) => string[]> = {
  train: () => ['pytorch', 'compiled', 'keras', 'keras-xla'],
  sample: (network) => [
    'pytorch',
    ...(network === 'compact' ? ['trunk-once'] : []),
    ...['compiled', 'baal', 'keras', 'keras-xla'],
  ],
  round: () => ['pytorch'],
};
const OWN = { labelloop: 'Labelloop', sequential: 'Labelloop, until decisions are settled' };
const TITLES: Record<string, string> = {
  ...OWN,
  pytorch: 'PyTorch',
  'trunk-once': 'PyTorch, convolutions once',
  compiled: 'PyTorch, torch.compile',
  baal: 'Baal',
  keras: 'Keras on TensorFlow',
  'keras-xla': 'Keras on TensorFlow, XLA',
};

const script = (name: string) => path.join(import.meta.dirname, name);
const common = (task: Task, network: NetworkName, data: string): string[] => [
  ...['--network', network, '--data', data, '--seconds', options.seconds, '--threads', options.threads],
  ...['--precision', options.precision],
  ...(task === 'round' ? ['--steps', options.steps] : []),
];

function labelloop(name: keyof typeof OWN, task: Task, network: NetworkName, data: string): Contestant {
  const args = [script('speed-labelloop.js'), '--task', task, ...common(task, network, data)];
  if (name === 'sequential') args.push('--sequential');
  return new Contestant(name, process.execPath, args, process.env);
}

function peer(peers: Peers, name: string, task: Task, network: NetworkName, data: string, env = {}): Contestant {
  const args = [peers.script(`${task}.py`), '--peer', name, ...common(task, network, data)];
  if (options['channel-dropout']) args.push('--channel-dropout');
  return new Contestant(name, peers.command, args, { ...peers.env, ...env });
}

/**
 * How OpenMP's threads should wait for work: spinning is fastest on idle cores and many times slower where something
 * else wants them. PyTorch gets what is better here and now.
 */
async function openMpWaiting(peers: Peers, data: string): Promise<NodeJS.ProcessEnv> {
  const choices = [{}, { GOMP_SPINCOUNT: '0' }];
  const rates: number[] = [];
  for (const env of choices) {
    const contestant = peer(peers, 'pytorch', 'train', 'compact', data, env);
    await contestant.ready();
    rates.push((await contestant.measure()).figure);
    await contestant.end();
  }
  const [spinning = 0, sleeping = 0] = rates;
  return spinning >= sleeping ? {} : { GOMP_SPINCOUNT: '0' };
}

/** Takes turns: A B C, A B C, … One that cannot run here is left out, with its reason. */
async function compare(starts: (() => Contestant)[]): Promise<Contestant[]> {
  const warm: Contestant[] = [];
  try {
    for (const start of starts) {
      const contestant = start();
      try {
        await contestant.ready();
        warm.push(contestant);
      } catch (error) {
        await contestant.end();
        console.error(`left out: ${String(error)}`);
      }
    }
    for (let round = 0; round < Number(options.rounds); round++)
      for (const contestant of warm) {
        const { figure, peak } = await contestant.measure();
        console.error(`${contestant.name} ${figure.toFixed(1)}, ${(peak / 1e6).toFixed(0)} MB`);
      }
  } finally {
    for (const contestant of warm) await contestant.end();
  }
  return warm;
}

const median = (values: number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2;
};

/** The rows of one comparison; `limit` in GFLOP/s. */
function rowsOf(task: Task, network: NetworkName, contestants: Contestant[], limit: number): string[][] {
  const own = contestants.find(({ name }) => name === 'labelloop');
  const middle = (contestant: Contestant) => median(contestant.measurements.map(({ figure }) => figure));
  return contestants.map((contestant) => {
    const figures = contestant.measurements.map(({ figure }) => figure);
    const figure = median(figures);
    const digits = task === 'round' || figure < 100 ? 1 : 0;
    const isPeer = own && !(contestant.name in OWN);
    const ratio = isPeer ? (task === 'round' ? figure / middle(own) : middle(own) / figure) : null;
    const share = task === 'round' ? null : (figure * flopsPerImage(network, task, PASSES)) / (limit * 1e9);
    return [
      `${task}, ${network}`,
      TITLES[contestant.name] ?? contestant.name,
      figure.toFixed(digits),
      `${Math.min(...figures).toFixed(digits)} to ${Math.max(...figures).toFixed(digits)}`,
      ratio === null ? '' : ratio.toFixed(2),
      share === null ? '' : `${(100 * share).toFixed(0)}`,
      (Math.max(...contestant.measurements.map(({ peak }) => peak)) / 1e6).toFixed(0),
    ];
  });
}

const tasks = options.task.split(',') as Task[];
const networks = options.network.split(',') as NetworkName[];
const data = writeData();
try {
  const peers = await installPeers();
  const machine = new Contestant(
    'machine',
    process.execPath,
    [script('machine.js'), '--threads', options.threads],
    process.env,
  );
  await machine.ready();
  await machine.measure();
  await machine.end();
  const limit = machine.measurements[0]?.figure ?? NaN;
  const waiting = await openMpWaiting(peers, data);
  const rows: string[][] = [];
  const versions = new Set<string>();
  for (const task of tasks)
    for (const network of task === 'round' ? networks.filter((name) => name === 'compact') : networks) {
      console.error(`\n${task}, ${network}`);
      const starts = [
        ...(isNetwork(network) ? [() => labelloop('labelloop', task, network, data)] : []),
        // Where all passes are nearly free, choosing costs more than it saves.
        ...(task === 'sample' && network === 'densenet' ? [() => labelloop('sequential', task, network, data)] : []),
        ...PEERS[task](network).map((name) => () => peer(peers, name, task, network, data, waiting)),
      ];
      const contestants = await compare(starts);
      for (const { name, facts } of contestants)
        if (typeof facts['version'] === 'string')
          versions.add(`${(TITLES[name] ?? name).split(/[ ,]/)[0]} ${facts['version']}`);
      rows.push(...rowsOf(task, network, contestants, limit));
    }
  const head = [
    'what',
    'who',
    'images/s (round: s)',
    'least to most',
    'Labelloop is x faster',
    '% of the limit',
    'MB at most',
  ];
  const text = [
    `${options.threads} threads of ${os.cpus()[0]?.model.trim() ?? os.arch()}, ${options.precision}, median of ${options.rounds}; ` +
      `limit: a matrix product's ${limit.toFixed(0)} GFLOP/s; ${[...versions].join(', ')}.`,
    table(head, rows),
  ].join('\n\n');
  console.log(text);
  const whole = tasks.length === 3 && networks.length === 2 && !options.dry;
  if (whole) writeTable('speed', text);
} finally {
  rmSync(data, { recursive: true, force: true });
}
