import type { RandomStream } from '../contracts/random.js';

/**
 * Chooses which of the labelled images keep their label.
 *
 * @param labels class number by image
 * @param count labels to keep, at most as many as there are
 * @param how `balanced`: as equally many of each class as there are; `random`: any
 * @returns by image, whether it keeps its label
 */
export function chooseKept(
  labels: readonly number[],
  count: number,
  how: 'balanced' | 'random',
  stream: RandomStream,
): boolean[] {
  const order = stream.shuffle(labels.map((_, i) => i));
  const kept = labels.map(() => false);
  if (how === 'random') {
    for (const i of order.slice(0, count)) kept[i] = true;
    return kept;
  }
  const ofClass = new Map<number, number[]>();
  for (const i of order) {
    const label = labels[i] as number;
    const members = ofClass.get(label);
    if (members) members.push(i);
    else ofClass.set(label, [i]);
  }
  // One of each class in turn; the classes' order is random too, since it decides who gets the last ones.
  const classes = stream.shuffle([...ofClass.keys()].sort((a, b) => a - b));
  for (let left = count; left > 0;)
    for (const label of classes) {
      const next = left > 0 ? ofClass.get(label)?.pop() : undefined;
      if (next === undefined) continue;
      kept[next] = true;
      left--;
    }
  return kept;
}
