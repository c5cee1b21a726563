import type { TruthRecord } from '../contracts/stages.js';
import { selectiveRisk } from './selective.js';
import { clopperPearson } from './statistics.js';

/** Label errors whose best coverage is told. */
const ERRORS = [0.005, 0.01, 0.02, 0.05];

/** An image of the pool as the round left it. */
interface Decided {
  /** -1 where it has none. */
  label: number;
  predicted: number;
  predictive_entropy: number;
}

/** Labels against the truth, one image at a time; of an image, 5 bytes are kept for the ranking. */
export class Comparison {
  /** [classes, classes], row = truth, column = label. */
  private readonly cells: Uint32Array;
  private images = 0;
  private scores = new Float32Array(1024);
  private wrong = new Uint8Array(1024);

  constructor(private readonly classes: number) {
    this.cells = new Uint32Array(classes * classes);
  }

  /** Takes one image and its true class. */
  add(truth: number, { label, predicted, predictive_entropy: score }: Decided): void {
    if (this.images === this.scores.length) {
      this.scores = doubled(this.scores, Float32Array);
      this.wrong = doubled(this.wrong, Uint8Array);
    }
    this.scores[this.images] = score;
    this.wrong[this.images] = predicted === truth ? 0 : 1;
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
    const ranking = selectiveRisk(this.scores.subarray(0, this.images), this.wrong.subarray(0, this.images), ERRORS);
    return {
      coverage: this.images === 0 ? 0 : labelled / this.images,
      labelError: labelled === 0 ? null : wrong / labelled,
      labelErrorInterval: labelled === 0 ? null : clopperPearson(wrong, labelled),
      kappa: this.kappa(),
      testAccuracy,
      aurc: this.images === 0 ? null : ranking.aurc,
      coverageAt: ranking.coverageAt,
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

function doubled<T extends Float32Array | Uint8Array>(values: T, Kind: new (length: number) => T): T {
  const larger = new Kind(2 * values.length);
  larger.set(values);
  return larger;
}
