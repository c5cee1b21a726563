import type { Backend, Tensor } from './backend.js';

/**
 * forward(...inputs), with `backward` for a gradient: TensorFlow's own ops in place of what tfjs would derive.
 *
 * @param forward the value, and what `backward` needs of the way there
 * @param backward the gradient of the value and what was saved -> the gradient of each input
 */
export function withGradient<T extends Tensor>(
  { tf }: Backend,
  inputs: Tensor[],
  forward: (...inputs: Tensor[]) => { value: T; saved: Tensor[] },
  backward: (dy: Tensor, saved: Tensor[]) => Tensor[],
): T {
  const layer = tf.customGrad((...all: unknown[]) => {
    const save = all.pop() as (tensors: Tensor[]) => void;
    const { value, saved } = forward(...(all as Tensor[]));
    save(saved);
    return { value, gradFunc: (dy: Tensor, kept: Tensor[]) => backward(dy, kept) };
  });
  return layer(...inputs);
}
