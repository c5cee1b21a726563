import assert from 'node:assert/strict';
import { falseCertificates, mostFalse, rules, scenarios } from '../../../bench/audit-validity.js';
import { earliestLooks } from '../../../src/labelling/audit/index.js';

/** The bench's 2,000 pools in small: `node dist/bench/audit.js --section validity`. Seeded, so that it does not flicker. */
const POOLS = 150;

describe('certificates on pools where the claim is false by one label', () => {
  for (const scenario of scenarios())
    it(`are rare: ${scenario.name}`, () => {
      const share = falseCertificates(scenario, POOLS);
      assert.ok(share <= mostFalse(scenario.alpha, POOLS), `${(100 * share).toFixed(1)} % false certificates`);
    });

  it('are not rare when looks at alpha each are repeated, which this would notice', () => {
    const of = rules({ sizes: [2000], epsilon: 0.05, instrument: 'looks' });
    const looks = Array.from({ length: 20 }, (_, errors) => earliestLooks(2000, 100, 0.05, [errors], [1])).flat();
    const naive = { ...of, cuts: [{ size: 2000, most: 100, looks }] };
    const wrong = () => new Set(Array.from({ length: 101 }, (_, rank) => rank));
    const share = falseCertificates({ name: '', audits: [naive], wrong, alpha: 0.05 }, POOLS);
    assert.ok(share > mostFalse(0.05, POOLS), `${(100 * share).toFixed(1)} %`);
  });
});
