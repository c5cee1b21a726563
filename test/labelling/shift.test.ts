import assert from 'node:assert/strict';
import { RandomStream } from '../../src/contracts/random.js';
import { assign } from '../../src/labelling/kmeans.js';
import type { Rows } from '../../src/labelling/kmeans.js';
import {
  ClusterTally,
  differs,
  expectedOutside,
  Farthest,
  movedClusters,
  shiftTests,
} from '../../src/labelling/shift.js';

/** Two clusters at right angles in the plane, of radius 0.3. */
const centroids = { data: Float32Array.of(1, 0, 0, 1), k: 2, width: 2 };
const radii = Float64Array.of(0.3, 0.3);

/** Points of the circle at these angles, in degrees. */
const at = (...angles: number[]): Rows => ({
  data: Float32Array.from(angles.flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)])),
  n: angles.length,
  width: 2,
});

async function tally(...parts: Rows[]): Promise<ClusterTally> {
  const counted = new ClusterTally(radii, 2);
  for (const rows of parts) counted.add(rows, await assign(rows, centroids));
  return counted;
}

const around = (degrees: number, n: number, by = 5, seed = 1): Rows => {
  const random = new RandomStream([seed, n]);
  return at(...Array.from({ length: n }, () => degrees + by * random.normal()));
};

describe('clusters of new images', () => {
  it('expects outside what the known images let expect, half an image added', async () => {
    const known = await tally(at(0, 2, 45, 90)); // 45 degrees: 0.77 from either
    const seen = await tally(at(0, 45, 44, 46, 88, 50, 1, 3, 92, 91));
    assert.equal(known.outside, 1);
    assert.equal(seen.outside, 4);
    assert.equal(expectedOutside(known, seen), (10 * 1.5) / 5);
  });

  it('is the same in one piece and shard by shard', async () => {
    const whole = await tally(around(0, 40), around(90, 20));
    const { data, width } = around(0, 40);
    const pieces = await tally(
      { data: data.subarray(0, 14), n: 7, width },
      { data: data.subarray(14), n: 33, width },
      around(90, 20),
    );
    assert.deepEqual([...pieces.counts], [...whole.counts]);
    pieces.sums.forEach((sum, i) => assert.ok(Math.abs(sum - (whole.sums[i] as number)) < 1e-9));
  });

  it('lists none where both sides are of one law', async () => {
    const known = await tally(around(0, 60, 5, 1), around(90, 60, 5, 2));
    const seen = await tally(around(0, 510, 5, 3), around(90, 490, 5, 4));
    assert.deepEqual(movedClusters(known, seen, [4, 7]), []);
  });

  it('lists a cluster by its share, and not the one that stayed', async () => {
    const known = await tally(around(0, 100, 5, 1), around(90, 100, 5, 2));
    const seen = await tally(around(0, 200, 5, 3), around(90, 20, 5, 4));
    const moved = movedClusters(known, seen, [4, -1]);
    assert.deepEqual(
      moved.map(({ cluster, label, knownShare }) => ({ cluster, label, knownShare })),
      [
        { cluster: 0, label: 4, knownShare: 0.5 },
        { cluster: 1, label: -1, knownShare: 0.5 },
      ],
    );
    assert.ok(Math.abs((moved[1]?.seenShare ?? 0) - 20 / 220) < 1e-12);
  });

  it('measures a move in spreads', async () => {
    const known = await tally(at(-4, 4, -4, 4, 86, 94, 86, 94));
    const seen = await tally(at(8, 16, 8, 16, 86, 94, 86, 94));
    const [moved, ...others] = movedClusters(known, seen, [0, 1]);
    assert.deepEqual(others, []);
    assert.equal(moved?.cluster, 0);
    // 12 degrees between the means, 4 about each of them; of 8 images 6 are free; chords shorten both by a few in a thousand.
    assert.ok(Math.abs((moved?.moved ?? 0) - 3 * Math.sqrt(6 / 8)) < 0.02, String(moved?.moved));
  });

  it('says nothing of a mean where a side has no image', async () => {
    const [known, seen] = [await tally(around(0, 50)), await tally(around(90, 50))];
    assert.deepEqual(
      movedClusters(known, seen, [0, 1]).map(({ moved }) => moved),
      [null, null],
    );
    assert.deepEqual(movedClusters(known, await tally(), [0, 1]), []);
  });
});

describe('what decides', () => {
  const cloud = (n: number, seed: number, by = 0): Rows => {
    const random = new RandomStream([seed, 9]);
    return { data: Float32Array.from({ length: 3 * n }, () => by + random.normal()), n, width: 3 };
  };
  const seed: [number, number] = [3, 4];

  it('is each test at half of 5 % where the model saw neither side, pixels alone where it was trained on one', () => {
    const [known, seen] = [
      { pixels: cloud(40, 1), latents: cloud(40, 2) },
      { pixels: cloud(80, 3), latents: cloud(80, 4, 2) },
    ];
    const fresh = shiftTests(known, seen, { trainedOn: false, seed });
    assert.deepEqual(
      fresh.map(({ of, level, known, seen }) => ({ of, level, known, seen })),
      [
        { of: 'pixels', level: 0.025, known: 40, seen: 80 },
        { of: 'latents', level: 0.025, known: 40, seen: 80 },
      ],
    );
    assert.ok(fresh[1]!.p <= 0.001 && fresh[0]!.p > 0.025);
    assert.equal(differs(fresh), true);
    const trained = shiftTests(known, seen, { trainedOn: true, seed });
    assert.deepEqual(
      trained.map(({ level, p }) => [level, p]),
      [
        [0.05, fresh[0]!.p],
        [null, fresh[1]!.p],
      ],
    );
    assert.equal(differs(trained), false);
  });
});

describe('helpers', () => {
  it('keep the farthest of a stream', () => {
    const farthest = new Farthest<{ distance: number }>(3);
    for (let i = 0; i < 50; i++) farthest.offer({ distance: (i * 17) % 50 });
    assert.deepEqual(
      farthest.items.map(({ distance }) => distance),
      [49, 48, 47],
    );
  });
});
