import { runPointerPath } from '../contracts/shift.js';
import type { RunPointer } from '../contracts/shift.js';
import { historyFile } from '../contracts/stages.js';
import type { EvaluateInput, EvaluateOutput, HistoryFile } from '../contracts/stages.js';
import type { Store } from '../store/index.js';
import { readAllPosteriors, readAnswers, readLabels, readManifest, readSplit } from './inputs.js';

/**
 * Measures the round, adds it to the history, and leaves word of both under the run's name. The only stage that reads test
 * labels.
 */
export async function evaluate(input: EvaluateInput, store: Store, run: string): Promise<EvaluateOutput> {
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
  const output = { history: await store.putJson('history/1', history), testAccuracy };
  const { dataset, split, labelled: posteriors, sampling, source } = input;
  const pointer: RunPointer = {
    format: 'labelloop.run/1',
    ...{ dataset, split, labelled: posteriors, history: output.history },
    ...(sampling ? { sampling } : {}),
    ...(source ? { source } : {}),
  };
  await store.putPointer(runPointerPath(run), pointer);
  return output;
}

const mean = (hits: readonly boolean[]): number | null =>
  hits.length === 0 ? null : hits.filter(Boolean).length / hits.length;
