import assert from 'node:assert/strict';
import { loadBackend } from '../../src/learning/backend.js';
import { BlockPasses } from '../../src/learning/block-passes.js';
import { initialStatistics, initialWeights } from '../../src/learning/network.js';
import { createNetwork } from '../../src/learning/networks/index.js';
import { blockSize, Sampler } from '../../src/learning/passes.js';
import type { ModelSpec } from '../../src/contracts/learner.js';

const backend = loadBackend();
const spec: ModelSpec = {
  network: 'compact',
  image: { height: 28, width: 28, channels: 1 },
  classes: 10,
  growth: null,
};

/** A sampler of a model as its training begins. */
function samplerFor(rate: number, group?: number): Sampler {
  const network = createNetwork(spec);
  const sampler = new Sampler(backend, network, rate, 'float32', group);
  sampler.load(
    initialWeights(network, [1, 2]).map((weight) => 2 * weight),
    initialStatistics(network),
  );
  return sampler;
}
const pixels = Uint8Array.from({ length: 256 * 784 }, (_, i) => (i * 7919) % 251);
const at = (rows: number): Int32Array => Int32Array.from({ length: rows }, (_, i) => i);
const atOnce = (): Promise<void> => Promise.resolve();

describe('passes', () => {
  it('come in blocks that are powers of two and smaller for larger images', () => {
    assert.equal(blockSize({ height: 28, width: 28 }), 256);
    assert.equal(blockSize({ height: 32, width: 32 }), 256);
    assert.equal(blockSize({ height: 64, width: 64 }), 64);
    assert.equal(blockSize({ height: 96, width: 96 }), 16);
    assert.equal(blockSize({ height: 2000, width: 2000 }), 1);
  });

  it('are all the same without dropout, whichever images are asked for in whichever call', async () => {
    const sampler = samplerFor(0);
    const trunk = sampler.trunk(pixels);
    const block = new BlockPasses(sampler, trunk, [1, 2], { lead: 3, n: 40 });
    const all = await block.fixed(2, atOnce);
    const images = Int32Array.of(0, 7, 39);
    const some = await block.chosen(images, 2, atOnce);
    for (let pass = 0; pass < 2; pass++)
      images.forEach((image, column) => {
        for (let c = 0; c < 10; c++) {
          const expected = all.p[image * 10 + c] as number;
          assert.ok(Math.abs((some.p[(pass * 3 + column) * 10 + c] as number) - expected) < 1e-6);
        }
      });
    trunk.dispose();
    sampler.dispose();
  });

  it('in groups have the same mean as independent ones, with less variance', async () => {
    const [grouped, independent] = [samplerFor(0.3), samplerFor(0.3, 1)];
    const trunk = grouped.trunk(pixels);
    /** Mean over 3 passes of an image's first class, for one image that stands in all rows of a block, call after call. */
    const means = (sampler: Sampler): number[] =>
      Array.from({ length: 16 }, (_, call) => {
        const { p } = sampler.run(trunk, new Int32Array(128), { images: 128, passes: 3 }, [9, 9], call);
        return Array.from({ length: 128 }, (_, row) =>
          [0, 1, 2].reduce((sum, t) => sum + (p[(row * 3 + t) * 10] as number) / 3, 0),
        );
      }).flat();
    const moments = (values: number[]) => {
      const mean = values.reduce((a, b) => a + b) / values.length;
      return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
    };
    const [a, b] = [moments(means(grouped)), moments(means(independent))];
    // 2,048 means each: five standard errors of their difference.
    assert.ok(Math.abs(a.mean - b.mean) < 5 * Math.sqrt((a.variance + b.variance) / 2048));
    assert.ok(a.variance < 0.8 * b.variance, `${a.variance} of ${b.variance}`);
    trunk.dispose();
    grouped.dispose();
    independent.dispose();
  });

  it('cost little where the trunk runs once: 30 of them at most 2 forward passes', () => {
    const sampler = samplerFor(0.3);
    const trunk = sampler.trunk(pixels);
    const cases = [
      () => sampler.trunk(pixels).dispose(),
      () => void [0, 1].map((call) => sampler.run(trunk, at(128), { images: 128, passes: 30 }, [1, 1], call)),
    ];
    const best = cases.map(() => Infinity);
    for (let round = 0; round < 12; round++)
      cases.forEach((run, i) => {
        const started = performance.now();
        run();
        best[i] = Math.min(best[i] as number, performance.now() - started);
      });
    // Measured: 0.6 of a trunk (docs/benchmarks.md). A busy machine may take more, but no 30 passes.
    assert.ok((best[1] as number) < 2 * (best[0] as number), `${best[1]} ms beside ${best[0]} ms`);
    trunk.dispose();
    sampler.dispose();
  });
});
