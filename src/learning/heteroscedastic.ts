import { withGradient } from './custom-gradient.js';
import type { Backend, Tensor, Tensor1D, Tensor2D, Tensor3D } from './backend.js';

/**
 * Heteroscedastic cross-entropy: the logits are Gaussian, f + sigma * e with e ~ N(0, 1) and sigma = sqrt(exp s), and
 *
 *   loss_n = -ln( mean_t softmax(f_n + sigma_n * e_nt)[y_n] ).
 *
 * The released code of arXiv 1812.01681 takes the mean of probabilities, then clips at 1e-11, which cuts the gradient
 * of an item that is confidently wrong. Here the mean is a log-sum-exp over the draws, so nothing under- or overflows
 * and no clip is needed; where nothing would be clipped, the value is the same.
 *
 * @param logits f, [n, classes]
 * @param logVariance s, [n]
 * @param labels one-hot, [n, classes]
 * @param noise e, [draws, n, classes]
 * @returns [n], with gradients for `logits` and `logVariance`
 * Source: Kendall and Gal 2017, eq. 12 (arXiv 1703.04977); Ribeiro et al. 2018.
 */
export function heteroscedasticLoss(
  backend: Backend,
  logits: Tensor2D,
  logVariance: Tensor1D,
  labels: Tensor2D,
  noise: Tensor3D,
): Tensor1D {
  const { tf, op } = backend;
  const [draws, n] = noise.shape;
  return withGradient(
    backend,
    [logits, logVariance],
    (f, s) => {
      const sigma = tf.exp(tf.mul(s, 0.5)).reshape([1, n, 1]);
      const deviation = tf.mul(noise, sigma);
      const drawn = tf.add(deviation, f.reshape([1, ...logits.shape]));
      const logP = op('LogSoftmax', { T: { type: 'float32' } }, [drawn]);
      const logPy = tf.sum(tf.mul(logP, labels), 2);
      const peak = tf.max(logPy, 0, true);
      const ratio = tf.exp(tf.sub(logPy, peak));
      const total = tf.sum(ratio, 0, true);
      const value: Tensor1D = tf.sub(Math.log(draws), tf.add(tf.log(total), peak)).reshape([n]);
      // Also what comes from outside: tfjs may let a tensor go that it does not know the gradient needs.
      return { value, saved: [deviation, logP, ratio, total, labels] };
    },
    // d loss / d drawn = r * (p - y), r = the draws' shares of the mean probability of the true class;
    // d drawn / d s = deviation / 2.
    (dy, saved) => {
      const [deviation, logP, ratio, total, y] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor];
      const scale = tf.mul(tf.div(ratio, total), dy).reshape([draws, n, 1]);
      const gradient = tf.mul(scale, tf.sub(tf.exp(logP), y));
      return [tf.sum(gradient, 0), tf.sum(tf.mul(gradient, deviation), [0, 2]).mul(0.5)];
    },
  );
}
