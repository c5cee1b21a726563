import type { Look } from '../../contracts/audit.js';
import type { RandomStream } from '../../contracts/random.js';
import { certificationChances, earliestLooks } from './looks.js';

/*
 * Tests to choose from, and how each does at a given true error: the planner's catalogue. What a test does hangs on the
 * cut's error alone, not on where the errors are, so that it is worked out once for a grid of errors and looked up for every
 * belief and every cut.
 */

/** The test of a cut, before it is fitted to the cut's size. */
export type Design =
  { instrument: 'looks'; allowed: number[]; spent: number[] } | { instrument: 'betting'; bets: number[] };

/** What a test does at the errors of a grid. */
export interface Performance {
  design: Design;
  /** True errors, ascending. */
  errors: number[];
  /** At each: chance to be certified, and answers in the mean, whether or not. */
  success: number[];
  answers: number[];
  /** The 90th percentile of the answers when the errors of the grid have these chances. */
  percentile90: (belief: ArrayLike<number>) => number;
}

/** What all designs of one search have in common. */
export interface Claim {
  size: number;
  most: number;
  alpha: number;
  /** Answers that the audit may take. */
  budget: number;
}

/** Above this many errors a look's law is costly to work out and gains little. */
const MOST_ALLOWED = 64;
const MOST_LOOKS = 6;

/** The looks at a cut by a design. */
export const looksOf = (design: Design, { size, most, alpha, budget }: Claim): Look[] =>
  design.instrument === 'looks' ? earliestLooks(size, most, alpha, design.allowed, design.spent, budget) : [];

/** Allowed errors that start at `first` and grow by `growth`, `count` of them at most. */
function upwards(first: number, growth: number, most: number, count: number): number[] {
  const allowed = [first];
  for (;;) {
    const last = allowed.at(-1) as number;
    const next = Math.max(last + 1, Math.round(growth * last + growth - 1));
    if (allowed.length === count || next > most) return allowed;
    allowed.push(next);
  }
}

/** Allowed errors that end at `most`, which uses the budget up, and shrink by `growth`, `count` of them at most. */
function downwards(most: number, growth: number, count: number): number[] {
  const allowed = [most];
  for (;;) {
    const first = allowed[0] as number;
    if (allowed.length === count || first === 0) return allowed;
    allowed.unshift(Math.min(first - 1, Math.floor(first / growth)));
  }
}

/** The most errors that a single look within the budget can allow; -1: none. */
function mostAllowed({ size, most, alpha, budget }: Claim): number {
  const possible = (errors: number): boolean =>
    errors <= most && earliestLooks(size, most, alpha, [errors], [1], budget).length === 1;
  let low = -1;
  let high = MOST_ALLOWED;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (possible(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Single looks, and sequences that start with few or many errors allowed, grow slowly or fast, and spend alpha early or late. */
export function looksDesigns(claim: Claim): Design[] {
  const most = mostAllowed(claim);
  if (most < 0) return [];
  const singles = upwards(0, 1.2, most, Infinity).map((errors) => [errors]);
  const sequences = [1.4, 2, 3.5].flatMap((growth) =>
    [3, MOST_LOOKS].flatMap((count) => [
      downwards(most, growth, count),
      ...[0, 1, 2, 4, 8, 16, 32].filter((first) => first <= most).map((first) => upwards(first, growth, most, count)),
    ]),
  );
  const designs = new Map<string, Design>();
  for (const allowed of [...singles, [most], ...sequences])
    for (const late of allowed.length === 1 ? [1] : [0.08, 0.16, 0.35, 0.7, 1.4]) {
      const spent = allowed.map((_, i) => ((i + 1) / allowed.length) ** late);
      designs.set(`${allowed.join()} ${late}`, { instrument: 'looks', allowed, spent });
    }
  return [...designs.values()];
}

/** The bets of certificates.md. */
export const referenceBets = [0.95, 0.8, 0.6, 0.4, 0.2];

/**
 * Bets for errors that are believed to be `share` of epsilon: the bet under which evidence grows fastest is 1 - share
 * (Kelly 1956; it maximises q ln(1 - b) + (1 - q) ln(1 + b epsilon / (1 - epsilon)) at q = share epsilon). It gets two
 * thirds of the stake, the reference bets share the rest.
 */
export const betsFor = (share: number): number[] => [...new Array<number>(10).fill(1 - share), ...referenceBets];

const bettingDesigns = (): Design[] => [
  { instrument: 'betting', bets: referenceBets },
  ...[0.02, 0.12, 0.3, 0.55].map((share): Design => ({ instrument: 'betting', bets: betsFor(share) })),
];

/** True errors at which designs are worked out: finer where a certificate is likely. */
const errorGrid = (epsilon: number): number[] =>
  [0.002, 0.01, 0.025, 0.05, 0.08, 0.12, 0.17, 0.23, 0.3, 0.38, 0.46, 0.55, 0.65, 0.75, 0.85, 1, 1.3].map(
    (share) => share * epsilon,
  );

/** What looks do, exactly. Where nothing is certified, answers end when too many are wrong, or with the last look. */
function looksPerformance(design: Design, claim: Claim, errors: number[]): Performance | null {
  const looks = looksOf(design, claim);
  const last = looks.at(-1);
  if (last === undefined) return null;
  const at = errors.map((error) => {
    // A share that falls between two numbers of wrong labels lies between what they give.
    const wrong = error * claim.size;
    const [low, high] = [Math.floor(wrong), Math.ceil(wrong)].map((count) =>
      certificationChances(claim.size, count, looks),
    );
    const t = wrong - Math.floor(wrong);
    const chances = looks.map(
      (_, i) => (1 - t) * ((low as number[])[i] as number) + t * ((high as number[])[i] as number),
    );
    const success = chances.reduce((a, b) => a + b, 0);
    const failing = Math.min(last.answers, (last.allowed + 1) / error);
    const answers = chances.reduce(
      (sum, chance, i) => sum + chance * (looks[i] as Look).answers,
      (1 - success) * failing,
    );
    return { chances, success, answers };
  });
  return {
    design,
    errors,
    success: at.map(({ success }) => success),
    answers: at.map(({ answers }) => answers),
    percentile90: (belief) => {
      let ended = 0;
      for (const [i, look] of looks.entries()) {
        ended += at.reduce((sum, { chances }, j) => sum + (chances[i] as number) * (belief[j] as number), 0);
        if (ended >= 0.9) return look.answers;
      }
      return last.answers;
    },
  };
}

const RUNS = 100;

/** A run of bets that has not ended by then counts as not certified: planning is to take seconds. */
const LONGEST_RUN = 5000;

/** A betting design with where its runs ended, by error: answers until certified, or minus the answers of a lost run. */
export interface BettingRuns {
  design: Design;
  ends: number[][];
}

/** Plays all betting designs, once for every budget up to the claim's. */
export function playBets(claim: Claim, stream: RandomStream): BettingRuns[] {
  return bettingDesigns().map((design) => ({
    design,
    ends: errorGrid(claim.most / claim.size).map((error) =>
      Array.from({ length: RUNS }, () =>
        endOfRun(design.instrument === 'betting' ? design.bets : [], claim, error, stream),
      ),
    ),
  }));
}

function endOfRun(bets: readonly number[], claim: Claim, error: number, stream: RandomStream): number {
  const wealth = new Float64Array(bets.length).fill(1 / bets.length);
  let needed = claim.most + 1;
  const limit = Math.min(claim.budget, claim.size, LONGEST_RUN);
  for (let drawn = 0; drawn < limit; drawn++) {
    const left = claim.size - drawn;
    if (needed >= left) return drawn;
    const wrong = stream.uniform() < error;
    const gain = wrong ? -1 : needed / (left - needed);
    let sum = 0;
    for (let i = 0; i < wealth.length; i++) sum += wealth[i] = (wealth[i] as number) * (1 + (bets[i] as number) * gain);
    if (wrong && --needed <= 0) return -(drawn + 1);
    if (sum >= 1 / claim.alpha) return drawn + 1;
  }
  return -limit;
}

function bettingPerformance({ design, ends }: BettingRuns, budget: number, errors: number[]): Performance {
  return {
    design,
    errors,
    success: ends.map((runs) => runs.filter((end) => end > 0 && end <= budget).length / runs.length),
    answers: ends.map((runs) => runs.reduce((sum, end) => sum + Math.min(Math.abs(end), budget), 0) / runs.length),
    percentile90: (belief) => {
      const all = ends.flatMap((runs, j) =>
        runs.map((end) => [Math.min(Math.abs(end), budget), belief[j] as number] as const),
      );
      let ended = 0;
      for (const [answers, chance] of all.toSorted(([a], [b]) => a - b)) {
        ended += chance / RUNS;
        if (ended >= 0.9) return answers;
      }
      return budget;
    },
  };
}

/** All designs, with what they do within the claim's budget; of bets those that were played. */
export function catalogue(looks: boolean, bets: readonly BettingRuns[], claim: Claim): Performance[] {
  const errors = errorGrid(claim.most / claim.size);
  return [
    ...(looks ? looksDesigns(claim) : [])
      .map((design) => looksPerformance(design, claim, errors))
      .filter((each) => each !== null),
    ...bets.map((runs) => bettingPerformance(runs, claim.budget, errors)),
  ];
}

/** Where a true error lies in the grid: between `index` and the next, `t` of the way. */
export function place(errors: readonly number[], error: number): { index: number; t: number } {
  if (error <= (errors[0] as number)) return { index: 0, t: 0 };
  const last = errors.length - 1;
  if (error >= (errors[last] as number)) return { index: last - 1, t: 1 };
  let index = 0;
  while ((errors[index + 1] as number) < error) index++;
  const [low, high] = [errors[index] as number, errors[index + 1] as number];
  return { index, t: (error - low) / (high - low) };
}
