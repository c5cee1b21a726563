import { thresholdOutput } from '../contracts/stages.js';
import type { CutoffFile, ThresholdInput, ThresholdOutput } from '../contracts/stages.js';
import { chooseCutoff } from '../labelling/cutoff.js';
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
      const chosen = chooseCutoff({
        rule: input.rule,
        targetError: input.targetError,
        posteriors,
        labels,
        calibration,
        classes: manifest.classes.length,
      });
      const file: CutoffFile = { format: 'labelloop.cutoff/1', rule: input.rule, ...chosen };
      return { cutoff: await store.putJson('cutoff/1', file), value: chosen.value, estimate: chosen.estimate };
    }),
);
