import { cliErrors } from './errors.js';
import { count, percent, plural, table } from './format.js';
import { exists, writeWhole } from './output-file.js';
import { examples, verb, withClient } from './verb.js';
import type { Command } from 'commander';
import type { NearDuplicate, Suspect } from '../contracts/look.js';
import type { Column } from './format.js';
import type { Call, Context, Outcome } from './verb.js';

interface ListOptions {
  out?: string;
  force?: true;
}

/** Rows that a terminal is shown; a file has them all. */
const SHOWN = 40;

const right = (title: string): Column => ({ title, align: 'right' });

/** What a list is called, and how its rows are shown and written. */
interface List<Row> {
  noun: string;
  columns: readonly Column[];
  shown: (row: Row) => string[];
  /** Columns of the file. */
  fields: readonly string[];
  written: (row: Row) => (string | number)[];
  /** What to make of it, after the rows. */
  meaning: string;
  none: string;
}

const suspectList: List<Suspect> = {
  noun: 'label',
  columns: [{ title: 'image' }, { title: 'people' }, { title: 'model' }, { title: 'cluster' }, right('number')],
  shown: (row) => [
    row.name,
    row.label,
    `${row.predicted} ${percent(row.probability)}`,
    `${row.clusterLabel} ${percent(row.clusterProbability)}`,
    String(row.cluster),
  ],
  fields: ['name', 'id', 'label', 'predicted', 'probability', 'cluster', 'cluster_label', 'cluster_probability'],
  written: (row) => [
    ...[row.name, row.id, row.label, row.predicted, row.probability],
    ...[row.cluster, row.clusterLabel, row.clusterProbability],
  ],
  meaning: 'Labels that people gave, denied by the model and by the other labels of their cluster; none was changed.',
  none: 'No label that people gave is denied by both the model and its cluster.',
};

const duplicateList: List<NearDuplicate> = {
  noun: 'image',
  columns: [right('group'), { title: 'image' }, right('distance')],
  shown: (row) => [String(row.group), row.name, row.distance.toFixed(4)],
  fields: ['group', 'name', 'id', 'distance'],
  written: (row) => [row.group, row.name, row.id, row.distance],
  meaning: 'Images of one group look alike; distance: to the nearest of them, of features of length 1.',
  none: 'No images of the pool look alike.',
};

/** `labels suspects` and `labels duplicates`: what the last round's clusters give people to look at. */
export function addLookVerbs(labels: Command, context: Context): void {
  listVerb(labels, 'suspects', 'labels of people that model and cluster deny, the least credible first').action(
    verb(context, async (call: Call<ListOptions>, run: string) => {
      const rows = await withClient(call.services, (client) => client.suspects(run));
      return listed(call, { run, suspects: rows }, rows, suspectList);
    }),
  );
  listVerb(labels, 'duplicates', 'images of the pool that look alike, group by group').action(
    verb(context, async (call: Call<ListOptions>, run: string) => {
      const rows = await withClient(call.services, (client) => client.duplicates(run));
      return listed(call, { run, duplicates: rows }, rows, duplicateList);
    }),
  );
}

const listVerb = (labels: Command, name: string, description: string): Command =>
  labels
    .command(name)
    .description(description)
    .argument('<run>', 'id of the run')
    .option('--out <file>', 'CSV file to write')
    .option('--force', 'overwrite the file')
    .addHelpText(
      'after',
      examples(
        `labelloop labels ${name} shells-1a2b3c4d`,
        `labelloop labels ${name} shells-1a2b3c4d --out ${name}.csv`,
      ),
    );

async function listed<Row>(
  { options: { out, force }, terminal }: Call<ListOptions>,
  document: object,
  rows: readonly Row[],
  list: List<Row>,
): Promise<Outcome> {
  if (out === undefined) return { document, lines: linesOf(rows, list, terminal.out.columns) };
  if (!force && (await exists(out))) throw cliErrors.outputExists(out);
  // Loaded here: the writers of Parquet come with it.
  const { csvLine } = await import('../datasets/index.js');
  await writeWhole(out, async (stream) => {
    stream.write(csvLine(list.fields));
    for (const row of rows) stream.write(csvLine(list.written(row)));
    await Promise.resolve();
  });
  return { document: { ...document, out }, lines: [`${plural(rows.length, list.noun)} written to ${out} (csv).`] };
}

function linesOf<Row>(rows: readonly Row[], list: List<Row>, width?: number): string[] {
  if (rows.length === 0) return [list.none];
  const shown = rows.slice(0, SHOWN).map((row) => list.shown(row));
  const rest = rows.length - shown.length;
  return [
    ...table([...list.columns], shown, width),
    ...(rest > 0 ? [`… and ${count(rest)} more: --out FILE.csv writes all.`] : []),
    list.meaning,
  ];
}
