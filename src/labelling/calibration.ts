import { deriveSeed, RandomStream } from '../contracts/random.js';
import type { ScalingName } from '../contracts/presets.js';
import type { Reliability, ScalingFile } from '../contracts/stages.js';
import { minimise } from './newton.js';

/** Turns mean softmax p into softmax(scale * ln p + bias); both [classes]. */
export type Scaling = Pick<ScalingFile, 'method' | 'scale' | 'bias'>;

/** A labelled image as calibration sees it: its mean softmax, [classes], and its label. */
export interface LabelledProbabilities {
  p: ArrayLike<number>;
  label: number;
}

/** A float32 softmax underflows to 0, of which there is no logarithm. */
const SMALLEST = 1e-12;
const logarithms = (p: ArrayLike<number>): Float64Array =>
  Float64Array.from(p, (value) => Math.log(Math.max(SMALLEST, value)));

/**
 * A few wide-margin images would drive the temperature to 0, as the likelihood of right answers has no maximum: Gaussian
 * priors, of standard deviation 1 around no change and, for the vector, 1/2 around the temperature. Hundreds of labels
 * outweigh them.
 */
const PRIOR_DEVIATION = { temperature: 1, vector: 0.5 };
/** Temperatures beyond 20 say that the model is no better than chance; the rank of classes must stay. */
const LEAST_SCALE = 0.05;
/** A class with fewer labels can't carry two numbers of its own. */
const LEAST_LABELS = 10;
/** Images times squared parameters of the vector: what its Hessian costs. Beyond this a fit would take minutes. */
const MOST_WORK = 2e7;

/** Calibrated probabilities, [classes]. Temperature keeps the rank of the classes; vector scaling may not. */
export function calibrated(p: ArrayLike<number>, { method, scale, bias }: Scaling): Float64Array {
  if (method === 'none') return Float64Array.from(p);
  return softmax(logarithms(p).map((value, c) => (scale[c] as number) * value + (bias[c] as number)));
}

function softmax(logits: Float64Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

const unscaled = (classes: number): Scaling => ({
  method: 'none',
  scale: new Array<number>(classes).fill(1),
  bias: new Array<number>(classes).fill(0),
});

/**
 * Fits temperature or vector scaling to labelled images by their negative log-likelihood plus a Gaussian prior (see
 * PRIOR_DEVIATION). Both problems are convex in 1 / T, or in scales and biases, so Newton's method finds the one optimum.
 *
 * @param method `vector` falls back to `temperature` where a class has fewer than 10 labels, a scale is not positive, or
 *   classes and images are too many (50 classes with 2,000 images)
 * @returns the method that was fitted; `none` without images
 * Source: Guo et al. 2017, On calibration of modern neural networks, section 4.2.
 */
export function fitScaling(images: readonly LabelledProbabilities[], classes: number, method: ScalingName): Scaling {
  const none = unscaled(classes);
  if (method === 'none' || images.length === 0) return none;
  const logs = images.map(({ p, label }) => ({ log: logarithms(p), label }));
  const scale = fitTemperature(logs);
  const temperature: Scaling = { ...none, method: 'temperature', scale: none.scale.map(() => scale) };
  const labels = new Array<number>(classes).fill(0);
  for (const { label } of images) labels[label]!++;
  const work = images.length * (2 * classes) ** 2;
  if (method === 'temperature' || Math.min(...labels) < LEAST_LABELS || work > MOST_WORK) return temperature;
  const vector = fitVector(logs, classes, scale);
  return Math.min(...vector.scale) > 0 ? vector : temperature;
}

type Logs = readonly { log: Float64Array; label: number }[];

/** 1 / T. */
function fitTemperature(images: Logs): number {
  const precision = 1 / PRIOR_DEVIATION.temperature ** 2;
  const [scale] = minimise([1], ([scale]) => {
    const s = scale as number;
    let [value, slope, curvature] = [(precision * (s - 1) ** 2) / 2, precision * (s - 1), precision];
    for (const { log, label } of images) {
      const q = softmax(log.map((each) => s * each));
      const mean = q.reduce((sum, share, c) => sum + share * (log[c] as number), 0);
      value -= Math.log(q[label] as number);
      slope += mean - (log[label] as number);
      curvature += q.reduce((sum, share, c) => sum + share * ((log[c] as number) - mean) ** 2, 0);
    }
    return { value, gradient: [slope], hessian: [[curvature]] };
  });
  return Math.max(LEAST_SCALE, scale as number);
}

function fitVector(images: Logs, classes: number, temperature: number): Scaling {
  const precision = 1 / PRIOR_DEVIATION.vector ** 2;
  const size = 2 * classes;
  const start = Array.from({ length: size }, (_, k) => (k < classes ? temperature : 0));
  const fitted = minimise(start, (parameters) => {
    const away = parameters.map((each, k) => each - (start[k] as number));
    let value = (precision * away.reduce((sum, each) => sum + each * each, 0)) / 2;
    const gradient = away.map((each) => precision * each);
    const hessian = gradient.map((_, k) => gradient.map((__, j) => (k === j ? precision : 0)));
    for (const { log, label } of images) {
      const q = softmax(log.map((each, c) => (parameters[c] as number) * each + (parameters[classes + c] as number)));
      value -= Math.log(q[label] as number);
      // Logit c depends on parameters c (by ln p_c) and classes + c (by 1).
      const by = (k: number): number => (k < classes ? (log[k] as number) : 1);
      for (let k = 0; k < size; k++) {
        const c = k % classes;
        gradient[k]! += ((q[c] as number) - (c === label ? 1 : 0)) * by(k);
        for (let j = 0; j < size; j++) {
          const d = j % classes;
          const covariance = (c === d ? (q[c] as number) : 0) - (q[c] as number) * (q[d] as number);
          (hessian[k] as number[])[j]! += covariance * by(k) * by(j);
        }
      }
    }
    return { value, gradient, hessian };
  });
  return { method: 'vector', scale: fitted.slice(0, classes), bias: fitted.slice(classes) };
}

/** Bins of confidence; as in Guo et al. 2017. */
const BINS = 15;

/**
 * Confidence against accuracy, in equal-width bins (i / 15, (i + 1) / 15] of the largest probability; ECE is the mean of
 * |accuracy - confidence| over the images' bins. Without images all is 0.
 *
 * Source: Naeini et al. 2015; Guo et al. 2017, eq. 3.
 */
export function reliabilityOf(images: readonly LabelledProbabilities[]): Reliability {
  const bins = Array.from({ length: BINS }, () => ({ count: 0, confidence: 0, accuracy: 0 }));
  let nll = 0;
  for (const { p, label } of images) {
    const confidence = Math.max(...Array.from(p));
    const bin = bins[Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1))] as (typeof bins)[number];
    bin.count++;
    bin.confidence += confidence;
    if (p[label] === confidence) bin.accuracy++;
    nll -= Math.log(Math.max(SMALLEST, p[label] as number));
  }
  const n = Math.max(1, images.length);
  const ece = bins.reduce((sum, { confidence, accuracy }) => sum + Math.abs(accuracy - confidence), 0) / n;
  const means = bins.map(({ count, confidence, accuracy }) => {
    const images = Math.max(1, count);
    return { count, confidence: confidence / images, accuracy: accuracy / images };
  });
  return { ece, nll: nll / n, bins: means };
}

/** Folds of the cross-fit. */
const FOLDS = 5;
/** Under the key of the split another than the split itself has, 0. */
const FOLDS_KEY = 1;

/**
 * Fits the scaling on all images, and measures it on images that it was not fitted on: each fifth is scaled by a fit to the
 * other four. Folds are dealt out class by class from shuffled images, so that each has its share of every class
 * and no pattern in the images' order shows.
 *
 * @param images calibration images: no training step saw them
 * @param seed the run's seed; the folds follow from it
 */
export function calibrate(
  images: readonly LabelledProbabilities[],
  classes: number,
  method: ScalingName,
  seed: number,
): ScalingFile {
  const fitted = fitScaling(images, classes, method);
  const before = reliabilityOf(images);
  if (fitted.method === 'none') return { ...fitted, before, after: before };
  const byClass = new RandomStream(deriveSeed(seed, 'split', FOLDS_KEY))
    .shuffle([...images])
    .sort((a, b) => a.label - b.label);
  const scaled = Array.from({ length: FOLDS }, (_, fold) => {
    const rest = byClass.filter((_, i) => i % FOLDS !== fold);
    const scaling = fitScaling(rest, classes, method);
    return byClass.filter((_, i) => i % FOLDS === fold).map(({ p, label }) => ({ p: calibrated(p, scaling), label }));
  });
  return { ...fitted, before, after: reliabilityOf(scaled.flat()) };
}
