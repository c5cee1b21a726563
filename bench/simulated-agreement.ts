import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { scoreOf } from '../src/contracts/scores.js';
import { SequentialPosterior } from '../src/learning/sequential.js';
import { PosteriorAccumulator } from '../src/learning/uncertainty.js';
import type { SequentialRule } from '../src/contracts/learner.js';
import type { ItemMoments } from '../src/learning/uncertainty.js';

/** Passes of items, in any order: the same item and pass give the same numbers. */
export interface PassSource {
  n: number;
  classes: number;
  /** Pass `pass` of `items`: probabilities [items, classes] and s [items]. */
  pass(pass: number, items: ArrayLike<number>): { p: ArrayLike<number>; logVariance: ArrayLike<number> };
}

/** What a cut-off decides on an item: its class where it is accepted, -1 where it is not. */
export type Decision = number;

type Cut = Pick<SequentialRule, 'score' | 'cutoffs'>;

export const decisionOf = (moments: ItemMoments, { score, cutoffs }: Cut): Decision =>
  scoreOf(score, moments) <= (cutoffs[moments.predicted] as number) ? moments.predicted : -1;

const everyItem = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

/** Moments after each of `counts` (ascending) passes, `first` on. */
export function momentsAfter(source: PassSource, counts: readonly number[], first = 0): ItemMoments[][] {
  const sums = new PosteriorAccumulator(source.n, source.classes);
  const items = everyItem(source.n);
  let taken = 0;
  return counts.map((count) => {
    for (; taken < count; taken++) {
      const { p, logVariance } = source.pass(first + taken, items);
      sums.add(p, logVariance);
    }
    return Array.from(items, (item) => sums.moments(item));
  });
}

export interface AgreementPoint {
  rule: string;
  /** Mean over the items. */
  passes: number;
  /** Share of the items on which the decision is the reference's, and its standard error. */
  agreement: number;
  error: number;
}

const point = (rule: string, passes: number, decisions: Decision[], reference: readonly Decision[]): AgreementPoint => {
  const agreement = decisions.filter((decision, i) => decision === reference[i]).length / reference.length;
  return { rule, passes, agreement, error: Math.sqrt((agreement * (1 - agreement)) / reference.length) };
};

/**
 * Agreement of decisions with a reference, against the passes that they cost.
 *
 * @param reference decisions of far more passes (1,000), none of which `source` gives again
 * @param fixed numbers of passes that every item takes, ascending
 * @param rules sequential rules, each with the passes 0, 1, ... of `source`
 */
export function agreementCurve(
  source: PassSource,
  reference: readonly Decision[],
  cut: Cut,
  fixed: readonly number[],
  rules: readonly Omit<SequentialRule, 'score' | 'cutoffs'>[],
): AgreementPoint[] {
  const curve = momentsAfter(source, fixed).map((moments, i) =>
    point(
      `${fixed[i]} passes`,
      fixed[i] as number,
      moments.map((each) => decisionOf(each, cut)),
      reference,
    ),
  );
  return [...curve, ...rules.map((rule) => sequentialPoint(source, reference, { ...cut, ...rule }))];
}

function sequentialPoint(source: PassSource, reference: readonly Decision[], rule: SequentialRule): AgreementPoint {
  const posterior = new SequentialPosterior(source.n, source.classes, rule);
  let pass = 0;
  while (posterior.open.length > 0) {
    for (let due = posterior.due; due > 0; due--) {
      const { p, logVariance } = source.pass(pass++, posterior.open);
      posterior.add(p, logVariance);
    }
    posterior.settle();
  }
  const moments = everyItem(source.n);
  const decisions = Array.from(moments, (item) => decisionOf(posterior.moments(item), rule));
  const passes = Array.from(moments, (item) => posterior.moments(item).passes);
  const { least, most, settled } = rule;
  return point(`sequential ${least} to ${most}, ${settled} s.e.`, mean(passes), decisions, reference);
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * Passes without a model: softmax of Gaussian logits. An item's margin over each other class and its logits' spread are drawn
 * once; a share of the items is certain, the others have margins down to 0, where every cut-off has its neighbours. Made
 * such that fixed passes agree as those of real networks do (docs/decisions.md).
 */
export function simulatedPasses({ n, classes, seed }: { n: number; classes: number; seed: number }): PassSource {
  const key = deriveSeed(seed, 'sample');
  const items = Array.from({ length: n }, (_, item) => {
    const stream = new RandomStream(key, 2 * item);
    const certain = stream.uniform() < 0.4;
    const margin = certain ? 7 + 3 * stream.uniform() : 5 * stream.uniform();
    const spread = 0.5 + 1.5 * stream.uniform();
    const top = stream.integer(classes);
    const second = stream.integer(classes);
    const logits = Array.from({ length: classes }, (_, c) =>
      c === top ? margin : c === second ? 0 : -2 - 2 * stream.uniform(),
    );
    return { logits, spread };
  });
  return {
    n,
    classes,
    pass(pass, chosen) {
      const p = new Float32Array(chosen.length * classes);
      const logVariance = new Float32Array(chosen.length);
      for (let row = 0; row < chosen.length; row++) {
        const item = chosen[row] as number;
        const { logits, spread } = items[item] as (typeof items)[number];
        // One stream an item and pass.
        const stream = new RandomStream(deriveSeed(key, 'dropout', pass), 2 * item + 1);
        const drawn = logits.map((logit) => Math.exp(logit + spread * stream.normal()));
        const sum = drawn.reduce((a, b) => a + b);
        drawn.forEach((value, c) => (p[row * classes + c] = value / sum));
        logVariance[row] = -3 + 0.5 * stream.normal();
      }
      return { p, logVariance };
    },
  };
}

const FIXED = [2, 4, 6, 10, 20, 30, 40, 60, 80, 100];

function main(): void {
  const score = 'predictive-entropy';
  const source = simulatedPasses({ n: 3000, classes: 10, seed: 5 });
  const [reference] = momentsAfter(source, [1000], 1_000_000) as [ItemMoments[]];
  const ranked = reference.map((moments) => scoreOf(score, moments)).sort((a, b) => a - b);
  console.log('| accepted by the reference % | rule | passes | agreement % (s.e.) |');
  console.log('| --- | --- | --- | --- |');
  for (const share of [0.7, 0.8, 0.9]) {
    const cut = { score, cutoffs: new Array<number>(10).fill(ranked[Math.floor(share * source.n)] as number) } as const;
    const decisions = reference.map((moments) => decisionOf(moments, cut));
    for (const { rule, passes, agreement, error } of agreementCurve(source, decisions, cut, FIXED, [
      { least: 5, most: 90, settled: 2 },
    ]))
      console.log(
        `| ${100 * share} | ${rule} | ${passes.toFixed(1)} | ${(100 * agreement).toFixed(2)} (${(100 * error).toFixed(2)}) |`,
      );
  }
}

if (process.argv[1] === import.meta.filename) main();
