import type { Protocol } from '../../contracts/audit.js';

/*
 * How often a label is drawn: drawing `uniform` draws all alike, `uncertainty` the uncertain ones more often. Weights are
 * powers of two and a function of rank alone, so that every sum of them is exact, whoever adds them up.
 */

type Drawing = Protocol['drawing'];

/** The heaviest band: weight 2^4, of ranks among the last 1/256 of the labels. */
const LAST_BAND = 4;

/** The first rank whose weight is 2^band: ceil(labels (1 - 4^-band)). */
export const bandStart = (band: number, labels: number): number => labels - Math.floor(labels / 4 ** band);

/**
 * The band of a rank. Drawing `uncertainty`: b = the largest of 0 to 4 with rank >= labels - floor(labels / 4^b), which is
 * 1 / sqrt(1 - rank / labels) rounded down to a power of two; drawing `uniform`: 0.
 */
export function bandOf(drawing: Drawing, rank: number, labels: number): number {
  if (drawing === 'uniform') return 0;
  let band = 0;
  while (band < LAST_BAND && rank >= bandStart(band + 1, labels)) band++;
  return band;
}

/** The weight of a rank: 2^band. */
export const weightOf = (drawing: Drawing, rank: number, labels: number): number => 2 ** bandOf(drawing, rank, labels);

/** How many of the ranks below `size` are in each band. */
export function bandCounts(drawing: Drawing, size: number, labels: number): number[] {
  if (drawing === 'uniform') return [size];
  return Array.from({ length: LAST_BAND + 1 }, (_, band) => {
    const end = band === LAST_BAND ? size : Math.min(size, bandStart(band + 1, labels));
    return Math.max(0, end - bandStart(band, labels));
  });
}

/**
 * The key by which labels are drawn, ascending: -ln(u) / weight, an exponential clock that runs `weight` times as fast. Of
 * the labels of any cut that are not drawn yet, the next is label i with probability weight_i / sum of their weights, so
 * that one key serves all cuts.
 *
 * @param hash SHA-256(seed, id) in hex: its first 13 digits h make u = (h + 1/2) / 2^52. Equal keys: the lesser hash first.
 * Source: Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir", in the form of exponential variates.
 */
export const weightedKey = (hash: string, weight: number): number =>
  -Math.log((Number.parseInt(hash.slice(0, 13), 16) + 0.5) / 2 ** 52) / weight;

/**
 * Draw order: the ranks below `hashes.length` (those that cuts may hold: below `repair.from`), in the order in which they
 * are drawn.
 *
 * @param hashes SHA-256(seed, id) in hex, by rank
 * @param labels lines of labels.jsonl, which weights refer to
 */
export function drawOrder(drawing: Drawing, hashes: readonly string[], labels: number): Uint32Array {
  const byHash = (a: number, b: number): number => {
    const [left, right] = [hashes[a] as string, hashes[b] as string];
    return left < right ? -1 : left > right ? 1 : a - b;
  };
  const order = Uint32Array.from(hashes, (_, rank) => rank);
  if (drawing === 'uniform') return order.sort(byHash);
  const keys = Float64Array.from(hashes, (hash, rank) => weightedKey(hash, weightOf(drawing, rank, labels)));
  return order.sort((a, b) => (keys[a] as number) - (keys[b] as number) || byHash(a, b));
}
