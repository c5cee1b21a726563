import { readFileSync } from 'node:fs';
import { decodeSafetensors, tensorNamed } from '../contracts/safetensors.js';
import { learningErrors } from './errors.js';
import type { Backend, Scalar, Tensor1D, Tensor2D } from './backend.js';

/** Under the root, so that features that are all 0 (a rectifier can do that) have a gradient of 0 instead of none. */
const EPSILON = 1e-12;

/**
 * Pull of features to the centroids of their clusters, on the unit sphere, where clusters are made (labelling/kmeans.ts):
 *
 *   mean over items with an anchor of || z / |z| - c ||^2; 0 where no item of the batch has one.
 *
 * Our reading of "centroids as points of attraction", an inference: the papers publish neither loss nor weight. On the
 * sphere, since activations grow while a network trains, and an absolute distance would mostly hold them back.
 *
 * @param features z, penultimate, [n, width]
 * @param anchors c, [n, width]
 * @param anchored 1 where an item has an anchor, else 0; [n]
 * Sources: Kollias et al. 2017, "Adaptation and contextualization of deep neural network models"; Wen et al. 2016, "A
 * discriminative feature learning approach for deep face recognition" (center loss), eq. 2.
 */
export function pullLoss({ tf }: Backend, features: Tensor2D, anchors: Tensor2D, anchored: Tensor1D): Scalar {
  const length = tf.sqrt(tf.add(tf.sum(tf.square(features), 1, true), EPSILON));
  const distances: Tensor1D = tf.sum(tf.square(tf.sub(tf.div(features, length), anchors)), 1);
  return tf.div(tf.sum(tf.mul(distances, anchored)), tf.maximum(tf.sum(anchored), 1));
}

/** Centroids, as a step is fed with them. */
export interface Anchors {
  count: number;
  /**
   * `anchors` [batch, width] and `anchored` [batch] of a step's items.
   * @param anchor of each item the row of its centroid, -1 for none
   */
  feeds(batch: Int32Array, anchor: Int32Array | null): Record<'anchors' | 'anchored', Float32Array>;
}

/** @throws SHAPE_MISMATCH where there are none or they are of another width, FORMAT_UNKNOWN where the file is damaged */
export function readAnchors(path: string | null, width: number): Anchors {
  if (path === null) throw learningErrors.noAnchors();
  const { shape, data } = tensorNamed(decodeSafetensors(readFileSync(path)), 'anchors', 'F32');
  const [count = 0] = shape;
  if (count === 0 || String(shape) !== String([count, width])) throw learningErrors.otherWidth(path, shape, width);
  return {
    count,
    feeds(batch, anchor) {
      const anchors = new Float32Array(batch.length * width);
      const anchored = new Float32Array(batch.length);
      batch.forEach((item, i) => {
        const row = anchor?.[item] ?? -1;
        if (row < 0) return;
        anchors.set(data.subarray(row * width, (row + 1) * width), i * width);
        anchored[i] = 1;
      });
      return { anchors, anchored };
    },
  };
}
