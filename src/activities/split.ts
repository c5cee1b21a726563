import { splitOutput } from '../contracts/stages.js';
import type { SplitFile, SplitInput, SplitOutput } from '../contracts/stages.js';
import { splitLabelled } from '../labelling/split.js';
import { readLabels, readManifest } from './inputs.js';
import { stage } from './stage.js';

/** Parts the labelled images into those that train and those that only set cut-offs. */
export const split = stage<SplitInput, SplitOutput>('split', 1, splitOutput, async (input, { store, beating }) =>
  beating(async () => {
    const manifest = await readManifest(store, input.dataset);
    const labels = await readLabels(store, manifest);
    const parts = splitLabelled(labels, manifest.classes.length, input.calibrationShare, input.seed);
    const file: SplitFile = { format: 'labelloop.split/1', ...parts };
    return {
      split: await store.putJson('split/1', file),
      train: parts.train.length,
      calibration: parts.calibration.length,
    };
  }),
);
