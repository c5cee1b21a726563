import { readModel } from './checkpoint.js';
import { learningErrors } from './errors.js';
import { volume } from './network.js';
import type { Network } from './network.js';

/** The parameters with a number a class: their last axis grows with the classes. */
const CLASS_PARAMETER = /^logits\./;

/**
 * Puts a model's weights and moving statistics in place of a training's fresh ones. Where the training has more classes,
 * the head's old columns are copied and the new ones stay as they were drawn.
 *
 * @param fresh the training's variables (`studentVariables`); changed in place
 * @throws SHAPE_MISMATCH where the model is of another network or other images, or has classes that the training has not;
 * FORMAT_UNKNOWN where the file is not a model
 */
export function startFrom(path: string, network: Network, fresh: Record<string, { data: Float32Array }>): void {
  const model = readModel(path);
  const [got, expected] = [model.network.spec, network.spec];
  for (const key of ['network', 'growth'] as const)
    if (got[key] !== expected[key]) throw learningErrors.otherStart(path, key, got[key], expected[key]);
  const sides = ({ image: { height, width, channels } }: typeof got) => [height, width, channels];
  if (String(sides(got)) !== String(sides(expected)))
    throw learningErrors.otherStart(path, 'images', sides(got), sides(expected));
  if (got.classes > expected.classes) throw learningErrors.otherStart(path, 'classes', got.classes, expected.classes);
  const weights = grown(network, model.weights, got.classes, fresh['weights']?.data as Float32Array);
  for (const [name, values] of [
    ['weights', weights],
    ['statistics', model.statistics],
  ] as const)
    for (const variable of [name, `average.${name}`]) fresh[variable]?.data.set(values);
}

/** @param fresh a new training's weights; [sizeOf(network)] */
function grown(network: Network, old: Float32Array, oldClasses: number, fresh: Float32Array): Float32Array {
  const { classes } = network.spec;
  const result = fresh.slice();
  let from = 0;
  let to = 0;
  for (const { name, shape } of network.parameters) {
    const size = volume(shape);
    const byClass = CLASS_PARAMETER.test(name);
    const width = byClass ? classes : size;
    const oldWidth = byClass ? oldClasses : size;
    for (let row = 0; row < size / width; row++, from += oldWidth)
      result.set(old.subarray(from, from + oldWidth), to + row * width);
    to += size;
  }
  return result;
}
