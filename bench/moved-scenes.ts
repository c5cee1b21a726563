import { IMAGE } from './data.js';
import { cifar, coarse, mnist, optdigits, PHOTO, recoloured, turned } from './moved-data.js';
import type { ImageShape } from '../src/contracts/dataset.js';
import type { NetworkName } from '../src/contracts/learner.js';
import type { Pictures } from './moved-data.js';

/** A source, what its student is, and the target. */
export interface Scene {
  network: NetworkName;
  image: ImageShape;
  sourceLabels: number;
  sourceSteps: number;
  source: Pictures;
  target: Pictures;
}

/** Of the source's images its labels come from before this row, its pool from behind, and a target that is made of it after. */
export const SOURCE_FROM = 30_000;
export const SOURCE_POOL = 10_000;
const TARGET = 4000;

/**
 * What is moved where, by the target's name.
 *
 * @param folder where pixels are kept
 * @param options.data the file that the target, or its source, is made from: optdigits as CSV, CIFAR-10 as tar
 */
export async function sceneOf(
  name: string,
  folder: string,
  { data, sourceSteps }: { data: string; sourceSteps: number | null },
): Promise<Scene> {
  const from = SOURCE_FROM + SOURCE_POOL;
  if (name === 'coarse' || name === 'recoloured') {
    const photos = await cifar(folder, data);
    const change = name === 'coarse' ? coarse : recoloured;
    return {
      ...{ network: 'resnet', image: PHOTO, sourceLabels: 4000, sourceSteps: sourceSteps ?? 2000 },
      ...{ source: photos, target: await change(folder, photos, from, TARGET) },
    };
  }
  const digits = mnist(folder);
  const digitsOf = (target: string): Promise<Pictures> => {
    if (target === 'optdigits') return optdigits(folder, data);
    if (target === 'turned') return turned(folder, digits, from, TARGET);
    if (target === 'turned, --invert') return turned(folder, digits, from, TARGET, false);
    throw new Error(`no target ${target}; there are optdigits; turned; turned, --invert; coarse; recoloured`);
  };
  return {
    ...{ network: 'compact', image: IMAGE, sourceLabels: 500, sourceSteps: sourceSteps ?? 1200 },
    source: digits,
    target: await digitsOf(name),
  };
}
