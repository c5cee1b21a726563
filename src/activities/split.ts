import { splitOutput } from '../contracts/stages.js';
import type { SplitFile, SplitInput, SplitOutput } from '../contracts/stages.js';
import { splitLabelled } from '../labelling/split.js';
import { readLabels, readManifest } from './inputs.js';
import { stage } from './stage.js';

/** Parts the labelled images into those that train, those that choose the checkpoint and those that only set cut-offs. */
export const split = stage<SplitInput, SplitOutput>('split', 2, splitOutput, async (input, { store, beating }) =>
  beating(async () => {
    const manifest = await readManifest(store, input.dataset);
    const labels = await readLabels(store, manifest);
    const most = (input.calibrationMost ?? Infinity) / Math.max(1, labels.length);
    const shares = { calibration: Math.min(input.calibrationShare, most), validation: input.validationShare };
    const parts = splitLabelled(labels, manifest.classes.length, shares, input.seed);
    const file: SplitFile = { format: 'labelloop.split/2', ...parts };
    return {
      split: await store.putJson('split/2', file),
      train: parts.train.length,
      validation: parts.validation.length,
      calibration: parts.calibration.length,
    };
  }),
);
