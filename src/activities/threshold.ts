import { cutoffFile, thresholdOutput } from '../contracts/stages.js';
import type { CutoffFile, ThresholdInput, ThresholdOutput } from '../contracts/stages.js';
import { borrowCutoff, canCalibrate } from '../labelling/borrowed.js';
import { chooseCutoff, steering } from '../labelling/threshold.js';
import type { LabelledImages } from '../labelling/threshold.js';
import type { Store } from '../store/index.js';
import { readAllPosteriors, readLabels, readManifest, readSplit } from './inputs.js';
import { stage } from './stage.js';

/** Sets the round's cut-off, and calibrates its probabilities, from labels that no training step saw. */
export const threshold = stage<ThresholdInput, ThresholdOutput>(
  'threshold',
  2,
  thresholdOutput,
  async (input, { store, beating }) =>
    beating(async () => {
      const images = await readLabelledImages(store, input);
      if (input.borrowed && !canCalibrate(images.calibration.length, input.targetError)) {
        const file = borrowCutoff(await store.readJson(input.borrowed, cutoffFile), images.classes);
        return { ...(await storeCutoff(store, file)), borrowed: true };
      }
      return storeCutoff(store, chooseCutoff(input, input.holdBack ? steering(images, input.seed) : images));
    }),
);

/** The labelled images with posteriors, labels and which of them calibrate. */
export async function readLabelledImages(
  store: Store,
  input: Pick<ThresholdInput, 'dataset' | 'split' | 'labelled'>,
): Promise<LabelledImages> {
  const manifest = await readManifest(store, input.dataset);
  return {
    posteriors: await readAllPosteriors(store, input.labelled),
    labels: await readLabels(store, manifest),
    calibration: (await readSplit(store, input.split)).calibration,
    classes: manifest.classes.length,
    pool: manifest.shards.pool.reduce((sum, { count }) => sum + count, 0),
  };
}

export const storeCutoff = async (store: Store, file: CutoffFile): Promise<ThresholdOutput> => ({
  cutoff: await store.putJson('cutoff/2', file),
  value: Math.max(...file.values),
  estimate: file.estimate,
  calibrationError: { before: file.scaling.before.ece, after: file.scaling.after.ece },
});
