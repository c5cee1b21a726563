import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { modelSpec } from '../contracts/learner.js';
import { decodeSafetensors, encodeSafetensors, tensorNamed } from '../contracts/safetensors.js';
import { learningErrors } from './errors.js';
import { volume } from './network.js';
import { createNetwork } from './networks/index.js';
import type { TrainTask } from '../contracts/learner.js';
import type { StoredTensor, TensorFile } from '../contracts/safetensors.js';
import type { Network } from './network.js';

const MODEL_FORMAT = 'labelloop.model/2';
const CHECKPOINT_FORMAT = 'labelloop.checkpoint/2';

/** Writes to a temporary name beside, then renames: a reader sees a whole file or none. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, bytes);
  renameSync(temporary, path);
}

export const float32 = (shape: number[], data: Float32Array): StoredTensor => ({ dtype: 'F32', shape, data });

/** Weights of a network with the moving statistics that belong to them, as vectors; no statistics: []. */
export interface Parameters {
  weights: Float32Array;
  statistics: Float32Array;
}

/** A part of a vector and what it is called. */
interface Part {
  name: string;
  shape: number[];
}

/** How the vector over all weights is cut into tensors. */
const weightParts = ({ parameters }: Network): Part[] => parameters.map(({ name, shape }) => ({ name, shape }));

/** The same of the vector over all moving statistics. */
const statisticParts = ({ statistics }: Network): Part[] =>
  statistics.flatMap(({ name, width }) =>
    ['mean', 'variance'].map((kind) => ({ name: `${name}.${kind}`, shape: [width] })),
  );

/** A vector as one named tensor a part. */
function named(parts: readonly Part[], vector: Float32Array, prefix = ''): Record<string, StoredTensor> {
  let offset = 0;
  const tensors: Record<string, StoredTensor> = {};
  for (const { name, shape } of parts)
    tensors[prefix + name] = float32(shape, vector.subarray(offset, (offset += volume(shape))));
  return tensors;
}

/** The reverse of `named`. */
function vectorOf(parts: readonly Part[], file: TensorFile, path: string, prefix = ''): Float32Array {
  const vector = new Float32Array(parts.reduce((sum, { shape }) => sum + volume(shape), 0));
  let offset = 0;
  for (const { name, shape } of parts) {
    const tensor = tensorNamed(file, prefix + name, 'F32');
    if (String(tensor.shape) !== String(shape))
      throw learningErrors.notAModel(path, `'${name}' is [${tensor.shape.join(', ')}], expected [${shape.join(', ')}]`);
    vector.set(tensor.data, offset);
    offset += volume(shape);
  }
  return vector;
}

/**
 * A model file: safetensors, a tensor a parameter and `<name>.mean`, `<name>.variance` a batch normalisation; the metadata
 * holds `format`, `spec` and `dropout`.
 */
export function encodeModel(network: Network, { weights, statistics }: Parameters, dropout: number): Uint8Array {
  const spec = JSON.stringify(modelSpec.parse(network.spec));
  const tensors = {
    ...named(weightParts(network), weights),
    ...named(statisticParts(network), statistics),
  };
  return encodeSafetensors(tensors, { format: MODEL_FORMAT, spec, dropout: String(dropout) });
}

/** @throws FORMAT_UNKNOWN where the file is not a model that this release knows */
export function readModel(path: string): { network: Network; dropout: number } & Parameters {
  const file = decodeSafetensors(readFileSync(path));
  if (file.metadata['format'] !== MODEL_FORMAT) throw learningErrors.notAModel(path, 'not a model of this release');
  const spec = modelSpec.safeParse(JSON.parse(file.metadata['spec'] ?? 'null'));
  if (!spec.success) throw learningErrors.notAModel(path, 'its description is not one that this release knows');
  const network = createNetwork(spec.data);
  return {
    network,
    weights: vectorOf(weightParts(network), file, path),
    statistics: vectorOf(statisticParts(network), file, path),
    dropout: Number(file.metadata['dropout']),
  };
}

/** Where a training task stands between two steps: all that the next step depends on. */
export interface TrainingState {
  /** Steps that are done. */
  step: number;
  /** The session's variables by name: `studentVariables`. */
  variables: Record<string, Float32Array>;
  /** Losses of the latest steps, oldest first. */
  losses: Float32Array;
  progress: ProgressState;
  /** The best parameters so far by the validation images; null before the first look. */
  best: Parameters | null;
}

/** What decides when a training ends (progress.ts). */
export const progressState = z.strictObject({
  /** Sum and number of the losses of the window that is open. */
  sum: z.number(),
  count: z.int(),
  /** Mean losses of the first window and of the lowest. */
  first: z.number().nullable(),
  lowest: z.number().nullable(),
  /** Best accuracy on the validation images. */
  accuracy: z.number().nullable(),
  /** Windows or looks since the lowest or best. */
  since: z.int(),
  annealing: z.strictObject({ step: z.int(), rate: z.number() }).nullable(),
});
export type ProgressState = z.infer<typeof progressState>;

/** What a checkpoint must agree on with the task that resumes from it. */
const identity = ({ model, recipe, seed }: TrainTask): string => JSON.stringify({ model, recipe, seed });

/** How each variable is cut; those that are no vector over weights or statistics stay whole. */
function partsOf(network: Network, variable: string, length: number): Part[] {
  if (variable.endsWith('statistics')) return statisticParts(network);
  if (variable.endsWith('weights') || /^(adam|sgd)\./.test(variable)) return weightParts(network);
  return [{ name: 'values', shape: [length] }];
}

/**
 * A checkpoint: safetensors, `<variable>/<part>` for each of the session's variables, `best/<part>` where validation chose
 * some, `losses`; the metadata holds `format`, `task`, `step` and `progress`.
 */
export function encodeCheckpoint(task: TrainTask, network: Network, state: TrainingState): Uint8Array {
  const tensors: Record<string, StoredTensor> = { losses: float32([state.losses.length], state.losses) };
  for (const [variable, values] of Object.entries(state.variables))
    Object.assign(tensors, named(partsOf(network, variable, values.length), values, `${variable}/`));
  if (state.best) {
    Object.assign(tensors, named(weightParts(network), state.best.weights, 'best/'));
    Object.assign(tensors, named(statisticParts(network), state.best.statistics, 'best/'));
  }
  return encodeSafetensors(tensors, {
    format: CHECKPOINT_FORMAT,
    task: identity(task),
    step: String(state.step),
    progress: JSON.stringify(state.progress),
  });
}

/**
 * @param fresh a new training's variables: their names and lengths
 * @throws FORMAT_UNKNOWN where the file is damaged, SHAPE_MISMATCH where it is another task's
 */
export function readCheckpoint(
  path: string,
  task: TrainTask,
  network: Network,
  fresh: Record<string, { data: Float32Array }>,
): TrainingState {
  const file = decodeSafetensors(readFileSync(path));
  if (file.metadata['format'] !== CHECKPOINT_FORMAT)
    throw learningErrors.notAModel(path, 'not a checkpoint of this release');
  if (file.metadata['task'] !== identity(task)) throw learningErrors.otherTask(path);
  const progress = progressState.safeParse(JSON.parse(file.metadata['progress'] ?? 'null'));
  if (!progress.success) throw learningErrors.notAModel(path, 'its progress is not one that this release knows');
  const read = (variable: string, length: number) =>
    vectorOf(partsOf(network, variable, length), file, path, `${variable}/`);
  return {
    step: Number(file.metadata['step']),
    variables: Object.fromEntries(
      Object.entries(fresh).map(([variable, { data }]) => [variable, read(variable, data.length)]),
    ),
    losses: tensorNamed(file, 'losses', 'F32').data,
    progress: progress.data,
    best:
      progress.data.accuracy === null
        ? null
        : {
            weights: vectorOf(weightParts(network), file, path, 'best/'),
            statistics: vectorOf(statisticParts(network), file, path, 'best/'),
          },
  };
}
