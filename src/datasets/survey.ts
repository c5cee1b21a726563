import type { LabelloopError } from '../contracts/errors.js';
import { RandomStream } from '../contracts/random.js';
import { datasetErrors, place } from './errors.js';
import { byCodeUnit, type Entry, type Source, type SourceImage } from './source.js';

/** Images that are looked at to choose size and channels. */
const SAMPLE = 100;

const SAMPLE_KEY = [0, 0] as const;

/** Names in a message; more than these say nothing more. */
const SHOWN = 10;

export interface Survey {
  /** Classes in the order of their numbers. */
  classes: string[];
  images: number;
  /** Images from all over the source. */
  sample: SourceImage[];
}

/**
 * Reads a source once without decoding: what does not fit is found in seconds, before hours of decoding.
 *
 * @param classes given ones, undefined to find them out; `few`: an unlabelled source will do
 * @param onProblem throws it, or takes note
 */
export async function survey(
  source: Source,
  path: string,
  { classes: given, few }: { classes: readonly string[] | undefined; few: boolean },
  onProblem: (problem: LabelloopError) => void,
  onImage: (count: number) => void,
): Promise<Survey> {
  const allowed = given && numberClasses(given);
  const trainLabels = new Set<string>();
  const testLabels = new Map<string, string>();
  const sample: SourceImage[] = [];
  const stream = new RandomStream(SAMPLE_KEY);
  let images = 0;
  for await (const entry of source.read()) {
    const problem = problemOf(entry, allowed);
    if (problem) onProblem(problem);
    if (problem || entry.type !== 'image') continue;
    const { label, split } = entry;
    if (label !== null && split === 'train') trainLabels.add(label);
    if (label !== null && split === 'test' && !testLabels.has(label))
      testLabels.set(label, place(entry.file, entry.row));
    // Reservoir sampling (Vitter 1985, algorithm R): a fair sample of a stream of unknown length.
    const slot = images < SAMPLE ? images : stream.integer(images + 1);
    if (slot < SAMPLE) sample[slot] = entry;
    onImage(++images);
  }
  if (trainLabels.size === 0 && !few) throw datasetErrors.nothingLabelled(path);
  const classes = given ? [...given] : sortClasses(trainLabels);
  if (classes.length < 2) throw datasetErrors.classesTooFew(path, classes);
  for (const [label, at] of testLabels)
    if (!allowed && !trainLabels.has(label)) onProblem(datasetErrors.classUnknown(at, label, nameClasses(classes)));
  return { classes, images, sample };
}

/** What speaks against taking an entry; null for none. */
export function problemOf(entry: Entry, classes: ReadonlyMap<string, number> | undefined): LabelloopError | null {
  if (entry.type === 'problem') return entry.problem;
  if (entry.type === 'note') return null;
  const at = place(entry.file, entry.row);
  if (entry.split === 'test' && entry.label === null) return datasetErrors.testUnlabelled(at);
  if (classes && entry.label !== null && !classes.has(entry.label))
    return datasetErrors.classUnknown(at, entry.label, nameClasses([...classes.keys()]));
  return null;
}

/** Class numbers by name. */
export const numberClasses = (classes: readonly string[]): Map<string, number> =>
  new Map(classes.map((name, number) => [name, number]));

/** By number where all are numbers, so that '10' follows '9', and by code units otherwise. */
function sortClasses(labels: ReadonlySet<string>): string[] {
  const names = [...labels];
  const numbers = names.every((name) => /^(0|[1-9]\d{0,14})$/.test(name));
  return names.sort(numbers ? (a, b) => Number(a) - Number(b) : byCodeUnit);
}

function nameClasses(classes: readonly string[]): string {
  const shown = classes.slice(0, SHOWN).join(', ');
  return classes.length > SHOWN ? `${shown} and ${classes.length - SHOWN} more` : shown;
}
