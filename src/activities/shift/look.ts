import { open } from 'node:fs/promises';
import { problem } from '../../contracts/errors.js';
import type { DatasetManifest, Shard } from '../../contracts/dataset.js';
import type { SeedPair } from '../../contracts/learner.js';
import { deriveSeed } from '../../contracts/random.js';
import { decodeSafetensors, tensorNamed } from '../../contracts/safetensors.js';
import type { ShiftFile, ShiftInput } from '../../contracts/shift.js';
import { clustersFile } from '../../contracts/stages.js';
import type { SampleOutput } from '../../contracts/stages.js';
import { assign, sampleRows } from '../../labelling/kmeans.js';
import type { Centroids, Rows } from '../../labelling/kmeans.js';
import { isOutlier } from '../../labelling/outliers.js';
import { PixelFeatures } from '../../labelling/pixel-features.js';
import { normalise } from '../../labelling/rows.js';
import { ClusterTally, Farthest } from '../../labelling/shift.js';
import { SampleOf } from '../../labelling/two-sample.js';
import type { Features } from '../../labelling/two-sample.js';
import type { Ref } from '../../contracts/references.js';
import type { Store } from '../../store/index.js';
import { readLabels, readPosteriors, readSet } from '../inputs.js';
import type { ComparedSide } from './compare-aside.js';

/** Images a side that the tests look at. */
const TESTED = 2000;
/** Images a side in the picture. */
const SHOWN = 1000;
/** Images outside every cluster that are named. */
const NAMED = 200;

type Shown = Pick<ShiftFile['picture'][number], 'label' | 'known'>;
export interface Looked {
  side: ComparedSide;
  tally: ClusterTally;
  /** Grey averages over a grid of the images that are tested. */
  grey: Features;
  /** What the images of the picture are said to show. */
  shown: Shown[];
}

export interface KnownClusters {
  centroids: Centroids;
  radii: Float64Array;
  labels: number[];
}

export async function readClusters(store: Store, ref: Ref): Promise<KnownClusters> {
  const { centroids, clusters } = await store.readJson(ref, clustersFile);
  return {
    centroids: await readRows(store, centroids, 'centroids').then(({ data, n, width }) => ({ data, k: n, width })),
    radii: Float64Array.from(clusters, ({ radius }) => radius),
    labels: clusters.map(({ label }) => label),
  };
}

/** The calibration images, for tests and clusters; of the picture is all of the labelled split, by what people said. */
export async function lookAtKnown(
  store: Store,
  input: ShiftInput,
  manifest: DatasetManifest,
  calibration: readonly number[],
  clusters: KnownClusters,
  seed: Readonly<SeedPair>,
): Promise<Looked> {
  const [compared, collector] = [new Set(calibration), new Collector(manifest, clusters, seed)];
  const [tested, labels] = [
    sampleRows(calibration.length, TESTED, deriveSeed(seed, 'shift', 0)),
    await readLabels(store, manifest),
  ];
  const chosen = {
    tested: new Set(Array.from(tested, (i) => calibration[i] as number)),
    shown: shownOf(labels.length, input.picture, deriveSeed(seed, 'shift', 1)),
  };
  for (const look of await looks(store, manifest.shards.labelled, input.known.labelled)) {
    const rows = await look.rows();
    const own = Array.from({ length: rows.n }, (_, i) => i).filter((i) => compared.has(look.offset + i));
    collector.tally.add(pick(rows, own), await assign(pick(rows, own), clusters.centroids));
    await collector.collect(store, look, rows, chosen, (i) => ({
      label: labels[look.offset + i] as number,
      known: true,
    }));
  }
  return collector.looked();
}

/** All images that are compared with the known ones, a shard in memory at a time. */
export async function lookAtSeen(
  store: Store,
  input: ShiftInput,
  manifest: DatasetManifest,
  clusters: KnownClusters,
  seed: Readonly<SeedPair>,
): Promise<Looked & { outside: ShiftFile['outside'] }> {
  const { split, posteriors } = input.seen;
  const collector = new Collector(manifest, clusters, seed);
  const farthest = new Farthest<ShiftFile['outside'][number]>(NAMED);
  const total = manifest.counts[split];
  const chosen = {
    tested: new Set(sampleRows(total, TESTED, deriveSeed(seed, 'shift', 2))),
    shown: shownOf(total, input.picture, deriveSeed(seed, 'shift', 3)),
  };
  for (const look of await looks(store, manifest.shards[split], posteriors)) {
    const rows = await look.rows();
    const found = await assign(rows, clusters.centroids);
    const images = await readPosteriors(store, look.sampled.posteriors);
    collector.tally.add(rows, found);
    found.cluster.forEach((cluster, i) => {
      const distance = found.distance[i] as number;
      if (isOutlier(cluster, distance, clusters.radii))
        farthest.offer({ id: images[i]?.id ?? '', position: look.offset + i, cluster, distance });
    });
    await collector.collect(store, look, rows, chosen, (i) => ({ label: images[i]?.predicted ?? -1, known: false }));
  }
  return { ...collector.looked(), outside: farthest.items };
}

const shownOf = (total: number, picture: boolean, seed: Readonly<SeedPair>): Set<number> =>
  new Set(picture ? sampleRows(total, SHOWN, seed) : []);

interface Chosen {
  tested: ReadonlySet<number>;
  shown: ReadonlySet<number>;
}

/** A shard with what the model made of it. */
interface Look {
  shard: Shard;
  sampled: SampleOutput;
  /** Position of its first image. */
  offset: number;
  rows(): Promise<Rows>;
}

async function looks(store: Store, shards: readonly Shard[], posteriors: Ref): Promise<Look[]> {
  const { shards: sampled } = await readSet(store, posteriors);
  return shards.map((shard, i) => {
    const of = sampled[i];
    if (of?.count !== shard.count)
      throw problem(
        'SHAPE_MISMATCH',
        `Posteriors ${posteriors.sha256} are of other images than the dataset's shard ${i}.`,
      );
    return {
      shard,
      sampled: of,
      offset: shard.offset,
      rows: async () => normalise(await readRows(store, of.features, 'features')),
    };
  });
}

/** Gathers one side as its shards go by. */
class Collector {
  readonly tally: ClusterTally;
  private readonly pixels: PixelFeatures;
  private readonly tested = { pixels: new SampleOf(), latents: new SampleOf(), grey: new SampleOf() };
  private readonly latentsShown = new SampleOf();
  private readonly shown: Shown[] = [];

  constructor(
    private readonly manifest: DatasetManifest,
    { radii, centroids }: KnownClusters,
    seed: Readonly<SeedPair>,
  ) {
    this.tally = new ClusterTally(radii, centroids.width);
    this.pixels = new PixelFeatures(manifest.image, seed);
  }

  async collect(store: Store, look: Look, rows: Rows, chosen: Chosen, say: (i: number) => Shown): Promise<void> {
    const tested: number[] = [];
    for (let i = 0; i < rows.n; i++) {
      const latents = rows.data.subarray(i * rows.width, (i + 1) * rows.width);
      if (chosen.tested.has(look.offset + i)) {
        tested.push(i);
        this.tested.latents.add(latents);
      }
      if (chosen.shown.has(look.offset + i)) {
        this.latentsShown.add(latents);
        this.shown.push(say(i));
      }
    }
    if (tested.length > 0) await this.readPixels(store, look.shard, tested);
  }

  looked(): Looked {
    const { pixels, latents, grey } = this.tested;
    const side = { pixels: pixels.features(), latents: latents.features(), shown: this.latentsShown.features() };
    return { side, tally: this.tally, grey: grey.features(), shown: this.shown };
  }

  /** Some images of a shard; the file of a shard may be larger than what is worth holding. */
  private async readPixels(store: Store, shard: Shard, images: readonly number[]): Promise<void> {
    const { height, width, channels } = this.manifest.image;
    const buffer = new Uint8Array(height * width * channels);
    const file = await open(await store.fetch(shard.pixels));
    try {
      for (const image of images) {
        await file.read(buffer, 0, buffer.length, image * buffer.length);
        this.tested.pixels.add(this.pixels.of(buffer));
        this.tested.grey.add(this.pixels.grey(buffer));
      }
    } finally {
      await file.close();
    }
  }
}

function pick({ data, width }: Rows, chosen: readonly number[]): Rows {
  const picked = new Float32Array(chosen.length * width);
  chosen.forEach((row, i) => picked.set(data.subarray(row * width, (row + 1) * width), i * width));
  return { data: picked, n: chosen.length, width };
}

async function readRows(store: Store, ref: Ref, name: string): Promise<Rows> {
  const { data, shape } = tensorNamed(decodeSafetensors(await store.readBytes(ref)), name, 'F32');
  const [n = 0, width = 0] = shape;
  return { data, n, width };
}
