import { bandCounts, bandOf } from './weighted.js';
import type { Cut, Protocol } from '../../contracts/audit.js';

/**
 * Evidence against "more than `most` of the `size` labels of a cut are wrong", from labels drawn without replacement and
 * taken in draw order. It may be looked at after every answer: P(it ever reaches 1 / alpha | the claim is false) <= alpha.
 *
 * Before a draw let R be the labels that are left, W the sum of their weights, w_min the least of these, x the wrong labels
 * seen so far; with K0 = most + 1, the hypothesis leaves at least mu = K0 - x wrong ones. A draw of label i with weight w_i
 * estimates how many wrong ones are left by Z = W / w_i if it is wrong and 0 if it is right (w_i / W is the chance that it
 * was drawn, so that the mean of Z is what is left, >= mu), and Z <= z = W / w_min. Each bet b multiplies its wealth by
 *
 *     right:  1 + b mu / (z - mu)
 *     wrong:  1 + b (mu - W / w_i) / (z - mu)
 *
 * which is never negative and has a mean of at most 1; evidence is the mean of the wealths over the bets. A bet that is
 * listed twice counts twice. With equal weights z = W / w_i = R, and with m = (R - mu) / R this is certificates.md B.3, 6:
 * right 1 + b (1 - m) / m, wrong 1 - b.
 *
 * Where after an answer more wrong labels would be needed than are left (K0 - x > R), the hypothesis is impossible and
 * evidence infinite; a wrong answer while mu = z (all that are left would have to be wrong) leaves the wealth as it is. Where
 * x >= K0 before a draw, the claim is known to be false: `refuted`, and nothing is bet any more.
 *
 * Sources: Ville 1939; Waudby-Smith and Ramdas 2020, "Confidence sequences for sampling without replacement"; Stark 2023,
 * ALPHA; weights: Shekhar, Xu, Lipton, Liang and Ramdas 2023, "Risk-limiting financial audits via weighted sampling without
 * replacement".
 */
export class BettingEvidence {
  /** ln of each bet's wealth. */
  private readonly wealth: Float64Array;
  /** Labels that are not drawn yet, by band of weight. */
  private readonly left: number[];
  private remaining: number;
  private weightLeft: number;
  private wrongSeen = 0;
  private greatestLog = 0;

  constructor(
    private readonly protocol: Pick<Protocol, 'bets' | 'drawing' | 'labels'>,
    private readonly cut: Pick<Cut, 'size' | 'most'>,
  ) {
    this.wealth = new Float64Array(protocol.bets.length);
    this.left = bandCounts(protocol.drawing, cut.size, protocol.labels);
    this.remaining = cut.size;
    this.weightLeft = this.left.reduce((sum, count, band) => sum + count * 2 ** band, 0);
  }

  /** Takes the next answer of the cut in draw order. */
  add(rank: number, right: boolean): void {
    this.take(bandOf(this.protocol.drawing, rank, this.protocol.labels), right);
  }

  private take(band: number, right: boolean): void {
    const needed = this.cut.most + 1 - this.wrongSeen;
    const weight = 2 ** band;
    const largest = this.weightLeft / 2 ** this.left.findIndex((count) => count > 0);
    const estimate = right ? 0 : this.weightLeft / weight;
    this.left[band] = (this.left[band] as number) - 1;
    this.weightLeft -= weight;
    this.remaining--;
    if (!right) this.wrongSeen++;
    if (needed <= 0) return;
    if (this.cut.most + 1 - this.wrongSeen > this.remaining) {
      this.wealth.fill(Infinity);
    } else if (largest > needed) {
      const gain = (needed - estimate) / (largest - needed);
      for (let i = 0; i < this.wealth.length; i++)
        this.wealth[i] = (this.wealth[i] as number) + Math.log1p((this.protocol.bets[i] as number) * gain);
    }
    this.greatestLog = Math.max(this.greatestLog, this.log);
  }

  /** ln of the evidence now. */
  get log(): number {
    const top = this.wealth.reduce((a, b) => Math.max(a, b), -Infinity);
    if (!Number.isFinite(top)) return top;
    return top + Math.log(this.wealth.reduce((sum, each) => sum + Math.exp(each - top), 0) / this.wealth.length);
  }

  /** The evidence's greatest so far, 1 at least; what JSON can't hold stands as the largest double. */
  get greatest(): number {
    return Math.min(Math.exp(this.greatestLog), Number.MAX_VALUE);
  }

  /** More than `most` wrong labels were seen. */
  get refuted(): boolean {
    return this.wrongSeen > this.cut.most;
  }

  /** How many answers more it takes at least until the evidence reaches `level`: if all are right. null: above `limit`. */
  needed(level: number, limit: number): number | null {
    if (this.refuted) return null;
    const ahead = this.copy();
    for (let answers = 1; answers <= limit && ahead.remaining > 0; answers++) {
      // The heaviest first: what is left then weighs least, which makes the bets on the next ones largest.
      ahead.take(
        ahead.left.findLastIndex((count) => count > 0),
        true,
      );
      if (ahead.greatest >= level) return answers;
    }
    return null;
  }

  private copy(): BettingEvidence {
    const twin = new BettingEvidence(this.protocol, this.cut);
    twin.wealth.set(this.wealth);
    twin.left.splice(0, twin.left.length, ...this.left);
    twin.remaining = this.remaining;
    twin.weightLeft = this.weightLeft;
    twin.wrongSeen = this.wrongSeen;
    return twin;
  }
}
