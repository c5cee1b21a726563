import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { mostWrong, plan, type PlanInput, type Rules } from '../src/labelling/audit/index.js';
import { errorAt, errorBefore, type ErrorCurve } from '../src/labelling/audit/belief.js';
import { looksOf, referenceBets, type Design } from '../src/labelling/audit/designs.js';
import { play } from '../src/labelling/audit/simulate.js';
import { table } from './table.js';

/*
 * Planning against doing always the same: over a grid of true errors, what the planner gets from 200 calibration images, and
 * what each fixed choice of instrument, repair and size gets from none.
 */

const LABELS = 10_000;
const EPSILON = 0.02;
const ALPHA = 0.05;
const BUDGET = 1000;
const CALIBRATION = 200;

const curve = (floor: number, top: number, power: number): ErrorCurve => ({ floor, top, power, weight: 1 });
const TRUTHS = [
  curve(0.0003, 0.3, 60),
  curve(0.001, 0.5, 60),
  curve(0.003, 0.6, 60),
  curve(0.005, 0.5, 30),
  curve(0.01, 0.01, 1),
  curve(0.012, 0.5, 60),
  curve(0.001, 0.9, 20),
  curve(0.0005, 0.9, 8),
];

/** Labels certified or checked, and answers, each in the mean. */
interface Outcome {
  labels: number;
  answers: number;
  /** Share of the plans that ask nobody, as nothing is believed certifiable: no labels for no answers. */
  refused: number;
}

const mean = (outcomes: readonly Outcome[]): Outcome => ({
  labels: outcomes.reduce((sum, { labels }) => sum + labels, 0) / outcomes.length,
  answers: outcomes.reduce((sum, { answers }) => sum + answers, 0) / outcomes.length,
  refused: outcomes.reduce((sum, { refused }) => sum + refused, 0) / outcomes.length,
});

/** What the planner maximises: labels, less half an image for each answer. */
const worth = ({ labels, answers }: Outcome): number => (labels - 0.5 * answers) / LABELS;

function outcome(rules: Rules, truth: ErrorCurve, runs: number, seed: number): Outcome {
  const key = deriveSeed(seed, 'acquire', 7);
  return mean(
    Array.from({ length: runs }, (_, run) => {
      const random = new RandomStream(key, run);
      const { answers, certified } = play(
        rules,
        (rank) => random.uniform() < errorAt(truth, (rank + 0.5) / LABELS),
        random,
      );
      return {
        answers,
        refused: 0,
        labels: certified < 0 ? 0 : (rules.cuts[certified]?.size as number) + rules.repair.count,
      };
    }),
  );
}

function plannedOutcome(truth: ErrorCurve, calibrations: number, runs: number): Outcome {
  return mean(
    Array.from({ length: calibrations }, (_, seed) => {
      const random = new RandomStream(deriveSeed(seed, 'split'));
      const calibration = Array.from({ length: CALIBRATION }, () => {
        const share = random.uniform();
        return { share, right: random.uniform() >= errorAt(truth, share) };
      });
      const input: PlanInput = {
        labels: LABELS,
        epsilon: EPSILON,
        alpha: ALPHA,
        budget: BUDGET,
        instrument: 'auto',
        repair: 'auto',
        drawing: 'uniform',
        calibration,
        seed,
      };
      const { chosen } = plan(input);
      if (chosen === null) return { labels: 0, answers: 0, refused: 1 };
      const { instrument, bets, cuts, repair } = chosen;
      const rules = {
        labels: LABELS,
        alpha: ALPHA,
        budget: BUDGET,
        drawing: 'uniform' as const,
        instrument,
        bets,
        cuts,
        repair,
      };
      return outcome(rules, truth, runs, seed);
    }),
  );
}

const DESIGNS: [string, Design][] = [
  ['one look, no error allowed', { instrument: 'looks', allowed: [0], spent: [1] }],
  ['four looks', { instrument: 'looks', allowed: [0, 1, 3, 8], spent: [0.6, 0.75, 0.87, 1] }],
  ['betting', { instrument: 'betting', bets: referenceBets }],
];

function fixedChoices(): { name: string; rules: Rules }[] {
  return DESIGNS.flatMap(([name, design]) =>
    [0, 100, 300].flatMap((repair) =>
      [0, 0.03, 0.1].map((leftOut) => {
        const size = LABELS * (1 - leftOut) - repair;
        const most = mostWrong(size, EPSILON);
        const looks = looksOf(design, { size, most, alpha: ALPHA, budget: BUDGET - repair });
        const rules: Rules = {
          labels: LABELS,
          alpha: ALPHA,
          budget: BUDGET,
          drawing: 'uniform',
          instrument: design.instrument,
          bets: design.instrument === 'betting' ? design.bets : [],
          cuts: [{ size, most, looks }],
          repair: { from: size, count: repair },
        };
        return { name: `${name}, ${repair} repaired, ${100 * leftOut} % left out`, rules };
      }),
    ),
  );
}

const percent = (share: number): string => (100 * share).toFixed(1);
const both = ({ labels, answers }: Outcome): string => `${percent(labels / LABELS)} for ${Math.round(answers)}`;

export function plannerTable(calibrations = 12, runs = 40): string {
  const choices = fixedChoices();
  const results = TRUTHS.map((truth) => {
    const planned = plannedOutcome(truth, calibrations, runs);
    console.error(`planned ${both(planned)}`);
    return { truth, planned, fixed: choices.map(({ rules }) => outcome(rules, truth, 400, 1)) };
  });
  const best = (outcomes: readonly Outcome[]): number => {
    const worths = outcomes.map(worth);
    return worths.indexOf(Math.max(...worths));
  };
  const overall = choices.map((_, i) => mean(results.map(({ fixed }) => fixed[i] as Outcome)));
  const row = (name: string, planned: Outcome, fixed: readonly Outcome[]): string[] => {
    const index = best(fixed);
    const rival = fixed[index] as Outcome;
    return [
      name,
      both(planned),
      percent(planned.refused),
      both(rival),
      choices[index]?.name as string,
      worth(rival) > 0 ? (worth(planned) / worth(rival)).toFixed(2) : '–',
    ];
  };
  return table(
    [
      'true error % (floor, top, power)',
      'planner: labels % for answers',
      'refused %',
      'best fixed choice',
      'which',
      'ratio of worth',
    ],
    [
      ...results.map(({ truth, planned, fixed }) =>
        row(
          `${percent(errorBefore(truth, 1))} (${percent(truth.floor)}, ${percent(truth.top)}, ${truth.power})`,
          planned,
          fixed,
        ),
      ),
      row('all, in the mean', mean(results.map(({ planned }) => planned)), overall),
    ],
  );
}
