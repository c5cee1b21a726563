import type { Backend, Tensor } from './backend.js';
import type { Tensors } from './graph.js';

/** Tensors made in the scope of a gradient, in which tfjs lets go of all but its value. */
export class SideOutputs {
  private readonly kept: Tensors = {};

  constructor(private readonly backend: Backend) {}

  keep<T extends Tensor>(name: string, tensor: T): T {
    return (this.kept[name] = this.backend.tf.keep(tensor));
  }

  /** Hands them to the scope around. */
  take(): Tensors {
    return Object.fromEntries(
      Object.entries(this.kept).map(([name, tensor]) => {
        const taken = tensor.clone();
        tensor.dispose();
        return [name, taken];
      }),
    );
  }
}
