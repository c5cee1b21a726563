import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deriveSeed } from '../contracts/random.js';
import { decodeSafetensors, encodeSafetensors } from '../contracts/safetensors.js';
import type { TensorFile } from '../contracts/safetensors.js';
import { sampleOutput } from '../contracts/stages.js';
import type { SampleInput, SampleOutput } from '../contracts/stages.js';
import type { ItemRow, PosteriorRow } from '../contracts/tables.js';
import { encodeTable, tables } from '../store/index.js';
import { readItems, readManifest, shardOf } from './inputs.js';
import { stage } from './stage.js';

/** Scores one shard with stochastic forward passes. */
export const sample = stage<SampleInput, SampleOutput>('sample', 1, sampleOutput, async (input, attempt) => {
  const { store, learner, beating } = attempt;
  const folder = join(attempt.scratch, `sample-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const output = join(folder, 'posterior.safetensors');
    const { shard, items, task } = await beating(async () => {
      const manifest = await readManifest(store, input.dataset);
      const found = shardOf(manifest, input.split, input.shard);
      const [model, pixels, rows] = await Promise.all([
        store.fetch(input.model),
        store.fetch(found.pixels),
        readItems(store, found),
      ]);
      const { count, offset } = found;
      const seed = deriveSeed(deriveSeed(input.seed, 'sample', input.round), 'sample', SPLIT_STREAM[input.split]);
      return {
        shard: found,
        items: rows,
        task: { kind: 'sample' as const, model, pixels, count, offset, passes: input.passes, seed, output },
      };
    });
    await attempt.learnerReady();
    await learner.sample(task, { signal: attempt.signal, onProgress: attempt.progress });
    return await attempt.keeping(async () => {
      const file = decodeSafetensors(await readFile(output));
      const features = tensor(file, 'features');
      return {
        posteriors: await store.putBytes('posteriors/1', encodeTable(tables.posteriors, posteriorRows(items, file))),
        features: await store.putBytes('features/1', encodeSafetensors({ features })),
        count: shard.count,
      };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Images of different splits get different masks, though their positions are the same. */
const SPLIT_STREAM = { labelled: 0, pool: 1, test: 2 };

type Tensor = TensorFile['tensors'][string];

function tensor(file: TensorFile, name: string): Tensor {
  const found = file.tensors[name];
  if (!found) throw new Error(`the learner's result has no tensor '${name}'`);
  return found;
}

/** The learner's columns as rows, with the images' ids. */
function posteriorRows(items: readonly ItemRow[], file: TensorFile): PosteriorRow[] {
  const column = (name: string): ArrayLike<number> => tensor(file, name).data;
  const p = tensor(file, 'p');
  const classes = p.shape[1] as number;
  const [std, entropy, aleatoric, epistemic, variance] = [
    column('probability_std'),
    column('predictive_entropy'),
    column('aleatoric'),
    column('epistemic'),
    column('log_variance'),
  ];
  return items.map(({ id }, i) => {
    const row = Array.from(p.data.subarray(i * classes, (i + 1) * classes));
    const predicted = row.indexOf(Math.max(...row));
    return {
      id,
      predicted,
      probability: row[predicted] as number,
      probability_std: std[i] as number,
      predictive_entropy: entropy[i] as number,
      aleatoric: aleatoric[i] as number,
      epistemic: epistemic[i] as number,
      log_variance: variance[i] as number,
      p: row,
    };
  });
}
