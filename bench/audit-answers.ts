import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { certificationChances, earliestLooks, hypergeometricCdf, type Rules } from '../src/labelling/audit/index.js';
import { errorBefore, type ErrorCurve } from '../src/labelling/audit/belief.js';
import { betsFor, looksDesigns, looksOf, referenceBets } from '../src/labelling/audit/designs.js';
import { play } from '../src/labelling/audit/simulate.js';
import { table } from './table.js';

/*
 * How many answers a certificate takes at a known true error: the tables that the design started from, worked out anew, and
 * beside them what the audit takes now.
 */

const ALPHA = 0.05;
const RUNS = 1000;

/** The cheapest single look with a given chance to pass, for certainty about the error. */
function fixedLook(
  size: number,
  most: number,
  wrong: number,
  power: number,
): { answers: number; allowed: number } | null {
  for (let allowed = 0; allowed <= most; allowed++) {
    const [look] = earliestLooks(size, most, ALPHA, [allowed], [1]);
    if (look === undefined) return null;
    if (hypergeometricCdf(allowed, size, wrong, look.answers) >= power) return look;
  }
  return null;
}

/** Answers of an audit, as a law: `chance` that it ends certified with `answers`. What is missing to 1 is not certified. */
type Law = { answers: number; chance: number }[];

function quantileOf(law: Law, q: number): number {
  let sum = 0;
  for (const { answers, chance } of law) {
    sum += chance;
    if (sum >= q - 1e-9) return answers;
  }
  return Infinity;
}

/** The looks of the catalogue with the lowest cost, by the law of the answers at the true error. */
function bestLooks(size: number, most: number, wrong: number, budget: number, cost: (law: Law) => number): Law {
  const claim = { size, most, alpha: ALPHA, budget };
  const laws = looksDesigns(claim).map((design): Law => {
    const looks = looksOf(design, claim);
    const chances = certificationChances(size, wrong, looks);
    return looks.map(({ answers }, i) => ({ answers, chance: chances[i] as number }));
  });
  const costs = laws.map(cost);
  return laws[costs.indexOf(Math.min(...costs))] ?? [];
}

/** Mean answers where at least `power` pass; the last look's answers stand for those that do not. */
const meanWith =
  (power: number) =>
  (law: Law): number => {
    const passed = law.reduce((sum, { chance }) => sum + chance, 0);
    if (passed < power) return Infinity;
    return law.reduce((sum, { answers, chance }) => sum + answers * chance, (1 - passed) * (law.at(-1)?.answers ?? 0));
  };

/** Bets, played on a pool whose wrong labels are known. */
function betting(
  size: number,
  most: number,
  wrong: ReadonlySet<number>,
  bets: number[],
  drawing: Rules['drawing'] = 'uniform',
): Law {
  const rules: Rules = {
    labels: size,
    alpha: ALPHA,
    instrument: 'betting',
    drawing,
    bets,
    cuts: [{ size, most, looks: [] }],
    repair: { from: size, count: 0 },
    budget: size,
  };
  const key = deriveSeed(1, 'acquire');
  return Array.from({ length: RUNS }, (_, run) => {
    const { answers, certified } = play(rules, (rank) => wrong.has(rank), new RandomStream(key, run));
    return { answers: certified === 0 ? answers : Infinity, chance: 1 / RUNS };
  }).toSorted((a, b) => a.answers - b.answers);
}

const firstRanks = (count: number): Set<number> => new Set(Array.from({ length: count }, (_, rank) => rank));
const figure = (answers: number): string => (Number.isFinite(answers) ? String(Math.round(answers)) : '–');
const medianAnd90 = (law: Law): string => `${figure(quantileOf(law, 0.5))} / ${figure(quantileOf(law, 0.9))}`;
const percent = (share: number): string => `${Number((100 * share).toFixed(2))} %`;

/** certificates.md, "Human labels needed": epsilon, true error, its fixed n, its mixture e-process. */
const REFERENCE = [
  [0.05, 0, '60', '81'],
  [0.05, 0.005, '100', '81 / 170'],
  [0.05, 0.0125, '180', '129 / 275'],
  [0.05, 0.025, '550', '368 / 802'],
  [0.02, 0, '150', '203'],
  [0.02, 0.002, '240', '203 / 425'],
  [0.02, 0.005, '450', '323 / 684'],
  [0.02, 0.01, '1200', '834 / 1800'],
  [0.01, 0, '300', '402'],
  [0.01, 0.005, '2100', '1759 / 3264'],
] as const;

function neededTable(): string {
  const size = 10_000;
  const rows = REFERENCE.map(([epsilon, error, fixed, mixture]) => {
    const most = Math.floor(epsilon * size);
    const wrong = Math.round(error * size);
    const look = fixedLook(size, most, wrong, 0.9);
    const tuned = betsFor(Math.min(0.9, Math.max(0.02, error / epsilon)));
    return [
      percent(epsilon),
      percent(error),
      fixed,
      look === null ? '–' : `${look.answers} (${look.allowed})`,
      mixture,
      medianAnd90(betting(size, most, firstRanks(wrong), referenceBets)),
      medianAnd90(betting(size, most, firstRanks(wrong), tuned)),
      medianAnd90(bestLooks(size, most, wrong, size, meanWith(0.9))),
    ];
  });
  return table(
    [
      'target',
      'true error',
      'fixed n, reference',
      'fixed n (allowed)',
      'betting, reference',
      'betting, the same bets',
      'betting, bets for this error',
      'looks for this error',
    ],
    rows,
  );
}

/** methods.md D: accepted labels, true error, target, and its columns: fixed n, betting, weighted, repair first. */
const METHODS = [
  [7800, 0.0012, 0.02, '149', '349', '358', '199'],
  [7800, 0.0012, 0.01, '500', '702', '829', '550'],
  [9700, 0.012, 0.02, '1450', '2588', '1311', '700 (300)'],
  [9500, 0.0077, 0.02, '600', '1115', '810', '550'],
  [9500, 0.0077, 0.01, '> 3000', '> 3000', '> 3000', '1250 (500)'],
] as const;

/** Errors as they often are: a quarter of them anywhere, the rest steeply towards the least sure labels. */
const typical = (error: number): ErrorCurve => ({
  floor: error / 4,
  top: error / 4 + 0.75 * error * 61,
  power: 60,
  weight: 1,
});

/** Wrong ranks whose number before any rank is what the curve says, rounded. */
export function wrongRanks(size: number, curve: ErrorCurve): Set<number> {
  const wrong = new Set<number>();
  const before = (rank: number): number => Math.round(size * (rank / size) * errorBefore(curve, rank / size));
  for (let rank = 0; rank < size; rank++) if (before(rank + 1) > before(rank)) wrong.add(rank);
  return wrong;
}

function methodsTable(): string {
  const power = (law: Law): number => quantileOf(law, 0.8);
  const rows = METHODS.map(([size, error, epsilon, ...reference]) => {
    const most = Math.floor(epsilon * size);
    const wrong = wrongRanks(size, typical(error));
    const after = (count: number) => [...wrong].filter((rank) => rank < size - count).length;
    const looks = (count: number) => {
      const cut = size - count;
      return bestLooks(cut, Math.floor(epsilon * cut), after(count), 3000, power);
    };
    const repairs = [0, 50, 100, 200, 300, 400, 500, 700].map((count) => ({ count, law: looks(count) }));
    const costs = repairs.map(({ count, law }) => count + power(law));
    const best = costs.indexOf(Math.min(...costs));
    const { count, law } = repairs[best] as (typeof repairs)[number];
    const [fixed, bets, weighted, repair] = reference;
    const share = Math.round((100 * (wrong.size - after(300))) / wrong.size);
    return [
      `${size} (${wrong.size} wrong, ${share} % of them in the riskiest 300)`,
      percent(epsilon),
      `${fixed}: ${figure(fixedLook(size, most, wrong.size, 0.8)?.answers ?? Infinity)}`,
      `${bets}: ${figure(power(betting(size, most, wrong, referenceBets)))}`,
      `${weighted}: ${figure(power(betting(size, most, wrong, referenceBets, 'uncertainty')))}`,
      `${figure(power(repairs[0]?.law as Law))}`,
      `${repair}: ${figure(count + power(law))} (${count})`,
      figure(count + meanWith(0.8)(law)),
    ];
  });
  return table(
    [
      'accepted labels',
      'target',
      'fixed n',
      'betting',
      'betting, weighted',
      'looks',
      'repair (k) first, then looks',
      'the same, in the mean',
    ],
    rows,
  );
}

export const answersTables = (): { name: string; content: string }[] => [
  { name: 'audit-answers', content: neededTable() },
  { name: 'audit-methods', content: methodsTable() },
];
