import { thresholdOutput } from '../contracts/stages.js';
import type { ThresholdInput, ThresholdOutput } from '../contracts/stages.js';
import { chooseCutoff } from '../labelling/threshold.js';
import { readAllPosteriors, readLabels, readManifest, readSplit } from './inputs.js';
import { stage } from './stage.js';

/** Sets the round's cut-off, and calibrates its probabilities, from labels that no training step saw. */
export const threshold = stage<ThresholdInput, ThresholdOutput>(
  'threshold',
  2,
  thresholdOutput,
  async (input, { store, beating }) =>
    beating(async () => {
      const manifest = await readManifest(store, input.dataset);
      const file = chooseCutoff(input, {
        posteriors: await readAllPosteriors(store, input.labelled),
        labels: await readLabels(store, manifest),
        calibration: (await readSplit(store, input.split)).calibration,
        classes: manifest.classes.length,
        pool: manifest.shards.pool.reduce((sum, { count }) => sum + count, 0),
      });
      return {
        cutoff: await store.putJson('cutoff/2', file),
        value: Math.max(...file.values),
        estimate: file.estimate,
        calibrationError: { before: file.scaling.before.ece, after: file.scaling.after.ece },
      };
    }),
);
