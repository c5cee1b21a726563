import type { SeedPair } from './learner.js';

/**
 * The counter-based generator Philox4x32-10: all randomness of a run is a function of (key, counter), so that any attempt
 * on any worker gives the same numbers, and a task can start in the middle of its stream.
 *
 * Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3.
 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High 32 bits of the product of two unsigned 32-bit words. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) >>> 0;
}

export type Block = [number, number, number, number];

/** One block of the cipher: four 32-bit words from a four-word counter and a two-word key. */
export function philox(counter: Readonly<Block>, key: Readonly<SeedPair>): Block {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(M0, c0);
    const low0 = Math.imul(M0, c0) >>> 0;
    const high1 = multiplyHigh(M1, c2);
    const low1 = Math.imul(M1, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** What a seed is for; the number is part of every result, so it never changes. */
const PURPOSE = {
  split: 1,
  train: 2,
  sample: 3,
  cluster: 4,
  keep: 5,
  initialise: 6,
  batch: 7,
  augment: 8,
  dropout: 9,
  logits: 10,
  montage: 11,
  validation: 12,
  unlabelled: 13,
  member: 14,
  strong: 15,
  acquire: 16,
  answers: 17,
  twoSample: 21,
  shift: 22,
  clusterCount: 23,
  choose: 24,
  questions: 25,
  embed: 26,
};
export type Purpose = keyof typeof PURPOSE;

/** The key for one purpose: of a run (`seed` = its number) or, one level down, of a task (`seed` = the task's key). */
export function deriveSeed(seed: number | Readonly<SeedPair>, purpose: Purpose, index = 0): SeedPair {
  const key: SeedPair = typeof seed === 'number' ? [seed >>> 0, 0x4c61626c] : [seed[0], seed[1]];
  const [a, b] = philox([index >>> 0, PURPOSE[purpose], 0, 0x6c6f6f70], key);
  return [a, b];
}

/** A stream of numbers under one key. `stream` starts another, independent one under the same key. */
export class RandomStream {
  private block: Block = [0, 0, 0, 0];
  private used = 4;
  private position = 0;

  constructor(
    private readonly key: Readonly<SeedPair>,
    private readonly stream = 0,
  ) {}

  /** Uniform 32-bit word. */
  word(): number {
    if (this.used === 4) {
      this.block = philox([this.position >>> 0, Math.floor(this.position / 2 ** 32), this.stream >>> 0, 0], this.key);
      this.position++;
      this.used = 0;
    }
    return this.block[this.used++] as number;
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    return ((this.word() >>> 5) * 2 ** 26 + (this.word() >>> 6)) / 2 ** 53;
  }

  /** Uniform in {0, ..., n - 1}, without bias. */
  integer(n: number): number {
    const limit = 2 ** 32 - (2 ** 32 % n);
    let word = this.word();
    while (word >= limit) word = this.word();
    return word % n;
  }

  /** Standard normal (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles in place (Fisher and Yates) and returns the array. */
  shuffle<T extends number[] | Int32Array | Uint32Array | unknown[]>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return items;
  }
}
