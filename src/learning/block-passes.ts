import type { SeedPair } from '../contracts/learner.js';
import type { Tensor } from './backend.js';
import type { CallShape, Sampler } from './passes.js';

/** Rows of a call, where a row is one pass of one image: enough to fill the processor, few enough for its caches. */
const CALL_ROWS = 64;
/** Images of a call where the passes of an image share its work (`heads`), and rows of it: vectors, or a small picture. */
const SHARED_IMAGES = 128;
const SHARED_ROWS = 4096;
/** The same for images that were chosen: few are left towards the end, and a call runs whole. */
const CHOSEN_IMAGES = 32;

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
  /** Passes whose masks belong together: take whole groups where it can be. */
  readonly group: number;
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
    this.group = sampler.group;
    this.features = new Float32Array(range.n * sampler.network.featureWidth);
  }

  /**
   * The next passes of all images, at most `most`. The whole block runs at its place, what is not of the task with it, so
   * that an image's masks are the same wherever the shard begins.
   *
   * @param pause called between two calls of the device
   */
  async fixed(most: number, pause: () => Promise<void>): Promise<Drawn> {
    const { block, network, group } = this.sampler;
    const { lead, n } = this.range;
    const whole = (passes: number): number => Math.min(most, Math.ceil(passes / group) * group);
    const shared = Math.min(block, SHARED_IMAGES);
    const passes = whole(network.heads ? inEqualParts(most, SHARED_ROWS / shared) : group);
    const shape: CallShape = { images: network.heads ? shared : this.imagesOf(passes), passes };
    const drawn = this.room(n, passes);
    for (let start = 0; start < block; start += shape.images) {
      const positions = Int32Array.from({ length: shape.images }, (_, i) => start + i);
      const call = this.calls++;
      if (start + shape.images <= lead || start >= lead + n) continue;
      await pause();
      this.call(call, shape, positions, drawn, (row) => ({
        image: start + row - lead,
        column: start + row - lead,
        pass: 0,
      }));
    }
    return drawn;
  }

  /**
   * `passes` more passes of some images.
   *
   * @param images positions in `range`, ascending
   */
  async chosen(images: Int32Array, passes: number, pause: () => Promise<void>): Promise<Drawn> {
    const { network, group } = this.sampler;
    const drawn = this.room(images.length, passes);
    for (let pass = 0; pass < passes;) {
      const count = network.heads ? passes : Math.min(group, passes - pass);
      const shared = images.length < SHARED_IMAGES ? CHOSEN_IMAGES : SHARED_IMAGES;
      const few = network.heads ? Math.min(this.sampler.block, shared) : this.imagesOf(count);
      const shape: CallShape = { images: few, passes: count };
      for (let start = 0; start < images.length; start += shape.images) {
        const part = images.subarray(start, start + shape.images);
        const positions = Int32Array.from(
          { length: shape.images },
          (_, i) => this.range.lead + (part[i] ?? (part[0] as number)),
        );
        await pause();
        this.call(this.calls++, shape, positions, drawn, (row) => ({
          image: part[row] ?? -1,
          column: start + row,
          pass,
        }));
      }
      pass += count;
    }
    return drawn;
  }

  /** A power of two, so that calls cut a block evenly. */
  private imagesOf(passes: number): number {
    return Math.min(this.sampler.block, 2 ** Math.max(0, Math.floor(Math.log2(CALL_ROWS / passes))));
  }

  private room(images: number, passes: number): Drawn {
    const { classes } = this.sampler.network.spec;
    return {
      count: passes,
      p: new Float32Array(passes * images * classes),
      logVariance: new Float32Array(passes * images),
    };
  }

  /** Runs one call and puts its rows where `place` says; what has no image in the range was padding. */
  private call(
    call: number,
    shape: CallShape,
    positions: Int32Array,
    drawn: Drawn,
    place: (row: number) => Place,
  ): void {
    const { classes } = this.sampler.network.spec;
    const { featureWidth } = this.sampler.network;
    const { p, logVariance, features } = this.sampler.run(this.trunk, positions, shape, this.key, call);
    const columns = drawn.logVariance.length / drawn.count;
    for (let row = 0; row < shape.images; row++) {
      const { image, column, pass: first } = place(row);
      if (image < 0 || image >= this.range.n) continue;
      for (let pass = 0; pass < shape.passes; pass++) {
        const from = row * shape.passes + pass;
        const to = (first + pass) * columns + column;
        drawn.logVariance[to] = logVariance[from] as number;
        for (let c = 0; c < classes; c++) drawn.p[to * classes + c] = p[from * classes + c] as number;
      }
      for (let i = 0; i < featureWidth; i++)
        this.features[image * featureWidth + i]! += features[row * featureWidth + i] as number;
    }
  }
}

/** Where a call's row belongs: the image in the range, and its column and first pass in what was drawn. */
interface Place {
  image: number;
  column: number;
  pass: number;
}

/** The first of as few parts as `limit` allows: equal ones share a graph. */
const inEqualParts = (count: number, limit: number): number => Math.ceil(count / Math.ceil(count / limit));
