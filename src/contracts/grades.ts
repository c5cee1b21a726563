import { z } from 'zod';

/**
 * What a statement on wrong labels rests on. Each grade has a word, a colour (report/style.ts) and a JSON field of its own, and
 * only A is called a certificate or a guarantee:
 * - A `certificate`: a random audit of the frozen labels by people; nothing is assumed of data or model.
 * - B `conditional`: exact if the calibration images are a fair sample of the pool, which was tested, and held back until now;
 *   each pool image labelled by a student that was trained without it.
 * - C `estimate`: the model's own, or calibration images that steered the run; it promises nothing.
 */
export const gradeWords = { A: 'certificate', B: 'conditional estimate', C: 'estimate' } as const;
export type Grade = keyof typeof gradeWords;

/** Why there is no conditional estimate, though one was asked for. */
export const refusals = ['two-sample', 'calibration'] as const;
export const refusal = z.enum(refusals);
export type Refusal = z.infer<typeof refusal>;

/** What a run with `crossFit` comes to: a statement of grade B, or why there is none and its labels have an estimate alone. */
export const conditional = z.strictObject({
  /** C: refused. */
  grade: z.enum(['B', 'C']),
  refused: refusal.nullable().describe('two-sample: calibration and pool differ; calibration: no cut passed'),
  /** At most `most` of the `size` pool labels at or below `cutoff` are wrong; null: refused. */
  claim: z.strictObject({ size: z.int().positive(), most: z.int().nonnegative(), cutoff: z.number() }).nullable(),
  /** Share of wrong labels that was tested for. */
  epsilon: z.number(),
  /** Which release of the split it is, from 1; what it spends of `totalAlpha`. */
  release: z.int().positive(),
  alpha: z.number(),
  totalAlpha: z.number(),
  folds: z.int().min(2),
  /** Held-back calibration images: all, at or below the cut-off, and the wrong ones of these. */
  calibration: z.strictObject({ images: z.int(), accepted: z.int(), errors: z.int() }),
  /** Rejected where p <= level. */
  twoSample: z.strictObject({ p: z.number(), level: z.number(), calibration: z.int(), pool: z.int() }),
});
export type Conditional = z.infer<typeof conditional>;

const whole = (n: number): string => n.toLocaleString('en-GB');
const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

/** The conditional estimate, or its refusal, in sentences for people. */
export function conditionalWords({
  claim,
  refused,
  epsilon,
  alpha,
  folds,
  calibration,
  twoSample,
}: Conditional): string[] {
  const test = `two-sample test, p = ${Number(twoSample.p.toPrecision(2))}`;
  if (claim)
    return [
      `Conditional estimate (grade B): at most ${whole(claim.most)} of ${whole(claim.size)} labels are wrong ` +
        `(${percent(epsilon)}), ${percent(1 - alpha)} confidence, if the calibration images are a fair sample of the pool.`,
      `Of ${whole(calibration.accepted)} held-back calibration images under the cut-off ${whole(calibration.errors)} were ` +
        `wrong; no difference from the pool was found (${test}); the pool was labelled in ${folds} cross-fitted folds.`,
    ];
  const why =
    refused === 'two-sample'
      ? `calibration images and pool differ (${test}), so that nothing follows from the ones for the other`
      : `no cut-off passed the test for ${percent(epsilon)} with ${whole(calibration.images)} held-back calibration images; ` +
        `without one wrong it takes about ${whole(Math.ceil(Math.log(alpha) / Math.log1p(-epsilon)))}`;
  return [`No conditional estimate (grade B): ${why}.`, 'The labels have an estimate (grade C) alone.'];
}
