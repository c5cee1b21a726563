import type { Interval } from '../contracts/stages.js';

/** Lanczos' coefficients for g = 7 in Godfrey's form: relative error about 1e-15 for x >= 1/2. */
const LANCZOS_G = 7;
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/**
 * ln Γ(x) for x > 0.
 *
 * Source: Lanczos 1964, "A precision approximation of the gamma function"; reflection below 1/2 (DLMF 5.5.3).
 */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const z = x - 1;
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += (LANCZOS[i] as number) / (z + i);
  const t = z + LANCZOS_G + 0.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Terms of the continued fraction at most; it needs O(sqrt(max(a, b))), so this serves a and b up to about 1e9. */
const MAX_TERMS = 100_000;

/** The continued fraction of I_x(a, b) (DLMF 8.17.22), from the front, by Lentz' method as Thompson and Barnett mended it. */
function betaFraction(x: number, a: number, b: number): number {
  // Stands in for a zero denominator; any number far below the fraction's terms does.
  const tiny = 1e-300;
  const nonZero = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < MAX_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return fraction;
}

/**
 * The regularised incomplete beta function I_x(a, b) for 0 <= x <= 1 and a, b > 0: the distribution function of
 * Beta(a, b).
 *
 * Source: DLMF 8.17; the fraction converges fast for x < (a + 1) / (a + b + 2), the symmetry 8.17.4 serves the rest.
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b);
  return (Math.exp(front) * betaFraction(x, a, b)) / a;
}

/** The quantile of Beta(a, b) at `probability`, by bisection down to neighbouring doubles. */
export function betaQuantile(probability: number, a: number, b: number): number {
  let low = 0;
  let high = 1;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (incompleteBeta(middle, a, b) < probability) low = middle;
    else high = middle;
  }
}

/** P(X <= k) for X ~ Binomial(n, p). */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incompleteBeta(1 - p, n - k, k + 1);
}

/**
 * One-sided exact upper bound on a share of which `errors` in `n` were seen: the largest p under which so few errors still
 * have probability 1 - `confidence`. 1 when nothing was seen.
 *
 * Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial".
 */
export function upperBound(errors: number, n: number, confidence = 0.95): number {
  return errors >= n ? 1 : betaQuantile(confidence, errors + 1, n - errors);
}

/**
 * Two-sided exact interval of a share of which `errors` in `n` were seen, (1 - `confidence`) / 2 in each tail; [0, 1] when
 * nothing was seen.
 *
 * Source: Clopper and Pearson 1934.
 */
export function clopperPearson(errors: number, n: number, confidence = 0.95): Interval {
  const tail = (1 - confidence) / 2;
  return {
    lower: errors <= 0 ? 0 : betaQuantile(tail, errors, n - errors + 1),
    upper: upperBound(errors, n, 1 - tail),
  };
}

/**
 * The quantile of `values` at 0 <= `q` <= 1, linear between neighbours: definition 7 of Hyndman and Fan 1996, NumPy's default.
 * NaN without values.
 *
 * @param sorted ascending
 */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return NaN;
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  const t = position - below;
  // From the nearer end, as NumPy does: monotone in q, and exact at both ends.
  return t < 0.5 ? low + (high - low) * t : high - (high - low) * (1 - t);
}
