import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LabelRow } from '../../src/contracts/tables.js';
import { countLabels, decide, uncertainty } from '../../src/labelling/relabel.js';
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
  p: [0.9, 0.05, 0.05],
});

const assignment = (index: number, outlier = false) => ({ id: `id${index}`, cluster: 1, distance: 0.5, outlier });

const context = (round: number, value = 0.5): RoundContext => ({
  cutoff: { score: 'predictive_entropy', value },
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
    assert.equal(uncertainty(row, 'predictive_entropy'), 0.4);
    assert.equal(uncertainty(row, 'total_uncertainty'), 0.7);
    const total = { ...context(1), cutoff: { score: 'total_uncertainty' as const, value: 0.5 } };
    assert.equal(decide(image(0), row, assignment(0), null, total).status, 'open');
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
