import type { Answer, Verdict } from '../../contracts/audit.js';
import type { DatasetManifest } from '../../contracts/dataset.js';
import { problem } from '../../contracts/errors.js';
import { deriveSeed, RandomStream } from '../../contracts/random.js';
import type { Store } from '../../store/index.js';
import { readAnswers } from '../inputs.js';

/** What one turn of a dry run answers at most, as a message of people's answers. */
export const ANSWERS_AT_ONCE = 100;
/** Who answers in a dry run. */
const HIDDEN = 'hidden labels';

/** `answers: truth` of data whose labels nobody knows. */
export const noTruth = (dataset: string) =>
  problem(
    'SETTINGS_INVALID',
    `answers 'truth' is for dry runs, and dataset '${dataset}' has no hidden labels. Let people answer (answers: people), or import with --keep-labels N.`,
  );

/**
 * A dry run's panel: hidden labels, which err in the share of the answers that `truth:0.02` says.
 *
 * @returns the answer of an image; `key` with the seed decides whether it errs
 * @throws SETTINGS_INVALID where the dataset has none
 */
export async function hiddenPanel(
  store: Store,
  { name, truth, classes }: DatasetManifest,
  answers: string,
  seed: number,
): Promise<(id: string, key: number) => Answer> {
  if (!truth) throw noTruth(name);
  const labels = new Map((await readAnswers(store, truth)).map(({ id, label }) => [id, label]));
  const errs = Number(answers.split(':')[1] ?? 0);
  return (id, key) => ({
    id,
    verdict: erring(labels.get(id), classes.length, errs, seed, key),
    by: HIDDEN,
    at: new Date().toISOString(),
    seconds: 0,
  });
}

/** The hidden label or, in a share of the images that the seed chooses, another class. An image whose label nobody knew: unsure. */
function erring(label: number | undefined, classes: number, errs: number, seed: number, key: number): Verdict {
  if (label === undefined) return 'unsure';
  const random = new RandomStream(deriveSeed(seed, 'answers', key));
  return random.uniform() < errs ? (label + 1 + random.integer(classes - 1)) % classes : label;
}
