import { withGradient } from './custom-gradient.js';
import type { Backend, Scalar, Tensor, Tensor1D } from './backend.js';

/** sum w l / n over items of a kind: 0 where there is none. */
export const weightedMean = ({ tf }: Backend, losses: Tensor1D, weights: Tensor1D, kind: Tensor1D): Scalar =>
  tf.div(tf.sum(tf.mul(losses, tf.mul(weights, kind))), tf.maximum(tf.sum(kind), 1));

/**
 * The losses of human labels and of pseudo-labels, brought to one scale:
 *
 *   L = 1 / (1 + a) (L_h + a (avg L_h / avg L_p) L_p),
 *
 * without a gradient through the ratio. Many pseudo-labels are easy: without it they would hardly count.
 *
 * @param averages moving averages of L_h and L_p with this step's in them, scalars
 * Source: Zoph et al. 2020, arXiv 2006.06882, section 3.2.
 */
export function normalisedSum(
  backend: Backend,
  human: Scalar,
  pseudo: Scalar,
  averages: { human: Tensor; pseudo: Tensor },
  a: number,
): Scalar {
  const { tf } = backend;
  const ratio = tf.div(tf.mul(averages.human, a), tf.maximum(averages.pseudo, 1e-8));
  return withGradient(
    backend,
    [human, pseudo],
    (h, p) => ({ value: tf.div<Scalar>(tf.add(h, tf.mul(ratio, p)), 1 + a), saved: [ratio] }),
    (dy, [r]) => {
      const share = tf.div(dy, 1 + a);
      return [share, tf.mul(share, r as Tensor)];
    },
  );
}
