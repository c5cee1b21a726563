import type { TruthRecord } from '../contracts/stages.js';
import { clopperPearson } from './statistics.js';

/**
 * Labels against the truth, one image at a time: memory grows with the classes squared, not with the pool.
 */
export class Comparison {
  /** [classes, classes], row = truth, column = label. */
  private readonly cells: Uint32Array;
  private images = 0;

  constructor(private readonly classes: number) {
    this.cells = new Uint32Array(classes * classes);
  }

  /** Takes one image: its true class, and its label or -1 where it has none. */
  add(truth: number, label: number): void {
    this.images++;
    if (label >= 0) this.cells[truth * this.classes + label]!++;
  }

  /** confusion[truth][label], labelled images only. */
  confusion(): number[][] {
    return Array.from({ length: this.classes }, (_, truth) =>
      Array.from(this.cells.subarray(truth * this.classes, (truth + 1) * this.classes)),
    );
  }

  /** Right share of the labels; null without labels. */
  accuracy(): number | null {
    const { labelled, right } = this.sums();
    return labelled === 0 ? null : right / labelled;
  }

  /**
   * Cohen's kappa, (p_o - p_e) / (1 - p_e): agreement of labels and truth beyond what their class frequencies alone would
   * give. Null where that is undefined: without labels, or when both name one single class throughout.
   *
   * Source: Cohen 1960, "A coefficient of agreement for nominal scales".
   */
  kappa(): number | null {
    const { labelled, right, byTruth, byLabel } = this.sums();
    const chance = byTruth.reduce((sum, count, i) => sum + count * (byLabel[i] as number), 0);
    // In counts, as 1 - p_e is exactly 0 only there.
    const beyondChance = labelled * labelled - chance;
    return beyondChance === 0 ? null : (labelled * right - chance) / beyondChance;
  }

  /** The record of one round; the test accuracy is measured elsewhere and passed through. */
  record(testAccuracy: number | null): TruthRecord {
    const { labelled, right } = this.sums();
    const wrong = labelled - right;
    return {
      coverage: this.images === 0 ? 0 : labelled / this.images,
      labelError: labelled === 0 ? null : wrong / labelled,
      labelErrorInterval: labelled === 0 ? null : clopperPearson(wrong, labelled),
      kappa: this.kappa(),
      testAccuracy,
    };
  }

  private sums(): { labelled: number; right: number; byTruth: number[]; byLabel: number[] } {
    const byTruth = new Array<number>(this.classes).fill(0);
    const byLabel = new Array<number>(this.classes).fill(0);
    let labelled = 0;
    let right = 0;
    this.cells.forEach((count, cell) => {
      const truth = Math.floor(cell / this.classes);
      const label = cell % this.classes;
      byTruth[truth]! += count;
      byLabel[label]! += count;
      labelled += count;
      if (truth === label) right += count;
    });
    return { labelled, right, byTruth, byLabel };
  }
}
