/*
 * The hypergeometric law, exactly: of `size` labels `wrong` are wrong, `drawn` are drawn without replacement, and x of these
 * are wrong. P(X = x) = C(wrong, x) C(size - wrong, drawn - x) / C(size, drawn).
 */

/** ln n! - ln(sqrt(2 pi n) (n / e)^n) for n = 0 to 15, where Stirling's series is not yet exact; 0! by convention 0. */
const STIRLING = (() => {
  const errors = [0];
  let logFactorial = 0;
  for (let n = 1; n <= 15; n++) {
    logFactorial += Math.log(n);
    errors.push(logFactorial - 0.5 * Math.log(2 * Math.PI * n) - n * (Math.log(n) - 1));
  }
  return errors;
})();

/** The error of Stirling's formula, ln n! - ln(sqrt(2 pi n) (n / e)^n). */
function stirlingError(n: number): number {
  if (n <= 15) return STIRLING[n] as number;
  const q = 1 / (n * n);
  return (1 / 12 - q * (1 / 360 - q * (1 / 1260 - q * (1 / 1680 - q / 1188)))) / n;
}

/** x ln(x / mean) + mean - x, without cancellation where x is near the mean. */
function deviance(x: number, mean: number): number {
  if (Math.abs(x - mean) >= 0.1 * (x + mean)) return x * Math.log(x / mean) + mean - x;
  const v = (x - mean) / (x + mean);
  let sum = (x - mean) * v;
  let term = 2 * x * v;
  for (let j = 1; ; j++) {
    term *= v * v;
    const next = sum + term / (2 * j + 1);
    // NaN is equal to nothing, itself included.
    if (next === sum || Number.isNaN(next)) return next;
    sum = next;
  }
}

/** ln of the binomial probability of x in n at p = mean / n; q = 1 - p. */
function logBinomial(x: number, n: number, p: number, q: number): number {
  if (p === 0) return x === 0 ? 0 : -Infinity;
  if (q === 0) return x === n ? 0 : -Infinity;
  if (x === 0) return n === 0 ? 0 : p < 0.1 ? -deviance(n, n * q) - n * p : n * Math.log(q);
  if (x === n) return q < 0.1 ? -deviance(n, n * p) - n * q : n * Math.log(p);
  const shape =
    stirlingError(n) - stirlingError(x) - stirlingError(n - x) - deviance(x, n * p) - deviance(n - x, n * q);
  return shape + 0.5 * Math.log(n / (2 * Math.PI * x * (n - x)));
}

/**
 * ln P(X = x); -Infinity where x is impossible. Relative error of the probability about 1e-13 for sizes up to 1e6: log-gamma
 * would lose 1e-8, as ln 1e6! is 1.3e7.
 *
 * Source: Loader 2000, "Fast and accurate computation of binomial probabilities": three binomials at p = drawn / size.
 */
export function logHypergeometric(x: number, size: number, wrong: number, drawn: number): number {
  if (x < 0 || x > wrong || x > drawn || drawn - x > size - wrong) return -Infinity;
  if (size === 0) return 0;
  const p = drawn / size;
  const q = (size - drawn) / size;
  return logBinomial(x, wrong, p, q) + logBinomial(drawn - x, size - wrong, p, q) - logBinomial(drawn, size, p, q);
}

/** P(X = x + 1) / P(X = x). */
export const nextRatio = (x: number, size: number, wrong: number, drawn: number): number =>
  ((wrong - x) * (drawn - x)) / ((x + 1) * (size - wrong - drawn + x + 1));

/** P(X <= x). */
export function hypergeometricCdf(x: number, size: number, wrong: number, drawn: number): number {
  const least = Math.max(0, drawn - (size - wrong));
  const greatest = Math.min(wrong, drawn);
  if (x < least) return 0;
  if (x >= greatest) return 1;
  // From x downwards, as the terms fall off there when x is below the mean; else the other tail is the shorter sum.
  const mode = Math.floor(((drawn + 1) * (wrong + 1)) / (size + 2));
  if (x > mode) return 1 - upperTail(x + 1, greatest, size, wrong, drawn);
  let term = Math.exp(logHypergeometric(x, size, wrong, drawn));
  let sum = term;
  for (let k = x - 1; k >= least && term > sum * 1e-18; k--) {
    term /= nextRatio(k, size, wrong, drawn);
    sum += term;
  }
  return Math.min(1, sum);
}

/** P(from <= X <= greatest), `from` above the mode. */
function upperTail(from: number, greatest: number, size: number, wrong: number, drawn: number): number {
  let term = Math.exp(logHypergeometric(from, size, wrong, drawn));
  let sum = term;
  for (let k = from; k < greatest && term > sum * 1e-18; k++) {
    term *= nextRatio(k, size, wrong, drawn);
    sum += term;
  }
  return sum;
}

/**
 * One-sided exact upper bound on how many of `size` labels are wrong when `seen` of `drawn` were: the largest number under
 * which so few still have a probability above 1 - `confidence`. The binomial bound's finite twin, never above it.
 *
 * Source: Konijn 1973, "Statistical theory of sample survey design and analysis"; Buonaccorsi 1987.
 */
export function wrongUpperBound(seen: number, drawn: number, size: number, confidence = 0.95): number {
  // P(X <= seen) falls as `wrong` grows. size - drawn + seen is the most there can be.
  let low = seen;
  let high = size - drawn + seen;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (hypergeometricCdf(seen, size, middle, drawn) > 1 - confidence) low = middle;
    else high = middle - 1;
  }
  return low;
}
