import assert from 'node:assert/strict';
import { deriveSeed, RandomStream } from '../../../src/contracts/random.js';
import { judgeClasses, type ClasswiseRules } from '../../../src/labelling/audit/index.js';

const rules: ClasswiseRules = {
  classes: 4,
  epsilon: 0.05,
  alpha: 0.2,
  bets: [0.95, 0.8, 0.6, 0.4, 0.2],
  size: 400,
};
/** Classes 0 to 2; nothing says class 3. */
const labels = Array.from({ length: 400 }, (_, rank) => rank % 3);
const shuffled = (seed: number): Uint32Array =>
  new RandomStream(deriveSeed(seed, 'acquire')).shuffle(Uint32Array.from(labels, (_, rank) => rank));

describe('claims per class', () => {
  it('rest on the answers of their own class, up to the first gap', () => {
    const order = shuffled(1);
    const answers = new Map(Array.from(order.subarray(0, 390), (rank) => [rank, labels[rank] !== 1 || rank > 100]));
    const gap = order.find((rank, i) => i > 200 && labels[rank] === 2) as number;
    answers.delete(gap);
    const [clean, bad, gapped, none] = judgeClasses(rules, labels, order, answers);
    assert.ok(clean?.certified && clean.wrong === 0 && clean.audited > 120);
    assert.ok(bad !== undefined && !bad.certified && bad.wrong > bad.most);
    const before = Array.from(order.subarray(0, order.indexOf(gap))).filter((rank) => labels[rank] === 2).length;
    assert.equal(gapped?.audited, before);
    assert.deepEqual(none, { size: 0, most: 0, audited: 0, wrong: 0, evidence: null, certified: false });
  });

  it('are together false in at most alpha of the audits', () => {
    const pools = 400;
    // Each class is wrong by one: 7 of 134, 7 of 133 and 7 of 133 where 6 may be.
    const wrong = new Set(Array.from({ length: 21 }, (_, rank) => rank));
    let bad = 0;
    for (let pool = 1; pool <= pools; pool++) {
      const order = shuffled(pool);
      const answers = new Map(Array.from(order, (rank) => [rank, !wrong.has(rank)]));
      if (judgeClasses(rules, labels, order, answers).some(({ certified }) => certified)) bad++;
    }
    assert.ok(bad > 0, 'a bound of zero would promise more than it should');
    assert.ok(bad / pools <= 0.2 + 3 * Math.sqrt((0.2 * 0.8) / pools), `${bad} of ${pools}`);
  });
});
