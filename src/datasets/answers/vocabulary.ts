import type { Verdict } from '../../contracts/audit.js';
import { normalizeLabel } from '../source.js';

/** How verdicts are written in files that people fill in. */
export interface Vocabulary {
  /** Every word, the classes first, in the dataset's order. */
  readonly words: readonly string[];
  /** What stands for "cannot tell", and for "no class fits". */
  readonly unsure: string;
  readonly none: string;
  wordOf(verdict: Verdict): string;
  /** null where the word is none of them. */
  verdictOf(word: string): Verdict | null;
}

/**
 * Classes by their names, and `unsure` and `none`. Where a class has such a name, the class is meant by it, and the verdict is
 * written in brackets: `(none)`.
 */
export function vocabularyOf(classes: readonly string[]): Vocabulary {
  const verdicts = new Map<string, Verdict>();
  classes.forEach((name, index) => verdicts.set(name, index));
  const reserve = (verdict: 'unsure' | 'none'): string => {
    let word: string = verdict;
    while (verdicts.has(word)) word = `(${word})`;
    verdicts.set(word, verdict);
    return word;
  };
  const [unsure, none] = [reserve('unsure'), reserve('none')];
  return {
    words: [...classes, unsure, none],
    unsure,
    none,
    wordOf: (verdict) => (verdict === 'unsure' ? unsure : verdict === 'none' ? none : (classes[verdict] ?? '')),
    verdictOf: (word) => verdicts.get(word) ?? verdicts.get(normalizeLabel(word) ?? '') ?? null,
  };
}
