import { deriveSeed } from '../contracts/random.js';
import { shiftOutput } from '../contracts/shift.js';
import type { ShiftFile, ShiftInput, ShiftOutput } from '../contracts/shift.js';
import { negatives } from '../labelling/polarity.js';
import { LEAST_KNOWN, summarise } from '../labelling/shift.js';
import { readManifest, readSplit } from './inputs.js';
import { compareAside } from './shift/compare-aside.js';
import { lookAtKnown, lookAtSeen, readClusters } from './shift/look.js';
import { stage } from './stage.js';

/** Tells whether images are of the law of a run's calibration images, which no model of the run was trained on. */
export const shift = stage<ShiftInput, ShiftOutput>('shift', 2, shiftOutput, async (input, { store, beating }) =>
  beating(async () => {
    const { calibration } = await readSplit(store, input.known.split);
    if (calibration.length < LEAST_KNOWN) return { summary: null, shift: null };
    const clusters = await readClusters(store, input.known.clusters);
    const seed = deriveSeed(input.seed, 'shift');
    const manifests = {
      known: await readManifest(store, input.known.dataset),
      seen: await readManifest(store, input.seen.dataset),
    };
    const known = await lookAtKnown(store, input, manifests.known, calibration, clusters, seed);
    const seen = await lookAtSeen(store, input, manifests.seen, clusters, seed);
    const { trainedOn, picture } = input;
    const { tests, places } = await compareAside({ known: known.side, seen: seen.side, trainedOn, seed, picture });
    const negative = negatives(known.grey, seen.grey);
    const summary = { ...summarise(tests, known.tally, seen.tally, clusters.labels), ...(negative && { negative }) };
    const shown = [...known.shown, ...seen.shown];
    const file: ShiftFile = {
      format: 'labelloop.shift/1',
      summary,
      outside: seen.outside,
      labels: clusters.labels,
      picture: places.map(({ x, y }, i) => ({ x, y, ...shown[i]! })),
    };
    return { summary, shift: await store.putJson('shift/1', file) };
  }),
);
