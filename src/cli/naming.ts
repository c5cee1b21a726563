import type { NovelAnswers } from '../client/index.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { NamedCluster, Naming } from '../contracts/novel.js';
import { cliErrors } from './errors.js';

/** `3=eight`: a cluster and the name that a person gives it. @throws USAGE for anything else */
export function namedCluster(text: string): NamedCluster {
  const [, cluster, name] = /^(\d{1,6})=(.+)$/s.exec(text) ?? [];
  if (cluster === undefined || !name?.trim()) throw cliErrors.notNamed(text);
  return { cluster: Number(cluster), name: name.trim().normalize('NFC') };
}

/** What the dataset of a run gets by what a person said: classes that it has not, and all answers, the newest last. */
export function extensionOf({ manifest, taken, before }: NovelAnswers, as?: string) {
  const classes = [...new Set(taken.map(({ name }) => name))].filter((name) => !manifest.classes.includes(name));
  const all = [...manifest.classes, ...classes];
  const answers = taken.flatMap(({ name, images }) => images.map(({ id }) => ({ id, label: all.indexOf(name) })));
  return { classes, answers: [...before, ...answers], ...(as === undefined ? {} : { as }) };
}

/**
 * What came of it, for people and for --json.
 *
 * @param source the run that the named run's model came from, if it was moved
 */
export function namingOf(
  { manifest: old, taken, before }: NovelAnswers,
  made: DatasetManifest,
  source: string | null,
): Naming {
  const ids = new Set(taken.flatMap(({ images }) => images.map(({ id }) => id)));
  return {
    dataset: made.name,
    classes: made.classes,
    added: made.classes.slice(old.classes.length),
    taken,
    carried: before.filter(({ id }) => !ids.has(id)).length,
    from: made.counts.labelled === 0 ? source : null,
  };
}
