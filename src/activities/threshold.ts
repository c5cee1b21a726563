import { thresholdOutput } from '../contracts/stages.js';
import type { CutoffFile, ThresholdInput, ThresholdOutput } from '../contracts/stages.js';
import { estimateAt, targetErrorCutoff } from '../labelling/cutoff.js';
import type { ScoredImage } from '../labelling/cutoff.js';
import { fenceCutoff } from '../labelling/fence.js';
import { uncertainty } from '../labelling/relabel.js';
import type { PosteriorRow } from '../contracts/tables.js';
import { readAllPosteriors, readLabels, readManifest, readSplit } from './inputs.js';
import { stage } from './stage.js';

/** Sets the round's cut-off from labels that no training step saw. */
export const threshold = stage<ThresholdInput, ThresholdOutput>(
  'threshold',
  1,
  thresholdOutput,
  async (input, { store, beating }) =>
    beating(async () => {
      const manifest = await readManifest(store, input.dataset);
      const { calibration } = await readSplit(store, input.split);
      const [posteriors, labels] = [await readAllPosteriors(store, input.labelled), await readLabels(store, manifest)];
      const chosen = choose(input, { posteriors, labels, calibration, classes: manifest.classes.length });
      const file: CutoffFile = { format: 'labelloop.cutoff/1', rule: input.rule, ...chosen };
      return { cutoff: await store.putJson('cutoff/1', file), value: chosen.value, estimate: chosen.estimate };
    }),
);

interface Labelled {
  posteriors: readonly PosteriorRow[];
  labels: Int32Array;
  calibration: readonly number[];
  classes: number;
}

function choose(
  { rule, targetError }: ThresholdInput,
  { posteriors, labels, calibration, classes }: Labelled,
): Pick<CutoffFile, 'score' | 'value' | 'estimate'> {
  const score = rule === 'fence' ? 'total_uncertainty' : 'predictive_entropy';
  const all = posteriors.map((row, i): ScoredImage => ({
    score: uncertainty(row, score),
    correct: row.predicted === labels[i],
  }));
  const heldOut = calibration.map((i) => all[i] as ScoredImage);
  if (rule === 'target-error') return { score, ...targetErrorCutoff(heldOut, targetError, classes) };
  // The fence as published looks at every labelled image, those that trained included; its estimate looks at calibration alone.
  const value = fenceCutoff(all);
  return { score, value, estimate: estimateAt(heldOut, value) };
}
