import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { table, writeTable } from './table.js';

/*
 * The table of what moving gives, from what `bench/adaptation.ts` wrote with `--log`: the ways that `labelloop adapt` takes at
 * so many labels, beside the source's model and a student from scratch.
 *
 *     node dist/bench/adaptation-table.js --table adaptation adaptation.jsonl
 */
const { values, positionals } = parseArgs({
  options: { table: { type: 'string' } },
  allowPositionals: true,
});

/** The way of `labelloop adapt` without a label, with fewer than 5 a class, and with more. */
const wayAt = (labels: number): string =>
  labels === 0 ? 'warm+replay+clusters+balanced+align' : labels < 50 ? 'warm+replay+align' : 'warm+replay';

interface Line {
  target: string;
  labels: number;
  seed: number;
  way: string;
  before: number;
  accuracy: number;
  clusters: number;
  pseudoRight: number;
  coverageAt2: number;
}

const lines = positionals
  .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
  .map((line) => JSON.parse(line) as Line)
  .filter(({ way }) => way !== 'source');

const percent = (share: number | undefined): string => (share === undefined ? '–' : (100 * share).toFixed(1));
const rows: string[][] = [];
const key = ({ target, labels, seed }: Line): string => JSON.stringify([target, labels, seed]);
for (const group of new Set(lines.map(key))) {
  const of = lines.filter((line) => key(line) === group);
  const [{ target, labels, seed }] = of as [Line];
  const named = (way: string): Line | undefined => of.findLast((line) => line.way === way);
  const [none, after, scratch] = [named('none'), named(wayAt(labels)), named('fresh')];
  rows.push([
    ...[target, String(labels), String(seed), percent(none?.before)],
    // Balanced labels have no vote of the model in them: they are what the moved student of that round learned from.
    percent(labels === 0 ? after?.pseudoRight : none?.clusters),
    ...[percent(after?.accuracy), percent(scratch?.accuracy)],
    [none, after, scratch].map((line) => percent(line?.coverageAt2)).join(', '),
  ]);
}
rows.sort((a, b) => (a[0] as string).localeCompare(b[0] as string) || Number(a[1]) - Number(b[1]));
const text = table(
  [
    ...['target', 'labels', 'seed', 'before, % right', 'clusters alone', 'after', 'from scratch'],
    '% labelled at 2 % error: before, after, from scratch',
  ],
  rows,
);
console.log(text);
if (values.table !== undefined) writeTable(values.table, text);
