/** How many edits a suggestion may be away, as a share of the longer word; further ones only confuse. */
const REACH = 0.5;

/** The word that is the fewest edits away, null where none is near; case counts for nothing, the first of equals is taken. */
export function nearest(word: string, words: readonly string[]): string | null {
  let best: string | null = null;
  let fewest = Infinity;
  for (const each of words) {
    const edits = distance(word.toLowerCase(), each.toLowerCase());
    if (edits >= fewest || edits > REACH * Math.max(word.length, each.length)) continue;
    [best, fewest] = [each, edits];
  }
  return best;
}

/**
 * Edits that turn one word into the other: insert, delete, replace, swap neighbours.
 *
 * Source: Damerau 1964, in the restricted form (no part is edited twice).
 */
export function distance(from: string, to: string): number {
  const [a, b] = [[...from], [...to]];
  let twoBack: number[] = [];
  let before = b.map((_, j) => j).concat(b.length);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const differs = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(before[j]! + 1, row[j - 1]! + 1, before[j - 1]! + differs);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, twoBack[j - 2]! + 1);
      row.push(least);
    }
    [twoBack, before] = [before, row];
  }
  return before[b.length]!;
}
