import { deriveSeed, RandomStream } from '../../contracts/random.js';
import { believe, errorAt, errorBefore, type CalibrationPoint, type ErrorCurve } from './belief.js';
import { catalogue, looksOf, place, playBets, type Design, type Performance } from './designs.js';
import { play, type Played } from './simulate.js';
import type { AuditSettings, Cut, Instrument, PlanOutlook, Protocol } from '../../contracts/audit.js';
import type { Rules } from './judge.js';

/** What an audit is planned for. */
export interface PlanInput {
  /** Frozen machine labels. */
  labels: number;
  epsilon: number;
  alpha: number;
  /** Answers at most, repair included. */
  budget: number;
  instrument: AuditSettings['instrument'];
  repair: AuditSettings['repair'];
  drawing: Protocol['drawing'];
  /** Untouched calibration images. */
  calibration: readonly CalibrationPoint[];
  seed: number;
}

/** What the protocol takes over from a plan. */
export interface Plan {
  instrument: Instrument;
  bets: number[];
  cuts: Cut[];
  repair: Protocol['repair'];
  outlook: PlanOutlook;
}

/** The plan to follow; or none, with the nearest and the budget at which there would be one (null: none was found). */
export type Planned =
  | { chosen: Plan; considered: PlanOutlook[] }
  | { chosen: null; nearest: PlanOutlook | null; budgetNeeded: number | null; considered: PlanOutlook[] };

/** floor(epsilon * size): how many labels of a cut may be wrong. */
export const mostWrong = (size: number, epsilon: number): number => Math.floor(epsilon * size);

/** Shares of the labels that a plan may leave out, the most uncertain first. */
const LEFT_OUT = [
  0, 0.003, 0.006, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6,
  0.7, 0.8, 0.9, 0.95,
];

/** Shares of the budget that a repair may take. */
const REPAIRS = [0, 0.04, 0.08, 0.15, 0.25, 0.35, 0.45, 0.6];

/**
 * Believed chance under which nobody is asked. At a half, one unlucky calibration split in eight had its audit refused that would
 * have passed, and fixed choices were worth up to a fifth more (docs/benchmarks.md).
 */
const LEAST_SUCCESS = 0.3;

/** One test of one cut with one repair, and what is expected of it. */
interface Option {
  /** Labels that come out: the cut's and the repaired ones. */
  total: number;
  repair: number;
  size: number;
  design: Design;
  success: number;
  /** In the mean, repair included. */
  answers: number;
  percentile90: () => number;
}

/**
 * Plans an audit: instrument, bets or looks, repair and cuts. Belief about errors by rank comes from calibration images; a
 * wrong belief costs answers, not validity, as the protocol that comes out is valid whatever the labels are.
 *
 * Every cut with every repair and every design of the catalogue is worked out on its own; the best of these get smaller cuts
 * before them and larger ones after them where that is worth it, as played on pools drawn from the belief. Deterministic.
 */
export function plan(input: PlanInput): Planned {
  const curves = believe(input.calibration);
  const options = search(input, curves).toSorted((a, b) => worthOf(b, input) - worthOf(a, input));
  const considered = listed(options);
  const chosen = chooseLadder(input, curves, options);
  if (chosen !== null) return { chosen, considered: [chosen.outlook, ...considered] };
  const nearest = options.toSorted((a, b) => b.success - a.success || b.total - a.total)[0];
  return {
    chosen: null,
    nearest: nearest === undefined ? null : outlookOf(nearest),
    budgetNeeded: budgetNeeded(input, curves),
    considered,
  };
}

/**
 * What an answer costs, in images without a label. Such an image costs people an answer too, and leaves the set with a gap
 * until then; so labels come first, and a repair is worth more than leaving the same images out.
 */
const COST_OF_ANSWER = 0.5;

/** The share of the labels that a plan certifies or has checked, in the mean, less what its answers cost. */
const worth = (labels: number, answers: number, { labels: all }: PlanInput): number =>
  (labels - COST_OF_ANSWER * answers) / all;

/** Every cut with every repair: the design of either instrument that is worth most. */
function search(input: PlanInput, curves: readonly ErrorCurve[]): Option[] {
  const { labels, epsilon, alpha, budget } = input;
  const whole = { size: labels, most: mostWrong(labels, epsilon), alpha, budget };
  if (whole.most < 1) return [];
  const looks = input.instrument !== 'betting' && input.drawing === 'uniform';
  const bets =
    input.instrument === 'looks' ? [] : playBets(whole, new RandomStream(deriveSeed(input.seed, 'acquire', 1)));
  return repairsOf(input).flatMap((repair) => {
    const claim = { ...whole, budget: budget - repair };
    const tests = catalogue(looks, bets, claim);
    return LEFT_OUT.flatMap((leftOut) => {
      const total = Math.floor(labels * (1 - leftOut));
      const size = total - repair;
      if (mostWrong(size, epsilon) < 1) return [];
      return bestTests(input, curves, tests, { total, size, repair });
    });
  });
}

function repairsOf({ repair, budget, labels }: PlanInput): number[] {
  if (repair !== 'auto') return repair < Math.min(budget, labels) ? [repair] : [];
  return [...new Set(REPAIRS.map((share) => Math.floor(share * budget)))].filter((count) => count < labels / 2);
}

function bestTests(
  input: PlanInput,
  curves: readonly ErrorCurve[],
  tests: readonly Performance[],
  where: Pick<Option, 'total' | 'size' | 'repair'>,
): Option[] {
  const errors = tests[0]?.errors;
  if (errors === undefined) return [];
  // The belief about the cut's error, spread over the grid that the tests were worked out on.
  const belief = new Float64Array(errors.length);
  for (const curve of curves) {
    const { index, t } = place(errors, errorBefore(curve, where.size / input.labels));
    belief[index] = (belief[index] as number) + (1 - t) * curve.weight;
    belief[index + 1] = (belief[index + 1] as number) + t * curve.weight;
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value, i) => sum + value * (belief[i] as number), 0);
  const found = new Map<Instrument, Option>();
  for (const { design, success, answers, percentile90 } of tests) {
    const option = {
      ...where,
      design,
      success: mean(success),
      answers: where.repair + mean(answers),
      percentile90: () => where.repair + percentile90(belief),
    };
    const before = found.get(design.instrument);
    if (before === undefined || worthOf(option, input) > worthOf(before, input)) found.set(design.instrument, option);
  }
  return [...found.values()].toSorted((a, b) => worthOf(b, input) - worthOf(a, input));
}

const worthOf = ({ success, total, answers }: Option, input: PlanInput): number =>
  worth(success * total, answers, input);

/** An option on its own: its cut without others before or after it. */
const outlookOf = ({ design, repair, size, answers, percentile90, success }: Option): PlanOutlook => ({
  instrument: design.instrument,
  repair,
  size,
  expected: Math.round(answers),
  percentile90: percentile90(),
  success: Number(success.toFixed(3)),
});

/** For people to read: of either instrument and each repair the best, and the best for each size. */
function listed(options: readonly Option[]): PlanOutlook[] {
  const seen = new Set<string>();
  return options
    .filter(({ design, repair, total }) => {
      const keys = [`${design.instrument} ${repair}`, `${design.instrument} of ${total}`];
      const fresh = keys.some((key) => !seen.has(key));
      for (const key of keys) seen.add(key);
      return fresh;
    })
    .slice(0, 150)
    .map(outlookOf);
}

/** A sequence of cuts with one repair and one design. */
interface Ladder {
  sizes: number[];
  repair: number;
  design: Design;
}

const SCREENING_RUNS = 120;
const OUTLOOK_RUNS = 300;
/** Ranks drawn in screening at most: a search takes seconds. */
const SCREENING_DRAWS = 1.2e6;

/** The best ladder around the best options; null where none is believed to certify anything. */
function chooseLadder(input: PlanInput, curves: readonly ErrorCurve[], options: readonly Option[]): Plan | null {
  const ladders = bestOf(options).flatMap((option) => laddersAround(option, options));
  const runs = Math.max(30, Math.min(SCREENING_RUNS, Math.floor(SCREENING_DRAWS / (ladders.length * input.budget))));
  let best: { ladder: Ladder; rules: Rules; worth: number } | null = null;
  for (const ladder of ladders) {
    const rules = rulesOf(input, ladder);
    if (rules === null) continue;
    const played = rehearse(input, curves, rules, runs);
    const labels = played.reduce((sum, end) => sum + labelsOf(rules, end), 0) / runs;
    const answers = played.reduce((sum, end) => sum + end.answers, 0) / runs;
    const value = worth(labels, answers, input);
    if (best === null || value > best.worth) best = { ladder, rules, worth: value };
  }
  if (best === null) return null;
  const { rules } = best;
  const played = rehearse(input, curves, rules, OUTLOOK_RUNS);
  const outlook = outlookOfRuns(rules, played);
  if (outlook === null) return null;
  const { instrument, bets, cuts, repair } = rules;
  return { instrument, bets, cuts, repair, outlook };
}

/** The most worthy options of up to four different repairs or instruments. */
function bestOf(options: readonly Option[]): Option[] {
  const kinds = new Map<string, Option>();
  for (const option of options) {
    const kind = `${option.design.instrument} ${option.repair}`;
    if (option.success >= LEAST_SUCCESS && !kinds.has(kind)) kinds.set(kind, option);
  }
  return [...kinds.values()].slice(0, 4);
}

/** Believed to be certified almost surely: a first cut that leaves something in hand when the belief was too good. */
const SAFE = 0.93;

/** The option's cut alone, and with cuts before it and after it. */
function laddersAround(option: Option, options: readonly Option[]): Ladder[] {
  const { repair, design } = option;
  const alike = options
    .filter((other) => other.repair === repair && other.design.instrument === design.instrument)
    .toSorted((a, b) => a.size - b.size);
  const at = alike.indexOf(option);
  const safe = alike.findLast(({ success, size }) => success >= SAFE && size < option.size);
  const below = alike.filter(({ size }) => size < option.size && size > (safe?.size ?? 0)).map(({ size }) => size);
  const start = safe === undefined ? [] : [safe.size];
  const above = alike.slice(at + 1).map(({ size }) => size);
  const sequences = [
    [option.size],
    [...start, option.size],
    [...start, ...below, option.size],
    ...[1, 2, 3].map((steps) => [...start, option.size, ...above.slice(0, steps)]),
    [...start, ...below, option.size, ...above.slice(0, 3)],
    // All the way up: belief from few calibration images is a wide one, and answers may show that far more can be certified.
    [...start, option.size, ...above],
    [...start, ...below, option.size, ...above],
  ];
  // Of few labels, shares that are left out come to the same sizes; a sequence ascends.
  const ascending = sequences.map((sizes) => [...new Set(sizes)]);
  const distinct = new Map(ascending.map((sizes) => [sizes.join(), thinned(sizes)]));
  return [...distinct.values()].map((sizes) => ({ sizes, repair, design }));
}

const MOST_CUTS = 20;

/** At most as many as a protocol takes: evenly chosen, the first and the last among them. */
function thinned(sizes: readonly number[]): number[] {
  const kept = Math.min(MOST_CUTS, sizes.length);
  if (kept === sizes.length) return [...sizes];
  return Array.from({ length: kept }, (_, i) => sizes[Math.round((i * (sizes.length - 1)) / (kept - 1))] as number);
}

/** The protocol's rules by a ladder; null where a cut's looks do not fit into the budget. */
function rulesOf(input: PlanInput, { sizes, repair, design }: Ladder): Rules | null {
  const { labels, epsilon, alpha, budget, drawing } = input;
  const cuts = sizes.map((size): Cut => {
    const most = mostWrong(size, epsilon);
    return { size, most, looks: looksOf(design, { size, most, alpha, budget: budget - repair }) };
  });
  if (design.instrument === 'looks' && cuts.some(({ looks }) => looks.length === 0)) return null;
  return {
    labels,
    alpha,
    budget,
    drawing,
    instrument: design.instrument,
    bets: design.instrument === 'betting' ? design.bets : [],
    cuts,
    repair: { from: cuts.at(-1)?.size ?? 0, count: repair },
  };
}

/** Plays the audit on pools drawn from the belief; the same pools for all rules. */
function rehearse(input: PlanInput, curves: readonly ErrorCurve[], rules: Rules, runs: number): Played[] {
  const spread = curves.toSorted((a, b) => errorBefore(a, 1) - errorBefore(b, 1));
  const key = deriveSeed(input.seed, 'acquire', 2);
  let [index, below] = [0, 0];
  return Array.from({ length: runs }, (_, run) => {
    // Curves at evenly spaced quantiles of the belief: less noise than drawing them.
    while (index < spread.length - 1 && below + (spread[index] as ErrorCurve).weight < (run + 0.5) / runs)
      below += (spread[index++] as ErrorCurve).weight;
    const curve = spread[index] as ErrorCurve;
    const stream = new RandomStream(key, run);
    return play(rules, (rank) => stream.uniform() < errorAt(curve, (rank + 0.5) / input.labels), stream);
  });
}

/** Labels that an audit leaves certified or checked. */
const labelsOf = (rules: Rules, { certified }: Played): number =>
  certified < 0 ? 0 : (rules.cuts[certified] as Cut).size + rules.repair.count;

/** The largest cut that is believed certifiable, with its chance and the answers of the whole audit; null: not even one. */
function outlookOfRuns(rules: Rules, played: readonly Played[]): PlanOutlook | null {
  const success = rules.cuts.map((_, i) => played.filter(({ certified }) => certified >= i).length / played.length);
  const likely = success.findLastIndex((chance) => chance >= 0.5);
  const index = likely >= 0 ? likely : success.findLastIndex((chance) => chance >= LEAST_SUCCESS);
  if (index < 0) return null;
  const answers = played.map((end) => end.answers).toSorted((a, b) => a - b);
  return {
    instrument: rules.instrument,
    repair: rules.repair.count,
    size: (rules.cuts[index] as Cut).size,
    expected: Math.round(answers.reduce((sum, each) => sum + each, 0) / answers.length),
    percentile90: answers[Math.ceil(0.9 * answers.length) - 1] as number,
    success: Number((success[index] as number).toFixed(3)),
  };
}

/** The least budget, to a tenth or so, with which some plan is believed to certify something; null: not even 16 times this one. */
function budgetNeeded(input: PlanInput, curves: readonly ErrorCurve[]): number | null {
  // Where even the surest labels are believed to be wrong too often, answers don't help.
  const surest = curves.reduce((sum, { floor, weight }) => sum + (floor < input.epsilon ? weight : 0), 0);
  if (surest < LEAST_SUCCESS) return null;
  const enough = (budget: number): boolean =>
    search({ ...input, budget }, curves).some(({ success }) => success >= LEAST_SUCCESS);
  let high = input.budget;
  for (let doubling = 0; !enough(high); doubling++) {
    if (doubling === 4 || high >= input.labels) return null;
    high *= 2;
  }
  let low = high / 2;
  while (high / low > 1.1) {
    const middle = Math.round(Math.sqrt(low * high));
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return Math.ceil(high);
}
