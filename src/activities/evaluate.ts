import { historyFile } from '../contracts/stages.js';
import type { EvaluateInput, EvaluateOutput, HistoryFile } from '../contracts/stages.js';
import type { Store } from '../store/index.js';
import { readAllPosteriors, readAnswers, readLabels, readManifest, readSplit } from './inputs.js';

/** Measures the round and adds it to the history. The only stage that reads test labels. */
export async function evaluate(input: EvaluateInput, store: Store): Promise<EvaluateOutput> {
  const manifest = await readManifest(store, input.dataset);
  const { calibration } = await readSplit(store, input.split);
  const labels = await readLabels(store, manifest);
  const labelled = await readAllPosteriors(store, input.labelled);
  const calibrationAccuracy = mean(calibration.map((i) => labelled[i]?.predicted === labels[i]));

  let testAccuracy: number | null = null;
  if (input.test && manifest.testLabels) {
    const truth = new Map((await readAnswers(store, manifest.testLabels)).map((row) => [row.id, row.label]));
    const posteriors = await readAllPosteriors(store, input.test);
    testAccuracy = mean(posteriors.map((row) => truth.get(row.id) === row.predicted));
  }
  const before = input.history ? (await store.readJson(input.history, historyFile)).rounds : [];
  const history: HistoryFile = {
    format: 'labelloop.history/1',
    rounds: [...before, { ...input.record, testAccuracy, calibrationAccuracy }],
  };
  return { history: await store.putJson('history/1', history), testAccuracy };
}

const mean = (hits: readonly boolean[]): number | null =>
  hits.length === 0 ? null : hits.filter(Boolean).length / hits.length;
