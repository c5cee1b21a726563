import { initialStatistics, sizeOf, splitStatistics, splitWeights } from './network.js';
import { imageSize, standardised } from './pixels.js';
import { compile } from './graph.js';
import { blockSize } from './passes.js';
import type { Recipe } from '../contracts/learner.js';
import type { Backend, Tensor, Tensor1D } from './backend.js';
import type { Items } from './batches.js';
import type { Parameters } from './checkpoint.js';
import type { CompiledStep } from './graph.js';
import type { Network } from './network.js';
import type { PixelFiles } from './pixels.js';

/** Share of the validation images that a network labels right, without dropout and by its moving statistics. */
export class Validation {
  private readonly predict: CompiledStep;
  private readonly batch: number;

  constructor(
    backend: Backend,
    private readonly network: Network,
    private readonly items: Items,
    private readonly files: PixelFiles,
    precision: Recipe['precision'],
  ) {
    const { tf } = backend;
    const { height, width, channels } = network.spec.image;
    // Bounds the activations of large images; the number of images a run has no influence on the answers.
    this.batch = Math.min(blockSize(network.spec.image), items.label.length);
    const variable = (size: number) => ({ shape: [size], data: new Float32Array(size) });
    this.predict = compile(
      backend,
      (variables, feeds) => {
        const x = standardised(backend, feeds['pixels'] as Tensor);
        const pass = {
          backend,
          weights: splitWeights(backend, network, variables['weights'] as Tensor1D),
          statistics: splitStatistics(backend, network, (variables['statistics'] ?? null) as Tensor1D | null),
          normalisation: 'moving' as const,
          mask: () => null,
        };
        return { outputs: { answer: tf.argMax(network.head(pass, network.trunk(pass, x)).logits, 1) } };
      },
      {
        name: 'validation',
        variables: {
          weights: variable(sizeOf(network)),
          ...(network.statistics.length > 0 ? { statistics: variable(initialStatistics(network).length) } : {}),
        },
        feeds: { pixels: { shape: [this.batch, height, width, channels], dtype: 'uint8' } },
        precision,
      },
    );
  }

  accuracy({ weights, statistics }: Parameters): number {
    this.predict.write('weights', weights);
    if (statistics.length > 0) this.predict.write('statistics', statistics);
    const { shard, row, label } = this.items;
    const size = imageSize(this.network.spec.image);
    let right = 0;
    for (let start = 0; start < label.length; start += this.batch) {
      const pixels = new Uint8Array(this.batch * size);
      const n = Math.min(this.batch, label.length - start);
      for (let i = 0; i < n; i++)
        this.files.read(
          shard[start + i] as number,
          row[start + i] as number,
          pixels.subarray(i * size, (i + 1) * size),
        );
      const { answer } = this.predict.fetch({ pixels }) as { answer: Int32Array };
      for (let i = 0; i < n; i++) right += Number(answer[i] === label[start + i]);
    }
    return right / label.length;
  }

  dispose(): void {
    this.predict.dispose();
  }
}
