import { deriveSeed, RandomStream } from '../contracts/random.js';
import { changes, drawViews, VIEW_WIDTH } from './augment.js';
import { Batches, Cycle, itemWeights } from './batches.js';
import { learningErrors } from './errors.js';
import { imageSize, PixelFiles } from './pixels.js';
import { seedOf } from './random-ops.js';
import { augmentations, seedsOf, unlabelledBatch } from './student.js';
import type { SeedPair, TrainTask } from '../contracts/learner.js';
import type { Items } from './batches.js';
import type { FeedValue } from './graph.js';
import type { Network } from './network.js';
import type { Anchors } from './pull.js';

/**
 * What a training's steps are fed with but for the optimiser's numbers: images, labels and all that is random, a function
 * of (seed, step), so that a training can start in its middle.
 *
 * @throws SHAPE_MISMATCH where a pool is to be learnt from and there is none
 */
export class StudentFeeds {
  readonly mixed: boolean;
  /** Number of the pool's images; 0 where they are not learnt from. */
  readonly pool: number;
  private readonly batches: Batches;
  private readonly unlabelled: { cycle: Cycle; files: PixelFiles; ends: number[] } | null;
  private readonly weights: Float32Array;
  private readonly keys: Record<'dropout' | 'logits', SeedPair>;

  constructor(
    private readonly task: TrainTask,
    private readonly network: Network,
    private readonly items: Items,
    private readonly files: PixelFiles,
    pool: PixelFiles | null,
    private readonly anchors: Anchors | null = null,
  ) {
    const { recipe, seed } = task;
    this.batches = new Batches(items, recipe, seed);
    this.mixed = this.batches.mixed;
    this.weights = itemWeights(items, network.spec.classes, recipe.classWeights);
    this.keys = { dropout: deriveSeed(seed, 'dropout'), logits: deriveSeed(seed, 'logits') };
    const ends: number[] = [];
    task.unlabelled.forEach((_, shard) => ends.push((ends.at(-1) ?? 0) + (pool?.count(shard) ?? 0)));
    this.pool = pool ? (ends.at(-1) ?? 0) : 0;
    if (pool && this.pool === 0) throw learningErrors.noPool();
    const members = Int32Array.from({ length: this.pool }, (_, i) => i);
    this.unlabelled = pool ? { cycle: new Cycle(members, deriveSeed(seed, 'unlabelled')), files: pool, ends } : null;
  }

  at(step: number): Record<string, FeedValue> {
    const { recipe, seed } = this.task;
    const { image, classes } = this.network.spec;
    const { batch } = recipe;
    const unlabelled = unlabelledBatch(recipe);
    const size = imageSize(image);
    const pixels = new Uint8Array((batch + unlabelled) * size);
    const labels = new Float32Array(batch * classes);
    const weights = new Float32Array(batch);
    const human = new Float32Array(batch);
    this.batches.at(step).forEach((item, i) => {
      const { shard, row, label } = this.items;
      this.files.read(shard[item] as number, row[item] as number, pixels.subarray(i * size, (i + 1) * size));
      labels[i * classes + (label[item] as number)] = 1;
      weights[i] = this.weights[item] as number;
      human[i] = this.items.human[item] as number;
    });
    const feeds: Record<string, FeedValue> = {
      ...{ pixels, labels, weights, human, seeds: this.seeds(step) },
      ...(this.anchors ? this.anchors.feeds(this.batches.at(step), this.items.anchor) : {}),
    };
    if (unlabelled > 0) feeds['places'] = this.readUnlabelled(step, unlabelled, pixels.subarray(batch * size));
    const { labelled, weak, strong } = augmentations(recipe);
    if (changes(recipe)) {
      const views = new Float32Array((batch + unlabelled) * VIEW_WIDTH);
      const stream = (purpose: 'augment' | 'strong') => new RandomStream(deriveSeed(seed, purpose, step));
      views.set(drawViews(labelled, image, batch, stream('augment')));
      views.set(drawViews(strong, image, unlabelled, stream('strong')), batch * VIEW_WIDTH);
      feeds['views'] = views;
      if (unlabelled > 0 && weak.weak)
        feeds['weakViews'] = drawViews(weak, image, unlabelled, new RandomStream(deriveSeed(seed, 'augment', step), 1));
    }
    return feeds;
  }

  /** Two words a draw: each dropout layer's mask, then the logits' noise. */
  private seeds(step: number): Int32Array {
    const seeds = new Int32Array(2 * seedsOf(this.network));
    for (let layer = 0; layer < this.network.dropouts; layer++)
      seeds.set(seedOf(this.keys.dropout, [step, layer]), 2 * layer);
    seeds.set(seedOf(this.keys.logits, [step, 0]), 2 * this.network.dropouts);
    return seeds;
  }

  /** Reads the step's pool images into `pixels`; returns their places among all, [n]. */
  private readUnlabelled(step: number, n: number, pixels: Uint8Array): Int32Array {
    const { cycle, files, ends } = this.unlabelled as NonNullable<StudentFeeds['unlabelled']>;
    const size = imageSize(this.network.spec.image);
    return Int32Array.from({ length: n }, (_, i) => {
      const place = cycle.at(step * n + i);
      const shard = ends.findIndex((end) => place < end);
      const start = shard === 0 ? 0 : (ends[shard - 1] as number);
      files.read(shard, place - start, pixels.subarray(i * size, (i + 1) * size));
      return place;
    });
  }
}
