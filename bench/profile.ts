import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadBackend } from '../src/learning/backend.js';
import { sample } from '../src/learning/sample.js';
import { train } from '../src/learning/train.js';
import { runCommand } from '../src/local/provision/command.js';
import { Contestant } from './contestant.js';
import { writeData } from './data.js';
import { flopsPerImage } from './flops.js';
import { NETWORKS, sampleTask, trainTask } from './learner-tasks.js';
import { installPeers } from './peers.js';
import { table, writeTable } from './table.js';
import type { Binding } from '../src/learning/backend.js';
import type { Network } from './learner-tasks.js';

/*
 * Where the time of a training step and of a sampling call goes, op by op:
 *     node dist/bench/profile.js [--threads N] [--runs 20] [--dry]
 * The learner runs its own tasks, and each graph that it compiles is kept with what it was first fed. The binding cannot
 * trace; the peers' TensorFlow, which is the same release, runs the kept graphs and can (bench/peers/op_profile.py).
 */
const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: String(os.availableParallelism()) },
    runs: { type: 'string', default: '20' },
    dry: { type: 'boolean', default: false },
  },
});
process.env['TF_NUM_INTRAOP_THREADS'] = process.env['TF_NUM_INTEROP_THREADS'] = options.threads;

/** A block: enough for every graph of a sampling to run. */
const IMAGES = 256;
/** Ops below this share of the time are one row. */
const LEAST_SHARE = 0.015;
const UINT8 = 4;

interface Kept {
  folder: string;
  /** Images, or passes of images, that the graph's first call took. */
  rows: number;
}

const backend = loadBackend();
const kept: Kept[] = [];
let prefix = '';
backend.native.binding = recording(backend.native.binding);

/** The binding, keeping each graph and the feeds of its first writing and of its first run. */
function recording(binding: Binding): Binding {
  const graphs = new Map<number, { graph: Kept; calls: Set<string> }>();
  // The binding does not read bytes back.
  const bytes = new Map<number, Uint8Array>();
  const replaced: Partial<Binding> = {
    createTensor(shape, type, values) {
      const id = binding.createTensor(shape, type, values);
      if (type === UINT8) bytes.set(id, (values as Uint8Array).slice());
      return id;
    },
    loadSavedModel(directory, tags) {
      const folder = `${prefix}-${kept.length}`;
      mkdirSync(folder);
      copyFileSync(path.join(directory, 'saved_model.pb'), path.join(folder, 'saved_model.pb'));
      const id = binding.loadSavedModel(directory, tags);
      const graph = { folder, rows: 0 };
      kept.push(graph);
      graphs.set(id, { graph, calls: new Set() });
      return id;
    },
    runSavedModel(id, inputs, inputNames, outputNames) {
      const { graph, calls } = graphs.get(id) as { graph: Kept; calls: Set<string> };
      const call = inputNames.includes('value_') ? 'write' : 'run';
      const outputs = binding.runSavedModel(id, inputs, inputNames, outputNames);
      if (inputs.length > 0 && !calls.has(call)) {
        calls.add(call);
        inputs.forEach((tensor, i) =>
          writeFileSync(
            path.join(graph.folder, `${call}-${i}.bin`),
            bytes.get(tensor) ?? binding.tensorDataSync(tensor),
          ),
        );
        const ends = { inputs: inputNames.split(','), outputs: outputNames.split(',') };
        writeFileSync(path.join(graph.folder, `${call}.json`), JSON.stringify(ends));
        if (call === 'run') graph.rows = outputs[0]?.shape[0] ?? 0;
      }
      return outputs;
    },
  };
  const properties = Object.entries(replaced).map(([name, value]) => [name, { value }]);
  return Object.create(binding, Object.fromEntries(properties) as PropertyDescriptorMap) as Binding;
}

/** What bench/peers/op_profile.py tells. */
interface Profile {
  /** Milliseconds of the whole call, at best: on the clock, and of processor time. */
  wall: number;
  cpu: number;
  ops: [op: string, count: number, milliseconds: number][];
}

function rowsOf(what: string, { wall, cpu, ops }: Profile, flops: number, limit: number): string[][] {
  const sum = ops.reduce((total, [, , spent]) => total + spent, 0);
  const shown = ops.filter(([, , spent]) => spent >= LEAST_SHARE * sum);
  const rest = ops.filter(([, , spent]) => spent < LEAST_SHARE * sum);
  const count = rest.reduce((total, [, number]) => total + number, 0);
  const others = rest.reduce((total, [, , spent]) => total + spent, 0);
  const row = (op: string, number: number, spent: number) => [
    ...[what, op, String(number), spent.toFixed(2)],
    `${((100 * spent) / sum).toFixed(0)}`,
  ];
  return [
    ...shown.map((op) => row(...op)),
    row(`${rest.length} others`, count, others),
    [what, 'all, on the clock', '', wall.toFixed(2), ''],
    [what, 'all, processor time', '', cpu.toFixed(2), ''],
    [what, 'FLOPs at the limit', '', (flops / limit / 1e6).toFixed(2), ''],
  ];
}

const data = writeData();
const work = mkdtempSync(path.join(os.tmpdir(), 'labelloop-profile-'));
try {
  const peers = await installPeers();
  const machineArgs = [path.join(import.meta.dirname, 'machine.js'), '--threads', options.threads];
  const machine = new Contestant('machine', process.execPath, machineArgs, process.env);
  await machine.ready();
  const { figure: limit } = await machine.measure();
  await machine.end();
  const rows: string[][] = [];
  const profiled = async (what: string, { folder }: Kept, flops: number): Promise<void> => {
    const args = [
      peers.script('op_profile.py'),
      '--folder',
      folder,
      '--threads',
      options.threads,
      '--runs',
      options.runs,
    ];
    const output = await runCommand(peers.command, args, { env: peers.env });
    rows.push(...rowsOf(what, JSON.parse(output.slice(output.indexOf('{'))) as Profile, flops, limit));
  };
  for (const network of NETWORKS as readonly Network[]) {
    const training = trainTask(network, data, 'items-train', 2);
    prefix = path.join(work, `${network}-train`);
    await train(backend, training);
    await profiled(
      `train, ${network}`,
      kept.at(-1) as Kept,
      training.recipe.batch * flopsPerImage(network, 'train', 1),
    );
    prefix = path.join(work, `${network}-sample`);
    await sample(backend, sampleTask(training.output, path.join(data, 'pixels'), IMAGES));
    const call = kept.at(-1) as Kept;
    await profiled(`sample, ${network}, ${call.rows} passes`, call, call.rows * flopsPerImage(network, 'sample', 1));
  }
  const text = [
    `${options.threads} threads of ${os.cpus()[0]?.model.trim() ?? os.arch()}, best of ${options.runs}; limit: a matrix ` +
      `product's ${limit.toFixed(0)} GFLOP/s. Ops run side by side, so that their times may add up to more than the clock's.`,
    table(['what', 'op', 'count', 'ms', '% of the ops'], rows),
  ].join('\n\n');
  console.log(text);
  if (!options.dry) writeTable('profile', text);
} finally {
  rmSync(data, { recursive: true, force: true });
  rmSync(work, { recursive: true, force: true });
}
