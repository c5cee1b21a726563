/** Without case and accents: 'Épée' is found by 'epee'. */
const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase();

/** Names made ready to be searched, once. */
export interface Index {
  readonly names: readonly string[];
}

export const indexOf = (classes: readonly string[]): Index => ({ names: classes.map(plain) });

/**
 * The classes that fit what was typed, best first: the whole name, its beginning, the beginning of a word in it, anywhere in
 * it, its letters in this order. Equals stay in the classes' order.
 *
 * @param most how many at most
 * @returns class indices
 */
export function search({ names }: Index, typed: string, most: number): number[] {
  const query = plain(typed.trim());
  const ranked: number[][] = [[], [], [], [], []];
  names.forEach((name, i) => {
    const rank = rankOf(name, query);
    if (rank !== null) ranked[rank]?.push(i);
  });
  return ranked.flat().slice(0, most);
}

function rankOf(name: string, query: string): number | null {
  if (name === query) return 0;
  if (name.startsWith(query)) return 1;
  const at = name.indexOf(query);
  if (at >= 0) return beginsWord(name, query) ? 2 : 3;
  return isSubsequence(query, name) ? 4 : null;
}

function beginsWord(name: string, query: string): boolean {
  for (let at = name.indexOf(query); at >= 0; at = name.indexOf(query, at + 1))
    if (!/[\p{L}\p{N}]/u.test(name[at - 1] ?? '')) return true;
  return false;
}

function isSubsequence(query: string, name: string): boolean {
  let at = 0;
  for (const letter of query) {
    at = name.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}
