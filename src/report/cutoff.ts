import { z } from 'zod';
import { cutoffFile, estimate } from '../contracts/stages.js';
import type { CutoffFile } from '../contracts/stages.js';

/** As release 0.1.0 wrote it: one cut-off, and probabilities as they were sampled. */
const firstCutoffFile = z.strictObject({
  format: z.literal('labelloop.cutoff/1'),
  score: z.enum(['predictive_entropy', 'total_uncertainty']),
  rule: z.string(),
  value: z.number(),
  estimate,
});

/** A round's cut-off, whichever release wrote it. */
export const anyCutoffFile = z.union([cutoffFile, firstCutoffFile]);
export type AnyCutoffFile = z.infer<typeof anyCutoffFile>;

/** The cut-off that the histogram of predictive entropy can show: one for all classes, on that very score; or null. */
export function drawableCutoff(file: AnyCutoffFile): number | null {
  if (file.format === 'labelloop.cutoff/1') return file.score === 'predictive_entropy' ? file.value : null;
  const { score, top, classwise, values } = file;
  return score === 'predictive-entropy' && top === null && !classwise ? (values[0] ?? null) : null;
}

/** What the charts of cut-offs and calibration show; null in runs of 0.1.0, which had neither. */
export const chartedCutoff = (file: AnyCutoffFile): CutoffFile | null =>
  file.format === 'labelloop.cutoff/2' ? file : null;
