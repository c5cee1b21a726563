import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { judge, nextAlpha, plan, weightOf, type Rules } from '../src/labelling/audit/index.js';
import { betsFor, referenceBets } from '../src/labelling/audit/designs.js';
import { earliestLooks, falseCertificateProbability } from '../src/labelling/audit/looks.js';
import { table } from './table.js';

/*
 * Validity: on pools where a claim is false by one label, how often is a certificate issued that is not true, when the
 * evidence is looked at after every answer up to the census? At most alpha, whatever the place of the wrong labels.
 */

/** A pool and the audits that are tried on it; a pool counts once, however many of them go wrong. */
export interface Scenario {
  name: string;
  audits: Rules[];
  /** Ranks of the wrong labels of an audit; may be drawn anew for each pool, in which all audits of the same labels share them. */
  wrong: (random: RandomStream) => ReadonlySet<number>;
  /** Audits of labels of their own, as those of classes are: `wrong` by audit, in place of the one above. */
  own?: ((random: RandomStream) => ReadonlySet<number>)[];
  /** What the chance of a false certificate must not exceed. */
  alpha: number;
}

const ALPHA = 0.05;

interface Shape {
  sizes: number[];
  epsilon: number;
  instrument: Rules['instrument'];
  drawing?: Rules['drawing'];
  bets?: number[];
  alpha?: number;
}

export function rules({
  sizes,
  epsilon,
  instrument,
  drawing = 'uniform',
  bets = referenceBets,
  alpha = ALPHA,
}: Shape): Rules {
  const size = Math.max(...sizes);
  return {
    labels: size,
    alpha,
    instrument,
    drawing,
    bets: instrument === 'betting' ? bets : [],
    cuts: sizes.map((each) => {
      const most = Math.floor(epsilon * each);
      const looks = earliestLooks(each, most, alpha, [0, 1, 3, 8], [0.6, 0.75, 0.87, 1]);
      return { size: each, most, looks: instrument === 'looks' ? looks : [] };
    }),
    repair: { from: size, count: 0 },
    budget: size,
  };
}

/** Distinct numbers below `size` that are at least `from`. */
function some(count: number, from: number, size: number, random: RandomStream): Set<number> {
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(from + random.integer(size - from));
  return chosen;
}

const range = (from: number, count: number): Set<number> => new Set(Array.from({ length: count }, (_, i) => from + i));

/** One label too many is wrong, anywhere. */
const anywhere = (of: Rules) => (random: RandomStream) => {
  const { size, most } = of.cuts.at(-1) as Rules['cuts'][number];
  return some(most + 1, 0, size, random);
};

/** Every cut is wrong by one: each shell adds just what its cut may have more. */
function everyCutByOne(of: Rules): ReadonlySet<number> {
  const wrong = new Set<number>();
  for (const { size, most } of of.cuts) for (let rank = size - 1; wrong.size < most + 1; rank--) wrong.add(rank);
  return wrong;
}

/** All cuts before the last are clean, and the last one's shell holds all that makes it wrong by one. */
function lastShell(of: Rules): ReadonlySet<number> {
  const { size, most } = of.cuts.at(-1) as Rules['cuts'][number];
  return range(size - most - 1, most + 1);
}

/** The first cut is wrong by one, and nothing else is: what comes after would be true. */
function firstAlone(of: Rules): ReadonlySet<number> {
  const { size, most } = of.cuts[0] as Rules['cuts'][number];
  return range(size - most - 1, most + 1);
}

export function scenarios(): Scenario[] {
  const fixed = (wrong: ReadonlySet<number>) => () => wrong;
  const one = (name: string, of: Rules, wrong: Scenario['wrong'] = anywhere(of)): Scenario => ({
    name,
    audits: [of],
    wrong,
    alpha: of.alpha,
  });
  const single = (['betting', 'looks'] as const).flatMap((instrument) =>
    (
      [
        [500, 0.05],
        [2000, 0.02],
        [2000, 0.05],
        [10_000, 0.01],
      ] as const
    ).map(([size, epsilon]) => {
      const of = rules({ sizes: [size], epsilon, instrument });
      const exact = instrument === 'looks' ? `, exactly ${exactly(of)} %` : '';
      return one(`${instrument}, ${size} labels, ${100 * epsilon} %${exact}`, of);
    }),
  );
  const tuned = [0.02, 0.3, 0.55].map((share) =>
    one(
      `bets for errors of ${share} epsilon, 2000 labels, 2 %`,
      rules({ sizes: [2000], epsilon: 0.02, instrument: 'betting', bets: betsFor(share) }),
    ),
  );
  const sequences = (['betting', 'looks'] as const).flatMap((instrument) => {
    const of = rules({ sizes: [600, 1000, 1400, 1700, 2000], epsilon: 0.03, instrument });
    return [
      one(`fixed sequence of 5 cuts, ${instrument}, every cut wrong by one`, of, fixed(everyCutByOne(of))),
      one(`fixed sequence of 5 cuts, ${instrument}, the first alone wrong by one`, of, fixed(firstAlone(of))),
      one(`widening, ${instrument}: four true cuts, the last shell makes it wrong by one`, of, fixed(lastShell(of))),
    ];
  });
  const ledger = (['betting', 'looks'] as const).map((instrument): Scenario => {
    const opened: number[] = [];
    for (let t = 0; t < 4; t++) opened.push(nextAlpha('series', ALPHA, opened));
    const audits = opened.map((alpha) => rules({ sizes: [1000], epsilon: 0.05, instrument, alpha }));
    return {
      name: `ledger, series of 4 audits, ${instrument}`,
      audits,
      wrong: anywhere(audits[0] as Rules),
      alpha: ALPHA,
    };
  });
  const classes = (['betting', 'looks'] as const).map((instrument): Scenario => {
    const sizes = [200, 400, 600, 1000, 1400];
    const opened: number[] = [];
    while (opened.length < sizes.length) opened.push(nextAlpha('classes', ALPHA, opened, sizes.length));
    const audits = opened.map((alpha, i) => rules({ sizes: [sizes[i] as number], epsilon: 0.05, instrument, alpha }));
    return {
      name: `an audit of each of ${sizes.length} classes, each wrong by one, ${instrument}`,
      audits,
      wrong: () => new Set(),
      own: audits.map(anywhere),
      alpha: ALPHA,
    };
  });
  const weighted = [
    ...(['surest', 'least sure'] as const).map((where) => {
      const of = rules({ sizes: [2000], epsilon: 0.02, instrument: 'betting', drawing: 'uncertainty' });
      return one(
        `weighted draws, the wrong labels are the ${where} ones`,
        of,
        fixed(range(where === 'surest' ? 0 : 2000 - 41, 41)),
      );
    }),
    ...[0.02, 0.05].map((epsilon) => {
      const of = rules({ sizes: [2000], epsilon, instrument: 'betting', drawing: 'uncertainty' });
      return one(`weighted draws, ${100 * epsilon} %, anywhere`, of);
    }),
    (() => {
      const of = rules({
        sizes: [600, 1000, 1400, 1700, 2000],
        epsilon: 0.03,
        instrument: 'betting',
        drawing: 'uncertainty',
      });
      return one('weighted draws, fixed sequence, every cut wrong by one', of, fixed(everyCutByOne(of)));
    })(),
  ];
  return [...single, ...tuned, ...sequences, ...ledger, ...classes, ...weighted, plannedWrongly()];
}

const exactly = ({ cuts }: Rules): string => {
  const { size, most, looks } = cuts[0] as Rules['cuts'][number];
  return (100 * falseCertificateProbability(size, most, looks)).toFixed(2);
};

/** A plan from a calibration split that saw no error, for a pool where every one of its cuts is wrong by one. */
function plannedWrongly(): Scenario {
  const labels = 2000;
  const calibration = Array.from({ length: 200 }, (_, i) => ({ share: i / 200, right: true }));
  const { chosen } = plan({
    labels,
    epsilon: 0.02,
    alpha: ALPHA,
    budget: 500,
    instrument: 'auto',
    repair: 'auto',
    drawing: 'uniform',
    calibration,
    seed: 1,
  });
  if (chosen === null) throw new Error('no plan for a clean calibration split');
  const { instrument, bets, cuts, repair } = chosen;
  const of: Rules = { labels, alpha: ALPHA, budget: labels, drawing: 'uniform', instrument, bets, cuts, repair };
  return {
    name: `the planner's own (${cuts.length} cuts, ${instrument}), every cut wrong by one`,
    audits: [of],
    wrong: () => everyCutByOne(of),
    alpha: ALPHA,
  };
}

/** Draw order of the ranks below `size`: successive sampling by exponential clocks. */
function orderOf({ cuts, drawing, labels }: Rules, random: RandomStream): Uint32Array {
  const size = (cuts.at(-1) as Rules['cuts'][number]).size;
  const order = Uint32Array.from({ length: size }, (_, rank) => rank);
  if (drawing === 'uniform') return random.shuffle(order);
  const keys = Float64Array.from(order, (rank) => -Math.log(1 - random.uniform()) / weightOf(drawing, rank, labels));
  return order.sort((a, b) => (keys[a] as number) - (keys[b] as number));
}

/** Whether the audit certifies what is not true, at any time up to the census. */
function errs(of: Rules, wrong: ReadonlySet<number>, random: RandomStream): boolean {
  const order = orderOf(of, random);
  // `judge` says whether a cut was certified at any answer: all answers together are a look after each of them.
  const audit = new Map(Array.from(order, (rank) => [rank, !wrong.has(rank)]));
  const { cuts } = judge(of, order, { audit, repaired: new Set() });
  return cuts.some(({ status, size }, i) => {
    if (status !== 'certified') return false;
    let count = 0;
    for (const rank of wrong) if (rank < size) count++;
    return count > (of.cuts[i] as Rules['cuts'][number]).most;
  });
}

/** Share of `pools` on which a scenario's audits certify something false. */
export function falseCertificates({ audits, wrong, own }: Scenario, pools: number, seed = 1): number {
  const key = deriveSeed(seed, 'acquire');
  let bad = 0;
  for (let pool = 0; pool < pools; pool++) {
    const random = new RandomStream(key, pool);
    const ranks = wrong(random);
    if (audits.some((of, i) => errs(of, own?.[i]?.(random) ?? ranks, random))) bad++;
  }
  return bad / pools;
}

/** alpha + 3 standard errors. */
export const mostFalse = (alpha: number, pools: number): number => alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / pools);

export function validityTable(pools: number): string {
  const rows = scenarios().map((scenario) => {
    const share = falseCertificates(scenario, pools);
    const limit = mostFalse(scenario.alpha, pools);
    console.error(`${scenario.name}: ${(100 * share).toFixed(2)} %`);
    return [scenario.name, (100 * share).toFixed(2), (100 * limit).toFixed(2), share <= limit ? 'yes' : 'NO'];
  });
  return table([`${pools} pools each`, 'false certificates %', 'limit %', 'holds'], rows);
}
