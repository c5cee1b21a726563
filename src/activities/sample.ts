import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deriveSeed } from '../contracts/random.js';
import { decodeSafetensors, encodeSafetensors } from '../contracts/safetensors.js';
import type { TensorFile } from '../contracts/safetensors.js';
import { cutoffFile, sampleOutput } from '../contracts/stages.js';
import type { Ref } from '../contracts/references.js';
import { SEQUENTIAL_PASSES } from '../contracts/learner.js';
import type { SampleTask, SequentialRule } from '../contracts/learner.js';
import type { Store } from '../store/index.js';
import type { SampleInput, SampleOutput } from '../contracts/stages.js';
import type { ItemRow, PosteriorRow } from '../contracts/tables.js';
import { encodeTable, tables } from '../store/index.js';
import { foldOf, foldSalt } from '../labelling/folds.js';
import { pickRows, readItems, readManifest, shardOf } from './inputs.js';
import { stage } from './stage.js';
import type { Attempt } from './stage.js';

/** Scores one shard with stochastic forward passes. */
export const sample = stage<SampleInput, SampleOutput>('sample', 2, sampleOutput, async (input, attempt) => {
  const { store, beating } = attempt;
  const folder = join(attempt.scratch, `sample-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const output = join(folder, 'posterior.safetensors');
    const { shard, items, task } = await beating(async () => {
      const manifest = await readManifest(store, input.dataset);
      const found = shardOf(manifest, input.split, input.shard);
      const [models, pixels, rows, sequential] = await Promise.all([
        Promise.all(input.models.map((model) => store.fetch(model))),
        store.fetch(found.pixels),
        readItems(store, found),
        sequentialRule(store, input.cutoff),
      ]);
      const { count, offset } = found;
      const { posterior, precision } = input;
      const seed = deriveSeed(deriveSeed(input.seed, 'sample', input.round), 'sample', SPLIT_STREAM[input.split]);
      const passes = posterior === 'mc-dropout' ? input.passes : 1;
      return {
        shard: found,
        items: rows,
        task: {
          kind: 'sample' as const,
          ...{ models, posterior, pixels, count, offset, passes, sequential, seed, precision, output },
        },
      };
    });
    await attempt.learnerReady();
    const { file, passes } = input.crossFit
      ? await sampleByFold(attempt, task, { folder, ids: items.map(({ id }) => id), seed: input.seed })
      : await sampleFile(attempt, task);
    return await attempt.keeping(async () => {
      const features = tensor(file, 'features');
      return {
        posteriors: await store.putBytes('posteriors/2', encodeTable(tables.posteriors, posteriorRows(items, file))),
        features: await store.putBytes('features/1', encodeSafetensors({ features })),
        count: shard.count,
        passes,
      };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** A learner's result in memory. */
interface Sampled {
  file: TensorFile;
  passes: number;
}

async function sampleFile({ learner, onLearner }: Attempt, task: SampleTask): Promise<Sampled> {
  const { passes } = await onLearner((listener) => learner.sample(task, listener));
  return { file: decodeSafetensors(await readFile(task.output)), passes };
}

/** Each image by the model of its fold: as many images in all as without folds, a task a fold. */
async function sampleByFold(
  attempt: Attempt,
  task: SampleTask,
  { folder, ids, seed }: { folder: string; ids: readonly string[]; seed: number },
): Promise<Sampled> {
  const pixels = await readFile(task.pixels);
  const folds = task.models.map((): number[] => []);
  ids.forEach((id, row) => folds[foldOf(id, folds.length, foldSalt(seed))]?.push(row));
  const whole: TensorFile = { tensors: {}, metadata: {} };
  let passes = 0;
  for (const [fold, rows] of folds.entries()) {
    if (rows.length === 0) continue;
    const [subset, output] = [join(folder, `pixels-${fold}`), join(folder, `posterior-${fold}`)];
    await writeFile(subset, pickRows(pixels, ids.length, rows));
    const models = [task.models[fold] as string];
    const part = await sampleFile(attempt, { ...task, models, pixels: subset, count: rows.length, output });
    spread(part.file, rows, ids.length, whole);
    passes += part.passes;
  }
  return { file: whole, passes };
}

/** Puts the rows of a part's tensors, all float32, to their places among `count`. */
function spread(part: TensorFile, rows: readonly number[], count: number, whole: TensorFile): void {
  for (const [name, { shape, data }] of Object.entries(part.tensors)) {
    const width = data.length / rows.length;
    whole.tensors[name] ??= {
      dtype: 'F32',
      shape: [count, ...shape.slice(1)],
      data: new Float32Array(count * width),
    };
    const into = whole.tensors[name].data;
    rows.forEach((row, i) => into.set(data.subarray(i * width, (i + 1) * width), row * width));
  }
}

/** Images of different splits get different masks, though their positions are the same. */
const SPLIT_STREAM = { labelled: 0, pool: 1, test: 2 };

/** A pool image's decision against the round's cut-off settles how many passes it gets; a top-n cut-off lies in the pool itself. */
async function sequentialRule(store: Store, cutoff: Ref | null): Promise<SequentialRule | null> {
  if (!cutoff) return null;
  const { score, values, top } = await store.readJson(cutoff, cutoffFile);
  return top === null ? { score, cutoffs: values, ...SEQUENTIAL_PASSES } : null;
}

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
  const columns = {
    probability_std: column('probability_std'),
    predictive_entropy: column('predictive_entropy'),
    aleatoric: column('aleatoric'),
    epistemic: column('epistemic'),
    log_variance: column('log_variance'),
    variation_ratio: column('variation_ratio'),
    kwon_aleatoric: column('kwon_aleatoric'),
    kwon_epistemic: column('kwon_epistemic'),
    passes: column('passes'),
  };
  type Moment = keyof typeof columns;
  return items.map(({ id }, i) => {
    const row = Array.from(p.data.subarray(i * classes, (i + 1) * classes));
    const predicted = row.indexOf(Math.max(...row));
    const moments = Object.fromEntries(
      (Object.keys(columns) as Moment[]).map((name) => [name, columns[name][i] as number]),
    ) as Record<Moment, number>;
    return {
      id,
      predicted,
      probability: row[predicted] as number,
      ...moments,
      p: row,
    };
  });
}
