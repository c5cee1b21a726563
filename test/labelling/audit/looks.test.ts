import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Look } from '../../../src/contracts/audit.js';
import {
  allowedErrors,
  certificationChances,
  earliestLooks,
  falseCertificateProbability,
  hypergeometricCdf,
} from '../../../src/labelling/audit/index.js';
import { arrangements } from './arrangements.js';

/** By going through all places that the wrong labels can have in the draw order. */
function byEnumeration(size: number, wrong: number, looks: readonly Look[]): number {
  let [certified, all] = [0, 0];
  for (const isWrong of arrangements(size, wrong)) {
    all++;
    if (looks.some(({ answers, allowed }) => isWrong.slice(0, answers).filter(Boolean).length <= allowed)) certified++;
  }
  return certified / all;
}

const someLooks = (size: number) =>
  fc
    .uniqueArray(fc.integer({ min: 1, max: size }), { minLength: 1, maxLength: 5 })
    .chain((answers) =>
      fc
        .array(fc.integer({ min: -1, max: 4 }), { minLength: answers.length, maxLength: answers.length })
        .map((allowed) =>
          answers.toSorted((a, b) => a - b).map((at, i): Look => ({ answers: at, allowed: allowed[i] as number })),
        ),
    );

describe('looks', () => {
  it('have the probability that going through all draw orders finds', () => {
    fc.assert(
      fc.property(someLooks(14), fc.integer({ min: 0, max: 5 }), (looks, most) => {
        const got = falseCertificateProbability(14, most, looks);
        // 3,432 orders at most, each counted once: rounding alone.
        assert.ok(Math.abs(got - byEnumeration(14, most + 1, looks)) < 1e-12);
      }),
      { numRuns: 60 },
    );
  });

  it('are one hypergeometric tail where there is one look', () => {
    const got = falseCertificateProbability(10_000, 200, [{ answers: 600, allowed: 5 }]);
    assert.ok(Math.abs(got - hypergeometricCdf(5, 10_000, 201, 600)) < 1e-13);
  });

  it('certify less the more labels are wrong, whatever the looks', () => {
    fc.assert(
      fc.property(someLooks(40), (looks) => {
        let before = 1;
        for (let wrong = 0; wrong <= 40; wrong++) {
          const chance = certificationChances(40, wrong, looks).reduce((a, b) => a + b, 0);
          assert.ok(chance <= before + 1e-12, `${wrong} wrong`);
          before = chance;
        }
      }),
      { numRuns: 40 },
    );
  });

  it('spend alpha to the last answer that the counts allow, and no more', () => {
    for (const [size, epsilon] of [
      [400, 0.05],
      [2000, 0.02],
      [50_000, 0.02],
      [1_000_000, 0.01],
    ] as const) {
      const most = Math.floor(epsilon * size);
      const looks = earliestLooks(size, most, 0.05, [0, 1, 4, 12], [0.6, 0.8, 0.9, 1]);
      assert.equal(looks.length, 4);
      assert.ok(falseCertificateProbability(size, most, looks) <= 0.05);
      const last = looks.at(-1) as Look;
      const sooner = [...looks.slice(0, -1), { ...last, answers: last.answers - 1 }];
      assert.ok(falseCertificateProbability(size, most, sooner) > 0.05 * (1 - 1e-8));
      const given = allowedErrors(size, most, 0.05, [200, 300, 350], [0.6, 0.8, 1]);
      assert.ok(falseCertificateProbability(size, most, given) <= 0.05);
      const more = given.map((look, i) => (i === 2 ? { ...look, allowed: look.allowed + 1 } : look));
      assert.ok(falseCertificateProbability(size, most, more) > 0.05 * (1 - 1e-8));
    }
  });

  it('certify 2 % with no error seen at 160 answers, and later with some', () => {
    const looks = earliestLooks(10_000, 200, 0.05, [0, 1, 4], [0.78, 0.88, 1]);
    assert.ok((looks[0] as Look).answers <= 160, `${looks[0]?.answers} answers`);
    assert.equal(looks.length, 3);
    // The limit: one look at all.
    assert.equal(earliestLooks(1_000_000, 20_000, 0.05, [0], [1])[0]?.answers, 149);
  });

  it('end where the cut or the budget does', () => {
    assert.deepEqual(earliestLooks(100, 2, 0.05, [0, 1, 2, 3], [0.5, 0.7, 0.9, 1]).at(-1)?.allowed, 2);
    assert.deepEqual(earliestLooks(10_000, 200, 0.05, [0, 5], [0.5, 1], 300).length, 1);
    assert.deepEqual(earliestLooks(10_000, 200, 0.05, [0], [1], 100), []);
  });
});
