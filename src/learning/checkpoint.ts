import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { modelSpec } from '../contracts/learner.js';
import { decodeSafetensors, encodeSafetensors, tensorNamed } from '../contracts/safetensors.js';
import { learningErrors } from './errors.js';
import { createModel } from './model.js';
import type { TrainTask } from '../contracts/learner.js';
import type { StoredTensor, TensorFile } from '../contracts/safetensors.js';
import type { Model } from './model.js';

const MODEL_FORMAT = 'labelloop.model/1';
const CHECKPOINT_FORMAT = 'labelloop.checkpoint/1';

/** Writes to a temporary name beside, then renames: a reader sees a whole file or none. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, bytes);
  renameSync(temporary, path);
}

export const float32 = (shape: number[], data: Float32Array): StoredTensor => ({ dtype: 'F32', shape, data });

/** A vector over all parameters as one named tensor a parameter. */
function named(model: Model, vector: Float32Array, prefix = ''): Record<string, StoredTensor> {
  let offset = 0;
  const tensors: Record<string, StoredTensor> = {};
  for (const { name, shape } of model.parameters) {
    const size = shape.reduce((a, b) => a * b, 1);
    tensors[prefix + name] = float32(shape, vector.subarray(offset, offset + size));
    offset += size;
  }
  return tensors;
}

/** The reverse of `named`. */
function vectorOf(model: Model, file: TensorFile, path: string, prefix = ''): Float32Array {
  const parts = model.parameters.map(({ name, shape }) => {
    const tensor = tensorNamed(file, prefix + name, 'F32');
    if (String(tensor.shape) !== String(shape))
      throw learningErrors.notAModel(path, `'${name}' is [${tensor.shape.join(', ')}], expected [${shape.join(', ')}]`);
    return tensor.data;
  });
  const vector = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    vector.set(part, offset);
    offset += part.length;
  }
  return vector;
}

/** A model file: safetensors, a tensor a parameter; the metadata holds `format`, `spec` and `dropout`. */
export function encodeModel(model: Model, weights: Float32Array, dropout: number): Uint8Array {
  const spec = JSON.stringify(modelSpec.parse(model.spec));
  return encodeSafetensors(named(model, weights), { format: MODEL_FORMAT, spec, dropout: String(dropout) });
}

/** @throws FORMAT_UNKNOWN where the file is not a model that this release knows */
export function readModel(path: string): { model: Model; weights: Float32Array; dropout: number } {
  const file = decodeSafetensors(readFileSync(path));
  if (file.metadata['format'] !== MODEL_FORMAT) throw learningErrors.notAModel(path, 'not a model of this release');
  const spec = modelSpec.safeParse(JSON.parse(file.metadata['spec'] ?? 'null'));
  if (!spec.success) throw learningErrors.notAModel(path, 'its description is not one that this release knows');
  const model = createModel(spec.data);
  return { model, weights: vectorOf(model, file, path), dropout: Number(file.metadata['dropout']) };
}

/** Where a training task stands between two steps: all that the next step depends on. */
export interface TrainingState {
  /** Steps that are done. */
  step: number;
  weights: Float32Array;
  first: Float32Array;
  second: Float32Array;
  /** Losses of the latest steps, oldest first. */
  losses: Float32Array;
}

/** What a checkpoint must agree on with the task that resumes from it. */
const identity = ({ model, recipe, seed }: TrainTask): string => JSON.stringify({ model, recipe, seed });

export function encodeCheckpoint(task: TrainTask, model: Model, state: TrainingState): Uint8Array {
  const tensors = {
    ...named(model, state.weights),
    ...named(model, state.first, 'adam.first/'),
    ...named(model, state.second, 'adam.second/'),
    losses: float32([state.losses.length], state.losses),
  };
  return encodeSafetensors(tensors, { format: CHECKPOINT_FORMAT, task: identity(task), step: String(state.step) });
}

/** @throws FORMAT_UNKNOWN where the file is damaged, SHAPE_MISMATCH where it is another task's */
export function readCheckpoint(path: string, task: TrainTask, model: Model): TrainingState {
  const file = decodeSafetensors(readFileSync(path));
  if (file.metadata['format'] !== CHECKPOINT_FORMAT)
    throw learningErrors.notAModel(path, 'not a checkpoint of this release');
  if (file.metadata['task'] !== identity(task)) throw learningErrors.otherTask(path);
  return {
    step: Number(file.metadata['step']),
    weights: vectorOf(model, file, path),
    first: vectorOf(model, file, path, 'adam.first/'),
    second: vectorOf(model, file, path, 'adam.second/'),
    losses: tensorNamed(file, 'losses', 'F32').data,
  };
}
