import assert from 'node:assert/strict';
import fc from 'fast-check';
import { agreementCurve, decisionOf, momentsAfter, simulatedPasses } from '../../bench/simulated-agreement.js';
import { scoreNames } from '../../src/contracts/presets.js';
import { scoreOf } from '../../src/contracts/scores.js';
import { SequentialPosterior } from '../../src/learning/sequential.js';
import { PosteriorAccumulator } from '../../src/learning/uncertainty.js';
import type { SequentialRule } from '../../src/contracts/learner.js';
import type { PassSource } from '../../bench/simulated-agreement.js';

const CLASSES = 4;
const rule = (changes: Partial<SequentialRule> = {}): SequentialRule => ({
  score: 'predictive-entropy',
  cutoffs: new Array<number>(CLASSES).fill(0.5),
  least: 4,
  most: 90,
  settled: 2.5,
  ...changes,
});

function run(source: PassSource, wanted: SequentialRule): { posterior: SequentialPosterior; taken: number[] } {
  const posterior = new SequentialPosterior(source.n, source.classes, wanted);
  let pass = 0;
  while (posterior.open.length > 0) {
    for (let due = posterior.due; due > 0; due--) {
      const { p, logVariance } = source.pass(pass++, posterior.open);
      posterior.add(p, logVariance);
    }
    posterior.settle();
  }
  return { posterior, taken: Array.from(posterior.result().passes) };
}

/** Every item's passes alternate between its two rows. */
const alternating = (items: [number[], number[]][]): PassSource => ({
  n: items.length,
  classes: CLASSES,
  pass: (pass, chosen) => ({
    p: Array.from(chosen, (item) => items[item]![pass % 2]!).flat(),
    logVariance: new Float32Array(chosen.length),
  }),
});

describe('sequential passes', () => {
  it('stop after the least where no pass differs, whichever side of the cut-off', () => {
    const sure = [0.97, 0.01, 0.01, 0.01];
    const unsure = [0.25, 0.25, 0.25, 0.25];
    const { taken } = run(alternating([[sure, sure], [unsure, unsure]]), rule()); // prettier-ignore
    assert.deepEqual(taken, [4, 4]);
  });

  it('go on for a class that does not lead, though the score is far below the cut-off', () => {
    // The mean is (.5, .5, 0, 0): H = ln 2, far below 1.3, but either class may be the predicted one.
    const torn: [number[], number[]] = [
      [0.51, 0.49, 0, 0],
      [0.49, 0.51, 0, 0],
    ];
    const common = rule({ cutoffs: new Array<number>(CLASSES).fill(1.3) });
    assert.deepEqual(run(alternating([torn]), common).taken, [90]);
    const rejected = rule({ cutoffs: new Array<number>(CLASSES).fill(0.1) });
    assert.deepEqual(run(alternating([torn]), rejected).taken, [4], 'of a rejected image the class does not matter');
    const byClass = rule({ cutoffs: [0.1, 0.2, 0.1, 0.1] });
    assert.deepEqual(run(alternating([torn]), byClass).taken, [90], 'unless the cut-off is the class’s own');
  });

  it('never exceed the most, and give what the accumulator gives for the same passes', () => {
    const source = simulatedPasses({ n: 60, classes: CLASSES, seed: 4 });
    const { posterior, taken } = run(source, rule({ most: 11 }));
    assert.ok(taken.every((passes) => passes >= 4 && passes <= 11) && new Set(taken).size > 1);
    const sums = new PosteriorAccumulator(1, CLASSES);
    for (let pass = 0; pass < taken[7]!; pass++) {
      const { p, logVariance } = source.pass(pass, [7]);
      sums.add(p, logVariance);
    }
    assert.deepEqual(posterior.moments(7), sums.moments(0));
  });

  it('take all passes at once where least is most', () => {
    const source = simulatedPasses({ n: 5, classes: CLASSES, seed: 4 });
    assert.deepEqual(run(source, rule({ least: 3, most: 3 })).taken, [3, 3, 3, 3, 3]);
    assert.deepEqual(run(source, rule({ least: 8, most: 3 })).taken, [3, 3, 3, 3, 3]);
  });

  it('end for every score, any cut-offs and any seed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...scoreNames),
        fc.array(fc.double({ min: -1, max: 2, noNaN: true }), { minLength: CLASSES, maxLength: CLASSES }),
        fc.nat(),
        (score, cutoffs, seed) => {
          const { taken } = run(simulatedPasses({ n: 8, classes: CLASSES, seed }), rule({ score, cutoffs, most: 20 }));
          assert.ok(taken.every((passes) => passes >= 4 && passes <= 20));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('agree with a long run at least as often as 30 passes for everyone, at a third of them', () => {
    const source = simulatedPasses({ n: 1200, classes: 10, seed: 21 });
    const [reference] = momentsAfter(source, [400], 1_000_000);
    const score = 'predictive-entropy';
    const ranked = reference!.map((moments) => scoreOf(score, moments)).sort((a, b) => a - b);
    const cut = { score, cutoffs: new Array<number>(10).fill(ranked[840]!) } as const;
    const [fixed, sequential] = agreementCurve(
      source,
      reference!.map((moments) => decisionOf(moments, cut)),
      cut,
      [30],
      [{ least: 5, most: 90, settled: 2 }],
    );
    // One standard error of slack: this small sample is a check that nothing broke, bench/simulated-agreement.ts is the measurement.
    assert.ok(sequential!.agreement >= fixed!.agreement - fixed!.error, JSON.stringify([fixed, sequential]));
    assert.ok(sequential!.passes <= 10.5, JSON.stringify(sequential));
  });
});
