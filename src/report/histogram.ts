import type { LabelRow } from '../contracts/tables.js';
import type { EntropyCounts } from './types.js';

/** A trained network is sure of most images, to 1e-3 nats and less: on a linear axis all of them were one bar. */
const DECADES_BELOW_ONE = 4;
const BINS_A_DECADE = 8;

/** Fills the histogram of predictive entropy row by row. Logarithmic bins from 1e-4 to ln(classes), and one for less. */
export class EntropyHistogram {
  private readonly edges: number[];
  private readonly counts: Record<LabelRow['status'], number[]>;

  constructor(classes: number) {
    const maximum = Math.log(classes);
    const inner: number[] = [];
    for (let i = 0; ; i++) {
      const edge = 10 ** (i / BINS_A_DECADE - DECADES_BELOW_ONE);
      if (edge >= maximum) break;
      inner.push(edge);
    }
    this.edges = [0, ...inner, maximum];
    const zeros = () => new Array<number>(this.edges.length - 1).fill(0);
    this.counts = { accepted: zeros(), open: zeros(), outlier: zeros() };
  }

  add({ status, predictive_entropy }: Pick<LabelRow, 'status' | 'predictive_entropy'>): void {
    const above = this.edges.findIndex((edge) => predictive_entropy < edge);
    // Rounding puts a certain image just below 0 and an undecided one just above ln(classes).
    const bin = above < 0 ? this.edges.length - 2 : Math.max(0, above - 1);
    this.counts[status][bin]!++;
  }

  /** @param cutoff the last round's cut-off on predictive entropy; null where it is on another score or differs by class */
  result(cutoff: number | null): EntropyCounts {
    return { edges: this.edges, counts: this.counts, cutoff };
  }
}
