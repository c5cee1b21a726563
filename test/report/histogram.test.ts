import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EntropyHistogram } from '../../src/report/histogram.js';

describe('entropy histogram', () => {
  it('has an edge at every power of ten and ends at the largest entropy', () => {
    const { edges, cutoff } = new EntropyHistogram(10).result(0.3);
    for (const power of [1e-4, 1e-3, 1e-2, 1e-1, 1])
      assert.ok(edges.some((edge) => Math.abs(edge / power - 1) < 1e-12));
    assert.equal(edges[0], 0);
    assert.equal(edges.at(-1), Math.log(10));
    assert.equal(cutoff, 0.3);
  });

  it('counts every image once, in its bin', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e-6, max: 2.4, noNaN: true }), (predictive_entropy) => {
        const histogram = new EntropyHistogram(10);
        histogram.add({ status: 'open', predictive_entropy });
        const { edges, counts } = histogram.result(null);
        assert.equal(
          counts.open.reduce((a, b) => a + b, 0),
          1,
        );
        const bin = counts.open.indexOf(1);
        const inside = Math.min(Math.max(predictive_entropy, 0), Math.log(10));
        assert.ok(edges[bin]! <= inside && inside <= edges[bin + 1]!);
      }),
    );
  });
});
