import { groupedMasks, groupSize } from './dropout.js';
import { compile } from './graph.js';
import { gather } from './layers.js';
import { volume } from './network.js';
import { standardised } from './pixels.js';
import { seedOf } from './random-ops.js';
import type { ImageShape } from '../contracts/dataset.js';
import type { SampleTask, SeedPair } from '../contracts/learner.js';
import type { Backend, Tensor, Tensor1D } from './backend.js';
import type { CompiledStep, CompileOptions, Tensors } from './graph.js';
import type { Network, Pass } from './network.js';

/** Pixels of a block's images at most: what bounds the memory of the trunk's output. */
const BLOCK_PIXELS = 256 * 32 * 32;
const LARGEST_BLOCK = 256;

/**
 * Images that are sampled together: a power of two up to 256. Blocks are cut at multiples of it in the split and always run
 * whole, so that the result of an image depends neither on the shard's cut nor on the images beside it.
 */
export function blockSize({ height, width }: Pick<ImageShape, 'height' | 'width'>): number {
  const fitting = Math.min(LARGEST_BLOCK, BLOCK_PIXELS / (height * width));
  return 2 ** Math.max(0, Math.floor(Math.log2(fitting)));
}

/** Which passes a call takes: `passes` of each of `images` images. */
export interface CallShape {
  images: number;
  passes: number;
}

/** What a call gives; rows are image-major: image * passes + pass. */
export interface Passes {
  /** Class probabilities, [images * passes, classes]. */
  p: Float32Array;
  /** s, [images * passes] */
  logVariance: Float32Array;
  /** Penultimate layer, summed over the passes, [images, featureWidth]. */
  features: Float32Array;
}

/**
 * A network as compiled graphs: the trunk once a block, then calls of so many passes. A graph is compiled when its shape is
 * first asked for, and serves every model of the network.
 */
export class Sampler {
  /** Images of a block. */
  readonly block: number;
  private readonly steps = new Map<string, CompiledStep>();
  private variables: CompileOptions['variables'] = {};

  /**
   * @param rate of dropout; 0: nothing is dropped and all passes are the same
   * @param group passes whose masks belong together (`groupedMasks`): a call takes whole groups where it can
   */
  constructor(
    private readonly backend: Backend,
    readonly network: Network,
    private readonly rate: number,
    private readonly precision: SampleTask['precision'],
    readonly group = groupSize(rate),
  ) {
    this.block = blockSize(network.spec.image);
  }

  /** Sets the model; the vectors are in the order of the network's parameters and statistics. */
  load(weights: Float32Array, statistics: Float32Array): void {
    this.variables = variablesOf(this.network, weights, statistics);
    for (const step of this.steps.values())
      for (const [name, { data }] of Object.entries(this.variables)) step.write(name, data);
  }

  /**
   * All that comes before the first dropout, of one block.
   *
   * @param pixels [block, height, width, channels]
   * @returns [block, ...], which the caller disposes
   */
  trunk(pixels: Uint8Array): Tensor {
    const { backend, block, network } = this;
    const { height, width, channels } = network.spec.image;
    const feeds: CompileOptions['feeds'] = { pixels: { shape: [block, height, width, channels], dtype: 'uint8' } };
    const step = this.step('trunk', feeds, (variables, given) => ({
      trunk: network.trunk(this.pass(variables), standardised(backend, given['pixels'] as Tensor)),
    }));
    return step.run({ pixels })['trunk'] as Tensor;
  }

  /**
   * Some passes of some of the block's images.
   *
   * @param trunk of the block
   * @param images positions in the block, [shape.images]
   * @param key, call dropout layer l draws the masks of all rows from (key, call, l)
   */
  run(trunk: Tensor, images: Int32Array, shape: CallShape, key: Readonly<SeedPair>, call: number): Passes {
    const { network, block } = this;
    const repeats = network.heads ? 1 : shape.passes;
    const rows = Int32Array.from(
      { length: shape.images * repeats },
      (_, i) => images[Math.floor(i / repeats)] as number,
    );
    const inPlace = rows.length === block && rows.every((row, i) => row === i);
    const layers = Array.from({ length: network.dropouts }, (_, layer) => seedOf(key, [call, layer]));
    const seeds = Int32Array.from(layers.flat());
    const feeds: CompileOptions['feeds'] = {
      trunk: { shape: trunk.shape, dtype: 'float32' },
      seeds: { shape: [network.dropouts, 2], dtype: 'int32' },
      ...(!inPlace && { rows: { shape: [rows.length], dtype: 'int32' } }),
    };
    const name = `${shape.images} images x ${shape.passes} passes${inPlace ? ' in place' : ''}`;
    const step = this.step(name, feeds, (variables, given) => this.passes(variables, given, shape));
    return step.fetch({ trunk, seeds, ...(!inPlace && { rows }) }) as unknown as Passes;
  }

  dispose(): void {
    for (const step of this.steps.values()) step.dispose();
    this.steps.clear();
  }

  private passes(variables: Tensors, { trunk, rows, seeds }: Tensors, shape: CallShape): Tensors {
    const { backend, network } = this;
    const { images, passes } = shape;
    const chosen = rows ? gather(backend, trunk as Tensor, rows) : (trunk as Tensor);
    const pass = this.pass(variables, shape, seeds);
    const output = network.heads ? network.heads(pass, chosen, passes) : network.head(pass, chosen);
    return {
      p: backend.op('Softmax', { T: { type: 'float32' } }, [output.logits]),
      logVariance: output.logVariance,
      features: backend.tf.sum(output.features.reshape([images, passes, network.featureWidth]), 1),
    };
  }

  private step(
    name: string,
    feeds: CompileOptions['feeds'],
    body: (...given: [Tensors, Tensors]) => Tensors,
  ): CompiledStep {
    const known = this.steps.get(name);
    if (known) return known;
    const { backend, variables, precision, network } = this;
    const step = compile(backend, (...given) => ({ outputs: body(...given) }), {
      name: `${network.spec.network}, ${name}`,
      variables,
      feeds,
      precision,
    });
    this.steps.set(name, step);
    return step;
  }

  private pass(variables: Tensors, shape: CallShape = { images: 0, passes: 0 }, seeds?: Tensor): Pass {
    const { backend, network, rate, group } = this;
    const { images, passes } = shape;
    const named = (name: string): Tensor => variables[name] as Tensor;
    return {
      backend,
      weights: network.parameters.map(({ name }) => named(name)),
      statistics: network.statistics.flatMap(
        ({ name }) => [named(`${name}.mean`), named(`${name}.variance`)] as Tensor1D[],
      ),
      normalisation: 'moving',
      mask: (wanted, layer) => {
        if (rate === 0 || seeds === undefined) return null;
        const seed = backend.tf.slice(seeds, [layer, 0], [1, 2]).reshape([2]);
        const units = volume(wanted) / (images * passes);
        return groupedMasks(backend, [images, passes, units], rate, seed, group).reshape(wanted);
      },
    };
  }
}

/** A backend's idle sampler, for the next task: shards come one after the other, and its graphs serve all models of a network. */
const idle = new WeakMap<Backend, { key: string; sampler: Sampler }>();

/** A sampler for such a network, with the graphs of the last task where they fit. `release` it when the task is over. */
export function acquireSampler(
  backend: Backend,
  network: Network,
  rate: number,
  precision: SampleTask['precision'],
): { sampler: Sampler; release: () => void } {
  const key = JSON.stringify([network.spec, rate, precision]);
  const last = idle.get(backend);
  const fits = last?.key === key;
  // It is nobody else's while this task has it.
  if (fits) idle.delete(backend);
  const sampler = fits ? last.sampler : new Sampler(backend, network, rate, precision);
  const release = (): void => {
    idle.get(backend)?.sampler.dispose();
    idle.set(backend, { key, sampler });
  };
  return { sampler, release };
}

/** The vectors cut into the graphs' variables. */
function variablesOf({ parameters, statistics }: Network, weights: Float32Array, moving: Float32Array) {
  const variables: CompileOptions['variables'] = {};
  let offset = 0;
  for (const { name, shape } of parameters) {
    variables[name] = { shape, data: weights.subarray(offset, (offset += volume(shape))) };
  }
  offset = 0;
  for (const { name, width } of statistics)
    for (const part of ['mean', 'variance'])
      variables[`${name}.${part}`] = { shape: [width], data: moving.subarray(offset, (offset += width)) };
  return variables;
}
