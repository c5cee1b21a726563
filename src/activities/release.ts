import { deriveSeed, RandomStream } from '../contracts/random.js';
import { decodeSafetensors } from '../contracts/safetensors.js';
import { scoreOf } from '../contracts/scores.js';
import { releaseOutput } from '../contracts/stages.js';
import type { ReleaseInput, ReleaseOutput } from '../contracts/stages.js';
import { estimateAt } from '../labelling/cutoff.js';
import { foldOf, foldSalt, isHeldBack } from '../labelling/folds.js';
import { release as released } from '../labelling/release.js';
import { chooseCutoff, steering } from '../labelling/threshold.js';
import { SampleOf, twoSampleTest } from '../labelling/two-sample.js';
import type { Features } from '../labelling/two-sample.js';
import type { Store } from '../store/index.js';
import { readPosteriors, readSet } from './inputs.js';
import { stage } from './stage.js';
import { readLabelledImages, storeCutoff } from './threshold.js';

/** Pool images that the two-sample test looks at, all folds together, or four times the calibration images if that is less. */
const POOL_SAMPLE = 2000;
const POOL_SHARE = 4;

/** Makes the statement that cross-fitted labels are released with, and the cut-off that it is of. */
export const release = stage<ReleaseInput, ReleaseOutput>(
  'release',
  1,
  releaseOutput,
  async (input, { store, beating }) =>
    beating(async () => {
      const images = await readLabelledImages(store, input);
      const file = chooseCutoff(input, steering(images, input.seed));
      const foldOfId = (id: string): number => foldOf(id, input.folds, foldSalt(input.seed));

      const heldBack = images.calibration.filter((i) => isHeldBack(images.posteriors[i]?.id ?? '', input.seed));
      const scored = images.posteriors.map((row, i) => ({
        score: scoreOf(file.score, row),
        predicted: row.predicted,
        correct: row.predicted === images.labels[i],
      }));
      const calibration = await featuresByFold(store, input, input.labelled, new Set(heldBack), foldOfId);
      const wanted = Math.min(POOL_SAMPLE, POOL_SHARE * heldBack.length);
      const pool = await poolOf(store, input, (row) => scoreOf(file.score, row));
      const sample = new RandomStream(deriveSeed(input.seed, 'twoSample', input.release))
        .shuffle(Uint32Array.from({ length: pool.length }, (_, i) => i))
        .subarray(0, wanted);
      const sampled = await featuresByFold(store, input, input.pool, new Set(sample), foldOfId);
      const conditional = released(
        { calibration: heldBack.map((i) => scored[i] as (typeof scored)[number]), pool, folds: input.folds },
        { epsilon: input.targetError, release: input.release },
        twoSampleTest(
          calibration.map((features, fold) => ({ calibration: features, pool: sampled[fold] as Features })),
          { seed: deriveSeed(input.seed, 'twoSample') },
        ),
      );
      if (!conditional.claim) return { ...(await storeCutoff(store, file)), conditional };
      const values = file.values.map(() => conditional.claim?.cutoff ?? 0);
      const steered = images.calibration.flatMap((i) =>
        heldBack.includes(i) ? [] : [scored[i] as (typeof scored)[number]],
      );
      const output = await storeCutoff(store, {
        ...file,
        ...{ values, classwise: false, top: null, estimate: estimateAt(steered, values) },
      });
      return { ...output, conditional };
    }),
);

/** Scores of the pool, in its order. */
async function poolOf(
  store: Store,
  { pool }: ReleaseInput,
  score: (row: Awaited<ReturnType<typeof readPosteriors>>[number]) => number,
): Promise<Float64Array> {
  const { shards } = await readSet(store, pool);
  const scores = new Float64Array(shards.reduce((sum, { count }) => sum + count, 0));
  let position = 0;
  for (const { posteriors } of shards)
    for (const row of await readPosteriors(store, posteriors)) scores[position++] = score(row);
  return scores;
}

/** Features of some positions of a split, by the fold that their image is in; a shard is in memory at a time. */
async function featuresByFold(
  store: Store,
  { folds }: ReleaseInput,
  set: ReleaseInput['pool'],
  positions: ReadonlySet<number>,
  foldOfId: (id: string) => number,
): Promise<Features[]> {
  const samples = Array.from({ length: folds }, () => new SampleOf());
  let start = 0;
  for (const shard of (await readSet(store, set)).shards) {
    const rows = await readPosteriors(store, shard.posteriors);
    if (rows.some((_, i) => positions.has(start + i))) {
      const { tensors } = decodeSafetensors(await store.readBytes(shard.features));
      const data = tensors['features']?.data as Float32Array;
      const width = data.length / rows.length;
      rows.forEach(({ id }, i) => {
        if (positions.has(start + i)) samples[foldOfId(id)]?.add(data.subarray(i * width, (i + 1) * width));
      });
    }
    start += rows.length;
  }
  return samples.map((sample) => sample.features());
}
