import assert from 'node:assert/strict';
import fc from 'fast-check';
import { deriveSeed } from '../../src/contracts/random.js';
import { assign, fitKMeans } from '../../src/labelling/kmeans.js';
import type { Centroids } from '../../src/labelling/kmeans.js';
import { fitKMeansStreaming, sampleShards } from '../../src/labelling/kmeans-streaming.js';
import { normalise } from '../../src/labelling/rows.js';
import type { Rows } from '../../src/labelling/rows.js';
import { classesWithLooks, cut } from './clusters.js';

const key = deriveSeed(1, 'cluster', 1);
const data = classesWithLooks({ n: 3000, width: 10, classes: 4, looks: 3, apart: 0.4, spread: 0.3, seed: 1 });
const whole = () => cut(data, []);

async function inertia(rows: Rows, centroids: Centroids): Promise<number> {
  const { distance } = await assign(rows, centroids);
  return distance.reduce((sum, d) => sum + d * d, 0);
}

describe('k-means over shards', () => {
  it('gives the same centroids wherever the shards are cut', async () => {
    const options = { sample: 400, passes: 2 };
    const expected = await fitKMeansStreaming(whole, data.n, 12, key, options);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(data.n), { maxLength: 6 }), async (cuts) => {
        assert.deepEqual(await fitKMeansStreaming(() => cut(data, cuts), data.n, 12, key, options), expected);
      }),
      { numRuns: 10 },
    );
  });

  it('is the fit of the whole array where the sample is all of it, but for passes that only lower the inertia', async () => {
    const fitted = await fitKMeans(data, 12, key);
    const none = await fitKMeansStreaming(whole, data.n, 12, key, { passes: 0 });
    assert.deepEqual(none.centroids, fitted);
    const passed = await fitKMeansStreaming(whole, data.n, 12, key, { passes: 3 });
    assert.ok((await inertia(data, passed.centroids)) <= (await inertia(data, fitted)) * (1 + 1e-6));
  });

  it('moves the centroids to the means of all rows, not of the sample', async () => {
    const start = await fitKMeansStreaming(whole, data.n, 5, key, { sample: 200, passes: 0 });
    const {
      centroids,
      sizes,
      inertia: course,
    } = await fitKMeansStreaming(whole, data.n, 5, key, { sample: 200, passes: 1 });
    const { cluster } = await assign(data, start.centroids);
    const rows = normalise(data);
    for (let c = 0; c < 5; c++) {
      const members = Array.from({ length: data.n }, (_, i) => i).filter((i) => cluster[i] === c);
      assert.equal(sizes[c], members.length);
      for (let j = 0; j < data.width; j++) {
        const mean = members.reduce((sum, i) => sum + rows.data[i * data.width + j]!, 0) / members.length;
        assert.ok(Math.abs(centroids.data[c * data.width + j]! - mean) < 1e-6);
      }
    }
    assert.ok(Math.abs(course[0]! - (await inertia(data, start.centroids))) < 1e-6 * course[0]!);
  });

  it('comes within 5 % of the best of five fits to all rows from a sample of a tenth, and lowers the inertia with each pass', async () => {
    const { centroids, inertia: course } = await fitKMeansStreaming(whole, data.n, 12, key, { sample: 300, passes: 4 });
    assert.ok(
      course.every((value, i) => i === 0 || value <= course[i - 1]! * (1 + 1e-9)),
      String(course),
    );
    const best = Math.min(
      ...(await Promise.all([1, 2, 3, 4, 5].map(async (seed) => inertia(data, await fitKMeans(data, 12, [seed, 0]))))),
    );
    const ratio = (await inertia(data, centroids)) / best;
    assert.ok(ratio < 1.05, String(ratio));
  });

  it('samples the rows of their positions, all of them where they are few', async () => {
    const rows: Rows = { data: Float32Array.from({ length: 100 }, (_, i) => i), n: 100, width: 1 };
    const sample = await sampleShards(() => cut(rows, [7, 7, 50]), 100, 10, key);
    assert.equal(sample.n, 10);
    assert.ok(sample.data.every((value, i) => i === 0 || value > sample.data[i - 1]!));
    assert.deepEqual((await sampleShards(() => cut(rows, [30]), 100, 200, key)).data, rows.data);
  });

  it('refuses shards with other rows than there should be, and ends with what onShard rejects with', async () => {
    await assert.rejects(fitKMeansStreaming(whole, 2999, 3, key), { code: 'SHAPE_MISMATCH', message: /3000 rows/ });
    const mixed = async function* () {
      yield data;
      yield* cut({ data: new Float32Array(8), n: 2, width: 4 }, []);
    };
    await assert.rejects(fitKMeansStreaming(mixed, 3002, 3, key), { code: 'SHAPE_MISMATCH', message: /width 4/ });
    await assert.rejects(
      fitKMeansStreaming(() => cut({ data: new Float32Array(), n: 0, width: 3 }, []), 0, 3, key),
      { code: 'SHAPE_MISMATCH' },
    );
    const stop = new Error('cancelled');
    await assert.rejects(fitKMeansStreaming(whole, data.n, 3, key, { onShard: () => Promise.reject(stop) }), stop);
  });
});
