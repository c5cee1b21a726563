import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LabelRow } from '../../src/contracts/tables.js';
import { countLabels, decide } from '../../src/labelling/relabel.js';
import type { RoundContext } from '../../src/labelling/relabel.js';

const classes = ['cat', 'dog', 'owl'];
const image = (index: number) => ({ id: `id${index}`, name: `photos/${index}.png` });

const posterior = (index: number, predicted: number, entropy: number, logVariance = 0) => ({
  id: `id${index}`,
  predicted,
  probability: 0.9,
  probability_std: 0.01,
  predictive_entropy: entropy,
  aleatoric: entropy / 2,
  epistemic: entropy / 2,
  log_variance: logVariance,
  variation_ratio: 0,
  kwon_aleatoric: 0,
  kwon_epistemic: 0,
  passes: 30,
  p: [0.9, 0.05, 0.05],
});

const assignment = (index: number, outlier = false) => ({ id: `id${index}`, cluster: 1, distance: 0.5, outlier });

const unscaled = { method: 'none' as const, scale: [1, 1, 1], bias: [0, 0, 0] };

const context = (round: number, value = 0.5): RoundContext => ({
  cutoff: { score: 'predictive-entropy', values: [value, value, value], scaling: unscaled },
  top: null,
  tenure: 'revocable',
  round,
  model: `model${round}`,
  classes,
});

/** Image 0 through rounds of [predicted, entropy, outlier]. */
const through = (...rounds: [number, number, boolean?][]): LabelRow =>
  rounds.reduce<LabelRow | null>(
    (previous, [predicted, entropy, outlier], i) =>
      decide(image(0), posterior(0, predicted, entropy), assignment(0, outlier), previous, context(i + 1)),
    null,
  ) as LabelRow;

const summary = ({ status, change, label, class: name, source, round, model }: LabelRow) =>
  [status, change, label, name, source, round, model].join(' ');

describe('relabel', () => {
  it('accepts at the cut-off, with provenance', () => {
    const row = through([1, 0.5]);
    assert.equal(summary(row), 'accepted accept 1 dog model 1 model1');
    assert.deepEqual([row.name, row.threshold, row.cluster, row.predictive_entropy], ['photos/0.png', 0.5, 1, 0.5]);
  });

  it('leaves what is uncertain open', () => {
    assert.equal(summary(through([1, 0.51])), 'open none -1   0 ');
  });

  it('keeps the round and model that gave a label first', () => {
    assert.equal(summary(through([1, 0.1], [1, 0.2], [1, 0.3])), 'accepted keep 1 dog model 1 model1');
  });

  it('flips to the new class with a new provenance', () => {
    assert.equal(summary(through([1, 0.1], [2, 0.1])), 'accepted flip 2 owl model 2 model2');
  });

  it('revokes what is no longer certain or became an outlier, and accepts it anew later', () => {
    assert.equal(summary(through([1, 0.1], [1, 0.9])), 'open revoke -1   0 ');
    assert.equal(summary(through([1, 0.1], [1, 0.1, true])), 'outlier revoke -1   0 ');
    assert.equal(summary(through([1, 0.1], [1, 0.9], [1, 0.1])), 'accepted accept 1 dog model 3 model3');
  });

  it('accepts nothing at a cut-off of -1, nor an uncertainty that is not a number', () => {
    assert.equal(decide(image(0), posterior(0, 1, 0), assignment(0), null, context(1, -1)).status, 'open');
    assert.equal(decide(image(0), posterior(0, 1, NaN), assignment(0), null, context(1)).status, 'open');
  });

  it('compares the total uncertainty where the cut-off is on it', () => {
    const row = posterior(0, 1, 0.4, 0.3);
    const on = (score: 'predictive-entropy' | 'total-uncertainty') => ({
      ...context(1),
      cutoff: { ...context(1).cutoff, score },
    });
    assert.equal(decide(image(0), row, assignment(0), null, on('predictive-entropy')).status, 'accepted');
    assert.equal(decide(image(0), row, assignment(0), null, on('total-uncertainty')).status, 'open');
  });

  describe('by clusters', () => {
    const decided = (
      rule: 'clusters' | 'agreement',
      {
        predicted,
        entropy,
        label,
        previous = null,
        outlier = false,
      }: {
        predicted: number;
        entropy: number;
        /** Of cluster 1. */
        label: number;
        previous?: LabelRow | null;
        outlier?: boolean;
      },
      round = 1,
    ): LabelRow =>
      decide(image(0), posterior(0, predicted, entropy), assignment(0, outlier), previous, {
        ...context(round),
        by: { rule, labels: [0, label] },
      });

    it("gives the cluster's label, whatever the model says and however unsure it is", () => {
      const row = decided('clusters', { predicted: 1, entropy: 0.9, label: 2 });
      assert.equal(summary(row), 'accepted accept 2 owl model 1 model1');
      assert.equal(row.predicted, 1, 'what the model says stays to be seen');
      assert.equal(summary(decided('clusters', { predicted: 1, entropy: 0, label: -1 })), 'open none -1   0 ');
      assert.equal(decided('clusters', { predicted: 1, entropy: 0, label: 2, outlier: true }).status, 'outlier');
    });

    it("keeps, flips and revokes as the cluster's label goes", () => {
      const first = decided('clusters', { predicted: 1, entropy: 0.9, label: 2 });
      const next = (label: number) =>
        summary(decided('clusters', { predicted: 1, entropy: 0.9, label, previous: first }, 2));
      assert.equal(next(2), 'accepted keep 2 owl model 1 model1');
      assert.equal(next(0), 'accepted flip 0 cat model 2 model2');
      assert.equal(next(-1), 'open revoke -1   0 ');
    });

    it('on agreement takes what model and cluster say alike, under the cut-off', () => {
      const of = (predicted: number, entropy: number, label: number) =>
        decided('agreement', { predicted, entropy, label }).status;
      assert.equal(of(2, 0.5, 2), 'accepted');
      assert.equal(of(2, 0.51, 2), 'open');
      assert.equal(of(1, 0, 2), 'open');
      assert.equal(of(1, 0, -1), 'open');
      assert.equal(decided('agreement', { predicted: 2, entropy: 0, label: 2, outlier: true }).status, 'outlier');
    });

    it("holds a person's label as ever", () => {
      const given: LabelRow = { ...through([1, 0.1]), source: 'human', label: 0, class: 'cat' };
      for (const rule of ['clusters', 'agreement'] as const) {
        const row = decided(rule, { predicted: 2, entropy: 0, label: 2, previous: given, outlier: true });
        assert.deepEqual([row.status, row.change, row.label, row.source], ['accepted', 'keep', 0, 'human']);
      }
    });
  });

  it('compares each image with the cut-off of its predicted class', () => {
    const byClass = { ...context(1), cutoff: { ...context(1).cutoff, values: [-1, 0.3, 0.8] } };
    const rows = [0, 1, 2].map((predicted) =>
      decide(image(0), posterior(0, predicted, 0.4), assignment(0), null, byClass),
    );
    assert.deepEqual(
      rows.map(({ status, threshold }) => `${status} ${threshold}`),
      ['open -1', 'open 0.3', 'accepted 0.8'],
    );
  });

  it('keeps a permanent label as it was given, through uncertainty, another class and an outlier', () => {
    const permanent = { ...context(2), tenure: 'permanent' as const };
    const first = through([1, 0.1]);
    for (const [predicted, entropy, outlier] of [
      [1, 0.9, false],
      [2, 0.1, false],
      [1, 0.1, true],
    ] as const)
      // prettier-ignore
      assert.equal(
        summary(decide(image(0), posterior(0, predicted, entropy), assignment(0, outlier), first, permanent)),
        'accepted keep 1 dog model 1 model1',
      );
    assert.equal(decide(image(0), posterior(0, 1, 0.1), assignment(0), null, permanent).change, 'accept');
  });

  it('takes by rank where the rule is one, and leaves outliers and held labels out of the count', () => {
    let asked = 0;
    const top = { take: () => ++asked > 0, value: 0.7 };
    const ranked = { ...context(2), top };
    assert.equal(decide(image(0), posterior(0, 1, 2), assignment(0, true), null, ranked).status, 'outlier');
    const human = { ...through([1, 0.1]), source: 'human' as const };
    assert.equal(decide(image(0), posterior(0, 1, 2), assignment(0), human, ranked).change, 'keep');
    assert.equal(asked, 0);
    const row = decide(image(0), posterior(0, 1, 2), assignment(0), null, ranked);
    assert.deepEqual([row.status, row.threshold], ['accepted', 0.7]);
  });

  it('reports the calibrated probability and decides on the raw score', () => {
    const scaling = { method: 'temperature' as const, scale: [0.5, 0.5, 0.5], bias: [0, 0, 0] };
    const scaled = { ...context(1), cutoff: { ...context(1).cutoff, scaling } };
    const row = decide(image(0), posterior(0, 0, 0.5), assignment(0), null, scaled);
    const roots = [0.9, 0.05, 0.05].map(Math.sqrt);
    assert.ok(Math.abs(row.probability - roots[0]! / (roots[0]! + roots[1]! + roots[2]!)) < 1e-12);
    assert.deepEqual([row.status, row.label, row.predictive_entropy], ['accepted', 0, 0.5]);
  });

  it('refuses rows of different images', () => {
    assert.throws(() => decide(image(0), posterior(1, 1, 0.1), assignment(0), null, context(1)), {
      code: 'SHAPE_MISMATCH',
      message: /posteriors is at image 'id1' where the pool is at 'id0'/,
    });
  });

  it('keeps its books over any sequence of rounds, and never touches a label that a person gave', () => {
    const POOL = 6;
    const cell = fc.record({
      predicted: fc.integer({ min: 0, max: 2 }),
      entropy: fc.double({ min: 0, max: 1, noNaN: true }),
      outlier: fc.boolean(),
    });
    const rounds = fc.array(
      fc.record({
        cutoff: fc.constantFrom(-1, 0.2, 0.5, 0.8),
        pool: fc.array(cell, { minLength: POOL, maxLength: POOL }),
        answered: fc.option(fc.nat(POOL - 1)),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(rounds, (history) => {
        let before: (LabelRow | null)[] = new Array<null>(POOL).fill(null);
        let inForce = 0;
        history.forEach(({ cutoff, pool, answered }, r) => {
          const round = context(r + 1, cutoff);
          const rows = pool.map(({ predicted, entropy, outlier }, i) =>
            decide(image(i), posterior(i, predicted, entropy), assignment(i, outlier), before[i] ?? null, round),
          );
          const counts = countLabels(rows.slice(2), countLabels(rows.slice(0, 2)));
          assert.equal(counts.accepted + counts.open + counts.outliers, POOL);
          assert.equal(counts.added + counts.kept + counts.flipped, counts.accepted);
          assert.equal(inForce + counts.added - counts.revoked, counts.accepted);
          rows.forEach((row, i) => {
            const held = before[i];
            assert.equal(row.status === 'accepted', row.label >= 0);
            assert.equal(row.class, classes[row.label] ?? '');
            if (held?.source === 'human') {
              assert.deepEqual(
                [row.label, row.source, row.round, row.change],
                [held.label, 'human', held.round, 'keep'],
              );
            } else {
              if (row.status === 'accepted') assert.ok(!pool[i]!.outlier && row.predictive_entropy <= cutoff);
              if (row.change === 'accept' || row.change === 'flip') assert.equal(row.round, r + 1);
              if (row.change === 'keep') assert.deepEqual([row.round, row.model], [held?.round, held?.model]);
              if (row.change === 'flip') assert.notEqual(row.label, held?.label);
            }
          });
          before = rows;
          const asked = answered === null ? undefined : rows[answered];
          if (asked && answered !== null)
            before[answered] = { ...asked, status: 'accepted', label: 2, class: 'owl', source: 'human', round: r + 1 };
          inForce = before.filter((row) => row?.status === 'accepted').length;
        });
      }),
    );
  });
});
