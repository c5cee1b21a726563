import { problem } from '../contracts/errors.js';
import { historyFile } from '../contracts/stages.js';
import type { CompareInput, CompareOutput, ComparisonFile, RoundRecord, TruthRecord } from '../contracts/stages.js';
import { Comparison } from '../labelling/compare.js';
import { readRows, tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { readAnswers, readManifest } from './inputs.js';

/** The closing comparison of a dry run: the only reader of the labels that the import hid. */
export async function compare(input: CompareInput, store: Store): Promise<CompareOutput> {
  const manifest = await readManifest(store, input.dataset);
  if (!manifest.truth)
    throw problem('DATASET_INVALID', `dataset '${manifest.name}' has no hidden labels to compare with.`);
  const truth = new Map((await readAnswers(store, manifest.truth)).map((row) => [row.id, row.label]));
  const { rounds } = await store.readJson(input.history, historyFile);
  const records: TruthRecord[] = [];
  let confusion: number[][] = [];
  for (const round of rounds) {
    const comparison = await compareRound(store, round, truth, manifest.classes.length);
    records.push(comparison.record(round.testAccuracy));
    confusion = comparison.confusion();
  }
  const last = records.at(-1);
  if (!last) throw problem('DATASET_INVALID', 'the run has no finished round to compare.');
  const file: ComparisonFile = { format: 'labelloop.comparison/1', rounds: records, confusion };
  return { comparison: await store.putJson('comparison/1', file), last };
}

async function compareRound(
  store: Store,
  round: RoundRecord,
  truth: ReadonlyMap<string, number>,
  classes: number,
): Promise<Comparison> {
  const comparison = new Comparison(classes);
  for await (const row of readRows(tables.labels, await store.fetch(round.labels))) {
    const answer = truth.get(row.id);
    // Images whose label nobody ever knew can't be compared; they count nowhere.
    if (answer !== undefined) comparison.add(answer, row);
  }
  return comparison;
}
