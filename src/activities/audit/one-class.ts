import type { DatasetManifest } from '../../contracts/dataset.js';
import { problem } from '../../contracts/errors.js';

/** Names that a message lists at most. */
const LISTED = 20;

/**
 * Index of a class that an audit is about.
 *
 * @throws SETTINGS_INVALID where the dataset has no such class
 */
export function classIndex({ name, classes }: Pick<DatasetManifest, 'name' | 'classes'>, wanted: string): number {
  const index = classes.indexOf(wanted);
  if (index >= 0) return index;
  const listed = classes.slice(0, LISTED).join(', ') + (classes.length > LISTED ? ', …' : '');
  throw problem('SETTINGS_INVALID', `dataset '${name}' has no class '${wanted}'. Take one of its classes: ${listed}.`);
}
