import type { Look } from '../../contracts/audit.js';
import { logHypergeometric, nextRatio } from './hypergeometric.js';

/*
 * Group-sequential looks: a cut of `size` labels is certified when, at one of a few numbers of answers fixed beforehand, at
 * most the allowed number of them is wrong. Exact for the finite population, drawn without replacement.
 *
 * Law. Of the cut's labels `wrong` are wrong; W_i is the number of wrong ones among the first n_i drawn. The chance to be
 * certified at look i is
 *
 *     sum over w <= c_i of P_i(w),   P_i(w) = P(W_i = w and W_j > c_j for all j < i),
 *     P_i(w) = sum over v <= w, v > c_(i-1), of P_(i-1)(v) h(w - v; size - n_(i-1), wrong - v, n_i - n_(i-1)),
 *
 * from n_0 = 0, P_0(0) = 1, c_0 = -1, with h the hypergeometric probability of w - v wrong ones among the n_i - n_(i-1) next
 * drawn. W never falls, so that nothing above the greatest c has to be followed.
 *
 * One number of wrong labels stands for all larger ones: turn a right label of the population into a wrong one and draw in
 * the same order; no W_i falls, so that whatever is certified now was certified before. The chance of a certificate
 * therefore falls as the number wrong grows, and under "more than `most` are wrong" it is greatest at `most` + 1.
 *
 * Source: Armitage, McPherson and Rowe 1969 (the recursion); Lan and DeMets 1983 (spending alpha).
 */

/** What is still possible after some looks without a certificate: P(W = w), w = 0 to the greatest that matters. */
interface State {
  answers: number;
  chances: Float64Array;
}

const start = (greatest: number): State => {
  const chances = new Float64Array(greatest + 1);
  chances[0] = 1;
  return { answers: 0, chances };
};

/** Draws on to `answers` in all. */
function draw({ answers: before, chances }: State, size: number, wrong: number, answers: number): State {
  const next = new Float64Array(chances.length);
  const left = size - before;
  const drawn = answers - before;
  for (let v = 0; v < chances.length && v <= wrong; v++) {
    const chance = chances[v] as number;
    if (chance === 0) continue;
    const least = Math.max(0, drawn - (left - (wrong - v)));
    const greatest = Math.min(wrong - v, drawn, chances.length - 1 - v);
    let term = chance * Math.exp(logHypergeometric(least, left, wrong - v, drawn));
    for (let k = least; k <= greatest; k++) {
      next[v + k] = (next[v + k] as number) + term;
      term *= nextRatio(k, left, wrong - v, drawn);
    }
  }
  return { answers, chances: next };
}

/** Takes out what `allowed` certifies, and returns its chance. */
function certify(state: State, allowed: number): number {
  let chance = 0;
  for (let w = 0; w <= allowed && w < state.chances.length; w++) {
    chance += state.chances[w] as number;
    state.chances[w] = 0;
  }
  return chance;
}

/** The chance to be certified at each look, when `wrong` of `size` labels are wrong. */
export function certificationChances(size: number, wrong: number, looks: readonly Look[]): number[] {
  let state = start(Math.max(0, ...looks.map(({ allowed }) => allowed)));
  return looks.map(({ answers, allowed }) => {
    state = draw(state, size, wrong, answers);
    return certify(state, allowed);
  });
}

/**
 * P(ever certified | `most` + 1 of `size` labels are wrong): the greatest chance of a false certificate, exactly.
 *
 * @param looks in ascending order of answers, all at most `size`
 */
export const falseCertificateProbability = (size: number, most: number, looks: readonly Look[]): number =>
  certificationChances(size, most + 1, looks).reduce((sum, chance) => sum + chance, 0);

/** Kept free of alpha, so that a verifier whose arithmetic rounds otherwise comes to the same verdict. */
const MARGIN = 1 - 1e-9;

/**
 * The most errors that looks at given numbers of answers can allow.
 *
 * @param answers ascending, at most `size`
 * @param spent share of alpha that may be spent up to each look, ascending to 1
 */
export function allowedErrors(
  size: number,
  most: number,
  alpha: number,
  answers: readonly number[],
  spent: readonly number[],
): Look[] {
  let state = start(most);
  let used = 0;
  let before = -1;
  return answers.map((at, i) => {
    state = draw(state, size, most + 1, at);
    const limit = alpha * MARGIN * (spent[i] as number);
    // What the look before left stands above its allowed errors, so that allowing as many again costs nothing.
    let allowed = before;
    while (allowed < Math.min(most, at - 1) && used + (state.chances[allowed + 1] as number) <= limit)
      used += state.chances[++allowed] as number;
    certify(state, allowed);
    before = allowed;
    return { answers: at, allowed };
  });
}

/**
 * The earliest looks that can allow given numbers of errors. Fewer looks than asked for where the cut, or `limit`, has not
 * enough labels for the rest.
 *
 * @param allowed ascending
 * @param spent share of alpha that may be spent up to each look, ascending to 1
 * @param limit answers at most
 */
export function earliestLooks(
  size: number,
  most: number,
  alpha: number,
  allowed: readonly number[],
  spent: readonly number[],
  limit = size,
): Look[] {
  const looks: Look[] = [];
  let state = start(Math.max(0, ...allowed));
  let used = 0;
  const last = Math.min(limit, size);
  for (const [i, errors] of allowed.entries()) {
    if (errors > most) break;
    const room = alpha * MARGIN * (spent[i] as number) - used;
    const chanceAt = (answers: number): number => certify(draw(state, size, most + 1, answers), errors);
    // The later the look, the smaller the chance that no more than `errors` wrong ones were drawn.
    let low = Math.max(state.answers + 1, errors + 1);
    let high = last;
    if (low > high || chanceAt(high) > room) break;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (chanceAt(middle) <= room) high = middle;
      else low = middle + 1;
    }
    state = draw(state, size, most + 1, low);
    used += certify(state, errors);
    looks.push({ answers: low, allowed: errors });
  }
  return looks;
}
