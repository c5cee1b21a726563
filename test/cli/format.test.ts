import assert from 'node:assert/strict';
import fc from 'fast-check';
import { count, duration, fit, oneLine, percent, plural, table } from '../../src/cli/format.js';

describe('formatting for people', () => {
  it('writes numbers with thousands separators', () => {
    assert.equal(count(70_000), '70,000');
    assert.equal(plural(1, 'image'), '1 image');
    assert.equal(plural(2000, 'class', 'classes'), '2,000 classes');
  });

  it('gives small percentages two decimals', () => {
    assert.equal(percent(0.01623), '1.62 %');
    assert.equal(percent(0.9312), '93.1 %');
    assert.equal(percent(0), '0.00 %');
  });

  it('writes durations in the two largest units', () => {
    assert.equal(duration(4.21), '4.2 s');
    assert.equal(duration(59.4), '59 s');
    assert.equal(duration(130), '2 min 10 s');
    assert.equal(duration(3905), '1 h 05 min');
    assert.equal(duration(3599.9), '1 h 00 min');
  });

  it('never writes 60 seconds or 60 minutes', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (seconds) => {
        assert.doesNotMatch(duration(seconds), /\b60 (s|min)\b/);
      }),
    );
  });

  it("keeps other processes' messages on one line without control characters", () => {
    assert.equal(oneLine('\u001b[31mCUDA\tdied\u001b[0m\nstack'), 'CUDA died');
  });

  it('cuts lines to the width of the terminal', () => {
    assert.equal(fit('labelled', 8), 'labelled');
    assert.equal(fit('labelled', 5), 'labe…');
  });

  const columns = [{ title: 'round' }, { title: 'accepted', align: 'right' as const }];
  const rows = [
    ['1', '9,312'],
    ['2', '12'],
  ];

  it('aligns the columns of a table', () => {
    assert.deepEqual(table(columns, rows), ['round  accepted', '1         9,312', '2            12']);
  });

  it('turns a table where only that fits the terminal', () => {
    const wide = [...columns, { title: 'left for people' }];
    const cells = [['1', '9,312', '588']];
    assert.deepEqual(table(wide, cells, 25), [
      'round                1',
      'accepted         9,312',
      'left for people    588',
    ]);
  });

  it('leaves a table upright where neither way fits', () => {
    assert.deepEqual(table(columns, rows, 5), table(columns, rows));
  });
});
