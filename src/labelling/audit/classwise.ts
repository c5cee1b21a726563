import { BettingEvidence } from './betting.js';
import { mostWrong } from './plan.js';
import type { GivenAnswers } from './judge.js';

/** One claim per class: at most floor(epsilon * size) of the labels that say it are wrong. */
export interface ClasswiseRules {
  classes: number;
  epsilon: number;
  /** For all classes together: each gets alpha / classes. It is spent beside that of the cuts, so the ledger has to hold both. */
  alpha: number;
  bets: number[];
  /** The labels of rank 0 to `size` - 1, drawn all alike. */
  size: number;
}

export interface ClassJudgement {
  /** Labels that say this class, those of them audited as far as there is no gap, and the wrong ones of these. */
  size: number;
  most: number;
  audited: number;
  wrong: number;
  /** Certified from classes / alpha on; null: no label says this class. */
  evidence: number | null;
  certified: boolean;
}

/**
 * What an audit's answers say of each class on its own, by betting: the labels that say a class are a stratum that was fixed
 * before the draw, and the draw order restricted to it is a uniform permutation of it. All that is certified holds at once
 * with confidence 1 - alpha (Bonferroni).
 *
 * @param labels the frozen class of each rank
 * @param order ranks in draw order
 */
export function judgeClasses(
  rules: ClasswiseRules,
  labels: ArrayLike<number>,
  order: ArrayLike<number>,
  answers: GivenAnswers['audit'],
): ClassJudgement[] {
  const sizes = new Array<number>(rules.classes).fill(0);
  for (let rank = 0; rank < rules.size; rank++)
    sizes[labels[rank] as number] = (sizes[labels[rank] as number] as number) + 1;
  const strata = sizes.map((size) => {
    const most = mostWrong(size, rules.epsilon);
    const evidence = new BettingEvidence({ bets: rules.bets, drawing: 'uniform', labels: size }, { size, most });
    return { size, most, evidence, audited: 0, wrong: 0, ended: false };
  });
  for (let i = 0; i < order.length; i++) {
    const rank = order[i] as number;
    if (rank >= rules.size) continue;
    const stratum = strata[labels[rank] as number] as (typeof strata)[number];
    const right = answers.get(rank);
    if (right === undefined) stratum.ended = true;
    if (right === undefined || stratum.ended) continue;
    stratum.evidence.add(0, right);
    stratum.audited++;
    if (!right) stratum.wrong++;
  }
  return strata.map(({ size, most, evidence, audited, wrong }) => ({
    size,
    most,
    audited,
    wrong,
    evidence: size === 0 ? null : evidence.greatest,
    certified: size > 0 && evidence.greatest >= rules.classes / rules.alpha,
  }));
}
