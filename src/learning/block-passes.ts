import type { SeedPair } from '../contracts/learner.js';
import type { Tensor } from './backend.js';
import type { CallShape, Sampler } from './passes.js';

/** Rows of a call of single passes: a row is one pass of one image. */
const CALL_ROWS = 64;
/** Rows of a call where the passes of an image share its work (`heads`) and a row is no more than a vector or two. */
const SHARED_ROWS = 8192;

/** Some passes of some images, pass after pass: [passes, images, classes] and [passes, images]. */
export interface Drawn {
  count: number;
  p: Float32Array;
  logVariance: Float32Array;
}

/** The passes of one block's images, cut into calls of few shapes. Masks are numbered by call, so their order is fixed. */
export class BlockPasses {
  /** Penultimate layer of the images of `range`, summed over their passes so far, [n, featureWidth]. */
  readonly features: Float32Array;
  private calls = 0;

  /**
   * @param trunk of the whole block; it stays the caller's
   * @param key of the block's masks
   * @param range which of the block's rows are images of the task
   */
  constructor(
    private readonly sampler: Sampler,
    private readonly trunk: Tensor,
    private readonly key: SeedPair,
    readonly range: { lead: number; n: number },
  ) {
    this.features = new Float32Array(range.n * sampler.network.featureWidth);
  }

  /**
   * The next passes of all images, at most `most`. The whole block runs at its place, what is not of the task with it, so
   * that an image's masks are the same wherever the shard begins.
   *
   * @param pause called between two calls of the device
   */
  async fixed(most: number, pause: () => Promise<void>): Promise<Drawn> {
    const { block, network } = this.sampler;
    const { lead, n } = this.range;
    const shape: CallShape = network.heads
      ? { images: block, passes: inEqualParts(most, SHARED_ROWS / block) }
      : { images: Math.min(CALL_ROWS, block), passes: 1 };
    const drawn = this.room(n, shape.passes);
    for (let start = 0; start < block; start += shape.images) {
      const rows = Int32Array.from({ length: shape.images }, (_, i) => start + i);
      const targets = rows.map((row) => (row >= lead && row < lead + n ? row - lead : -1));
      const call = this.calls++;
      if (targets.every((target) => target < 0)) continue;
      await pause();
      this.call(call, shape, shape.images === block ? null : rows, targets, drawn);
    }
    return drawn;
  }

  /**
   * `passes` more passes of some images.
   *
   * @param images positions in `range`, ascending
   */
  async chosen(images: Int32Array, passes: number, pause: () => Promise<void>): Promise<Drawn> {
    const { block, network } = this.sampler;
    const drawn = this.room(images.length, passes);
    const shape: CallShape = { images: Math.min(CALL_ROWS, block), passes: network.heads ? passes : 1 };
    const total = images.length * (passes / shape.passes);
    for (let start = 0; start < total; start += shape.images) {
      const targets = Int32Array.from({ length: shape.images }, (_, i) => (start + i < total ? start + i : -1));
      const rows = targets.map((target) => this.range.lead + (images[Math.max(0, target) % images.length] as number));
      await pause();
      this.call(this.calls++, shape, rows, targets, drawn, images);
    }
    return drawn;
  }

  private room(images: number, passes: number): Drawn {
    const { classes } = this.sampler.network.spec;
    return {
      count: passes,
      p: new Float32Array(passes * images * classes),
      logVariance: new Float32Array(passes * images),
    };
  }

  /** Runs one call and puts its rows where they belong; a row whose target is -1 was padding. */
  private call(
    call: number,
    shape: CallShape,
    rows: Int32Array | null,
    targets: Int32Array,
    drawn: Drawn,
    images?: Int32Array,
  ): void {
    const { classes } = this.sampler.network.spec;
    const { featureWidth } = this.sampler.network;
    const { p, logVariance, features } = this.sampler.run(this.trunk, rows, shape, this.key, call);
    const wide = drawn.logVariance.length / drawn.count;
    targets.forEach((target, row) => {
      if (target < 0) return;
      for (let pass = 0; pass < shape.passes; pass++) {
        const from = row * shape.passes + pass;
        const to = pass * wide + target;
        drawn.logVariance[to] = logVariance[from] as number;
        for (let c = 0; c < classes; c++) drawn.p[to * classes + c] = p[from * classes + c] as number;
      }
      const image = images ? (images[target % images.length] as number) : target;
      for (let i = 0; i < featureWidth; i++)
        this.features[image * featureWidth + i]! += features[row * featureWidth + i] as number;
    });
  }
}

/** The first of as few parts as `limit` allows: equal ones share a graph. */
const inEqualParts = (count: number, limit: number): number => Math.ceil(count / Math.ceil(count / limit));
