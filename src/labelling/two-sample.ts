import { deriveSeed, RandomStream } from '../contracts/random.js';
import type { SeedPair } from '../contracts/learner.js';

/** Features of images, row-major: [n, width]. */
export interface Features {
  data: Float32Array;
  n: number;
  width: number;
}

/** Images whose features are of one student, and can be compared. */
export interface Stratum {
  calibration: Features;
  pool: Features;
}

export interface TwoSampleOptions {
  seed: Readonly<SeedPair>;
  permutations?: number;
}

export interface TwoSampleResult {
  /** Probability of so large a difference, or a larger one, between samples of one and the same law. */
  p: number;
  /** Images that were compared. */
  calibration: number;
  pool: number;
}

const PERMUTATIONS = 999;
/** Cosines a kernel; three kernels. More would come nearer to the kernel, and cost that many times the permutations. */
const COSINES = 64;
/** Widths of the kernels, in root mean squared distances: what differs may be as fine as a mode or as wide as the cloud. */
const WIDTHS = [0.25, 0.5, 1];

/**
 * Whether calibration and pool images can be samples of one law: a permutation test of the maximum mean discrepancy of their
 * features, with three Gaussian kernels by random Fourier features, summed over the strata.
 *
 *   T = sum over strata of n m / (n + m) |mean phi(calibration) - mean phi(pool)|^2
 *
 * Permutations stay within a stratum. p = (1 + those with T or more) / (1 + all) is valid for any number of images, as scale
 * and kernel widths follow from the two samples together, which a permutation does not change. It takes time and memory in
 * proportion to images times width: samples of up to 2,000 a side in a second or two.
 *
 * A test that does not reject proves no exchangeability: few images can't tell a small shift. It keeps statements from being
 * made where the shift is plain.
 *
 * Sources: Gretton et al. 2012, "A kernel two-sample test"; Rahimi and Recht 2007 for the features; Phipson and Smyth 2010 for the
 * added one.
 */
export function twoSampleTest(strata: readonly Stratum[], options: TwoSampleOptions): TwoSampleResult {
  const { seed, permutations = PERMUTATIONS } = options;
  const used = strata.filter(({ calibration, pool }) => calibration.n > 0 && pool.n > 0);
  const embedded = used.map((stratum, s) => embed(stratum, new RandomStream(deriveSeed(seed, 'twoSample', s))));
  const observed = embedded.reduce((sum, stratum) => sum + discrepancy(stratum), 0);
  const random = new RandomStream(deriveSeed(seed, 'twoSample', used.length));
  // Sums of the same numbers in another order differ in their last bits: a permutation that changes nothing counts as equal.
  const reached = observed * (1 - 1e-9);
  let asLarge = 0;
  for (let i = 0; i < permutations; i++) {
    let statistic = 0;
    for (const stratum of embedded) {
      chooseFirst(stratum, random);
      statistic += discrepancy(stratum);
    }
    if (statistic >= reached) asLarge++;
  }
  const count = (side: keyof Stratum): number => used.reduce((sum, stratum) => sum + stratum[side].n, 0);
  return { p: (1 + asLarge) / (1 + permutations), calibration: count('calibration'), pool: count('pool') };
}

interface Embedded {
  /** [n + m, width] */
  phi: Float32Array;
  width: number;
  total: Float64Array;
  /** A permutation of 0 .. n + m - 1; its first n are the calibration images. */
  order: Uint32Array;
  n: number;
}

/** The stratum's images under the random features, the calibration images first. */
function embed({ calibration, pool }: Stratum, random: RandomStream): Embedded {
  const { width: d } = calibration;
  const count = calibration.n + pool.n;
  const x = standardised(calibration, pool);
  const squared = meanSquaredDistance(x, count, d);
  const width = WIDTHS.length * COSINES;
  const phi = new Float32Array(count * width);
  const direction = new Float64Array(d);
  for (let j = 0; j < width; j++) {
    const scale = 1 / ((WIDTHS[Math.floor(j / COSINES)] as number) * Math.sqrt(squared || 1));
    for (let k = 0; k < d; k++) direction[k] = scale * random.normal();
    const phase = 2 * Math.PI * random.uniform();
    for (let i = 0; i < count; i++) {
      let dot = phase;
      for (let k = 0; k < d; k++) dot += (direction[k] as number) * (x[i * d + k] as number);
      phi[i * width + j] = Math.cos(dot);
    }
  }
  const total = new Float64Array(width);
  for (let i = 0; i < count; i++) for (let j = 0; j < width; j++) total[j]! += phi[i * width + j] as number;
  return { phi, width, total, order: Uint32Array.from({ length: count }, (_, i) => i), n: calibration.n };
}

/** Both samples one below the other; each feature with mean 0 and deviation 1 over the two together, 0 where it is constant. */
function standardised(a: Features, b: Features): Float32Array {
  const { width } = a;
  const x = new Float32Array((a.n + b.n) * width);
  x.set(a.data.subarray(0, a.n * width));
  x.set(b.data.subarray(0, b.n * width), a.n * width);
  const count = a.n + b.n;
  for (let k = 0; k < width; k++) {
    let [sum, squares] = [0, 0];
    for (let i = k; i < x.length; i += width) sum += x[i] as number;
    const mean = sum / count;
    for (let i = k; i < x.length; i += width) squares += ((x[i] as number) - mean) ** 2;
    const deviation = Math.sqrt(squares / count);
    const scale = deviation > 1e-6 * (Math.abs(mean) + 1e-30) ? 1 / deviation : 0;
    for (let i = k; i < x.length; i += width) x[i] = ((x[i] as number) - mean) * scale;
  }
  return x;
}

/** Over all pairs: twice the summed variance of the features; 2 for each that varies. */
function meanSquaredDistance(x: Float32Array, count: number, width: number): number {
  let squares = 0;
  for (const value of x) squares += value * value;
  return width === 0 ? 0 : (2 * squares) / count;
}

/** Puts n images at random in front (Fisher and Yates, as far as needed). */
function chooseFirst({ order, n }: Embedded, random: RandomStream): void {
  for (let i = 0; i < n; i++) {
    const j = i + random.integer(order.length - i);
    const held = order[i] as number;
    order[i] = order[j] as number;
    order[j] = held;
  }
}

function discrepancy({ phi, width, total, order, n }: Embedded): number {
  const m = order.length - n;
  const sum = new Float64Array(width);
  for (let i = 0; i < n; i++) {
    const row = (order[i] as number) * width;
    for (let j = 0; j < width; j++) sum[j]! += phi[row + j] as number;
  }
  let squares = 0;
  for (let j = 0; j < width; j++) {
    const ours = sum[j] as number;
    squares += (ours / n - ((total[j] as number) - ours) / m) ** 2;
  }
  return ((n * m) / (n + m)) * squares;
}

/** Collects the features of a sample, an image after the other. */
export class SampleOf {
  private readonly rows: Float32Array[] = [];

  add(features: Float32Array): void {
    this.rows.push(features.slice());
  }

  features(): Features {
    const width = this.rows[0]?.length ?? 0;
    const data = new Float32Array(this.rows.length * width);
    this.rows.forEach((row, i) => data.set(row, i * width));
    return { data, n: this.rows.length, width };
  }
}
