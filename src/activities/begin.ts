import type { DatasetManifest } from '../contracts/dataset.js';
import type { Ref } from '../contracts/references.js';
import type { ItemRow, LabelRow } from '../contracts/tables.js';
import { tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { readAnswers, readItems } from './inputs.js';
import { storeTable } from './outputs.js';

/**
 * The labels that a run begins with where people have answered about images of the dataset's pool (`labelloop novel name`):
 * their answers and nothing else, since no model has seen the pool yet. Equal answers give an equal table.
 *
 * @returns null without such answers
 */
export async function answeredLabels(store: Store, manifest: DatasetManifest): Promise<Ref | null> {
  if (!manifest.answers) return null;
  const said = new Map((await readAnswers(store, manifest.answers)).map(({ id, label }) => [id, label]));
  const rows = async function* (): AsyncGenerator<LabelRow> {
    for (const shard of manifest.shards.pool)
      for (const item of await readItems(store, shard)) yield unscored(item, said.get(item.id) ?? -1, manifest.classes);
  };
  return storeTable(store, 'labels/2', tables.labels, rows());
}

/** An image's row before the first round: what a person said, and no word of a model. */
const unscored = ({ id, name }: ItemRow, label: number, classes: readonly string[]): LabelRow => ({
  ...{ id, name, label },
  ...(label < 0
    ? { status: 'open', change: 'none', source: '', class: '' }
    : { status: 'accepted', change: 'accept', source: 'human', class: classes[label] as string }),
  ...{ predicted: -1, probability: NaN, predictive_entropy: NaN, aleatoric: NaN, epistemic: NaN },
  ...{ total_uncertainty: NaN, cluster: -1, round: 0, model: '', threshold: NaN, certificate: '' },
});
