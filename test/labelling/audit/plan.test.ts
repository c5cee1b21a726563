import assert from 'node:assert/strict';
import fc from 'fast-check';
import { deriveSeed, RandomStream } from '../../../src/contracts/random.js';
import {
  falseCertificateProbability,
  judge,
  plan,
  wanted,
  type CalibrationPoint,
  type Plan,
  type PlanInput,
  type Rules,
} from '../../../src/labelling/audit/index.js';
import { believe, errorAt, errorBefore } from '../../../src/labelling/audit/belief.js';
import { play } from '../../../src/labelling/audit/simulate.js';

const stream = (seed: number): RandomStream => new RandomStream(deriveSeed(seed, 'split'));

function calibrated(n: number, error: (share: number) => number, seed = 1): CalibrationPoint[] {
  const random = stream(seed);
  return Array.from({ length: n }, () => {
    const share = random.uniform();
    return { share, right: random.uniform() >= error(share) };
  });
}

const input = (changes: Partial<PlanInput>): PlanInput => ({
  labels: 10_000,
  epsilon: 0.02,
  alpha: 0.05,
  budget: 600,
  instrument: 'auto',
  repair: 'auto',
  drawing: 'uniform',
  calibration: calibrated(200, (share) => 0.001 + 0.5 * share ** 50),
  seed: 1,
  ...changes,
});

function planned(of: PlanInput): Plan {
  const { chosen } = plan(of);
  assert.ok(chosen !== null);
  return chosen;
}

const rulesOf = (of: PlanInput, { instrument, bets, cuts, repair }: Plan): Rules => ({
  labels: of.labels,
  alpha: of.alpha,
  budget: of.budget,
  drawing: of.drawing,
  instrument,
  bets,
  cuts,
  repair,
});

describe('belief', () => {
  it('adds errors up as their curve does', () => {
    const curve = { floor: 0.01, top: 0.6, power: 16, weight: 1 };
    let sum = 0;
    // Midpoint rule with 1e5 steps: error of the order of 1e-10 here.
    for (let i = 0; i < 100_000; i++) sum += errorAt(curve, (0.9 * (i + 0.5)) / 100_000) / 100_000;
    assert.ok(Math.abs(errorBefore(curve, 0.9) - sum) < 1e-8);
  });

  it('finds errors where they are, and is less sure of them with fewer images', () => {
    const truth = (share: number): number => 0.002 + 0.7 * share ** 16;
    const spreadOf = (n: number): number => {
      const curves = believe(calibrated(n, truth));
      assert.ok(Math.abs(curves.reduce((sum, { weight }) => sum + weight, 0) - 1) < 1e-12);
      const at = (share: number) => curves.reduce((sum, curve) => sum + curve.weight * errorBefore(curve, share), 0);
      assert.ok(at(1) > 3 * at(0.8), 'errors lie at the end');
      const centre = at(1);
      return curves.reduce((sum, curve) => sum + curve.weight * (errorBefore(curve, 1) - centre) ** 2, 0);
    };
    assert.ok(spreadOf(1600) < spreadOf(100) / 4);
    const curves = believe(calibrated(1600, truth));
    const whole = curves.reduce((sum, curve) => sum + curve.weight * errorBefore(curve, 1), 0);
    // True 4.3 %; the standard error of 1,600 images is 0.5 %.
    assert.ok(Math.abs(whole - 0.0432) < 0.015, `${whole}`);
  });
});

describe('play', () => {
  it('asks as judge and wanted do', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('betting' as const, 'looks' as const),
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0, max: 0.06, noNaN: true }),
        (instrument, seed, error) => {
          const of = input({ labels: 800, epsilon: 0.05, budget: 200, instrument, repair: 20, seed: 1 });
          const rules = rulesOf(of, planOf(of));
          const size = rules.cuts.at(-1)?.size as number;
          const random = stream(seed);
          const flags = Array.from({ length: size }, () => random.uniform() < error);
          const order: number[] = [];
          const isWrong = (rank: number): boolean => {
            order.push(rank);
            return flags[rank] as boolean;
          };
          const played = play(rules, isWrong, random);
          const drawn = new Set(order);
          for (let rank = 0; rank < size; rank++) if (!drawn.has(rank)) order.push(rank);
          const given = { audit: new Map<number, boolean>(), repaired: new Set<number>() };
          for (;;) {
            const ranks = wanted(rules, order, given, 1);
            if (ranks.length === 0) break;
            for (const rank of ranks)
              if (rank >= size) given.repaired.add(rank);
              else given.audit.set(rank, !flags[rank]);
          }
          const { certified, answers } = judge(rules, order, given);
          assert.equal(certified ?? -1, played.certified);
          if (instrument === 'looks' || played.certified === rules.cuts.length - 1)
            // An audit that can't succeed is over before its repair is asked for.
            assert.equal(Math.max(20, answers.repair) + answers.audit, played.answers);
        },
      ),
      { numRuns: 40 },
    );
  });

  const plans = new Map<string, Plan>();
  function planOf(of: PlanInput): Plan {
    const found = plans.get(of.instrument) ?? planned(of);
    plans.set(of.instrument, found);
    return found;
  }
});

describe('plan', () => {
  it('is valid by the looks it fixes, nested, and within its budget', () => {
    for (const changes of [
      { labels: 500, epsilon: 0.05, budget: 150 },
      { labels: 50_000, alpha: 0.025, budget: 400 },
      { repair: 100, calibration: calibrated(40, (share) => 0.2 * share ** 10) },
    ] as const) {
      const of = input(changes);
      const { cuts, repair, outlook } = planned(of);
      assert.ok(cuts.length <= 20);
      for (const [i, { size, most, looks }] of cuts.entries()) {
        assert.ok(i === 0 || size > (cuts[i - 1]?.size as number));
        assert.equal(most, Math.floor(of.epsilon * size));
        assert.ok(falseCertificateProbability(size, most, looks) <= of.alpha);
        assert.ok((looks.at(-1)?.answers as number) + repair.count <= of.budget);
        assert.ok(size <= repair.from);
      }
      assert.ok(repair.from + repair.count <= of.labels);
      assert.ok(outlook.success >= 0.5 && outlook.expected <= of.budget && outlook.percentile90 <= of.budget);
    }
  });

  it('of few labels, too, has cuts that ascend: a verifier refuses the same one twice', () => {
    const calibration = calibrated(60, (share) => 0.01 + 0.02 * share ** 16);
    for (const [labels, epsilon] of [
      [10, 0.3],
      [60, 0.02],
      [150, 0.1],
    ] as const) {
      const { cuts } = planned(input({ labels, epsilon, budget: 400, calibration }));
      const sizes = cuts.map(({ size }) => size);
      assert.deepEqual(
        sizes,
        [...new Set(sizes)].toSorted((a, b) => a - b),
      );
    }
  });

  it('is the same for the same input', () => {
    assert.deepEqual(plan(input({ budget: 300 })), plan(input({ budget: 300 })));
  });

  it('repairs first where the riskiest labels hold the errors', () => {
    // Of 2,000 labels a hundred are worth their answers; of a large pool the riskiest are better left out.
    const steep = planned(
      input({ labels: 2000, budget: 600, calibration: calibrated(400, (share) => 0.002 + 0.8 * share ** 20) }),
    );
    assert.ok(steep.repair.count >= 50, `${steep.repair.count} repaired`);
    const clean = planned(input({ calibration: calibrated(400, () => 0) }));
    assert.ok(clean.repair.count <= 50, `${clean.repair.count} repaired`);
    assert.ok(clean.outlook.expected < 350, `${clean.outlook.expected} answers`);
  });

  it('takes the instrument, the repair and the drawing that it is told to', () => {
    const betting = planned(input({ instrument: 'betting', repair: 30, budget: 400 }));
    assert.equal(betting.instrument, 'betting');
    assert.equal(betting.repair.count, 30);
    assert.ok(betting.bets.length > 0 && betting.cuts.every(({ looks }) => looks.length === 0));
    assert.equal(planned(input({ drawing: 'uncertainty', repair: 0, budget: 400 })).instrument, 'betting');
    assert.equal(planned(input({ instrument: 'looks', repair: 0, budget: 300 })).instrument, 'looks');
  });

  it('asks nobody when nothing is believed certifiable, and says what would be enough', () => {
    const hopeless = plan(input({ calibration: calibrated(200, () => 0.1) }));
    assert.ok(hopeless.chosen === null);
    assert.ok(hopeless.nearest === null || hopeless.nearest.success < 0.5);
    const poor = plan(input({ budget: 100 }));
    assert.ok(poor.chosen === null && poor.budgetNeeded !== null);
    assert.ok(poor.budgetNeeded > 149 && poor.budgetNeeded < 300, `${poor.budgetNeeded} answers`);
    assert.ok(plan(input({ budget: poor.budgetNeeded })).chosen !== null);
  });

  it('foresees what happens when its belief is true', () => {
    const of = input({ calibration: calibrated(500, (share) => 0.002 + 0.4 * share ** 32) });
    const chosen = planned(of);
    const rules = rulesOf(of, chosen);
    const curves = believe(of.calibration);
    const random = stream(9);
    let [answers, reached] = [0, 0];
    const runs = 400;
    for (let run = 0; run < runs; run++) {
      let at = random.uniform();
      const curve = curves.find(({ weight }) => (at -= weight) < 0) ?? curves.at(-1);
      assert.ok(curve !== undefined);
      const end = play(rules, (rank) => random.uniform() < errorAt(curve, rank / of.labels), random);
      answers += end.answers / runs;
      if (end.certified >= rules.cuts.findIndex(({ size }) => size === chosen.outlook.size)) reached += 1 / runs;
    }
    // Both are means of some 400 plays: three standard errors.
    assert.ok(Math.abs(reached - chosen.outlook.success) < 3 * Math.sqrt(0.5 / runs), `${reached}`);
    assert.ok(Math.abs(answers / chosen.outlook.expected - 1) < 0.15, `${answers}`);
  });

  it('plans for 50,000 labels in seconds', () => {
    // Of the processor, so that a busy machine makes no difference: 1 to 1.5 s.
    const begin = process.cpuUsage();
    planned(input({ labels: 50_000, budget: 2000 }));
    const seconds = process.cpuUsage(begin).user / 1e6;
    assert.ok(seconds < 5, `${seconds.toFixed(1)} s`);
  });
});
