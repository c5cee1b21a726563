import { changes, view, VIEW_WIDTH } from './augment.js';
import { teach, thresholdVariables } from './consistency.js';
import { dropoutMask } from './dropout.js';
import { heteroscedasticLoss } from './heteroscedastic.js';
import { normalisedSum, weightedMean } from './losses.js';
import { initialStatistics, initialWeights, splitStatistics, splitWeights } from './network.js';
import { decayMask, optimiserOf } from './optimise.js';
import { floatPixels } from './pixels.js';
import { pullLoss } from './pull.js';
import { normal } from './random-ops.js';
import { SideOutputs } from './side-outputs.js';
import type { Recipe, SeedPair } from '../contracts/learner.js';
import type { Augmentation } from './augment.js';
import type { Backend, Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from './backend.js';
import type { Teaching } from './consistency.js';
import type { FeedSpec, Step, Tensors } from './graph.js';
import type { Network, Output, Pass } from './network.js';

/** Share of the old value that batch normalisation's moving statistics keep in a step: Keras's default. */
const STATISTICS_MOMENTUM = 0.99;
/** The same for the moving averages of the human and the pseudo-labels' losses. */
const LOSS_MOMENTUM = 0.99;

/** What a student's step works on; one graph serves all steps of a training. */
export interface StudentShape {
  network: Network;
  recipe: Recipe;
  /** Pool images that a consistency student learns from; 0 for others. */
  pool: number;
  /** Whether batches hold labels of people and pseudo-labels: only then can their losses be brought to one scale. */
  mixed: boolean;
}

/** How the images of a recipe are changed: labelled ones, and the pool's two views. */
export function augmentations({
  weak,
  strong,
  consistency,
}: Recipe): Record<'labelled' | 'weak' | 'strong', Augmentation> {
  const gentle = { weak, strong: null };
  const both = { weak, strong };
  return { labelled: consistency ? gentle : both, weak: gentle, strong: both };
}

/** Pool images a step. */
export const unlabelledBatch = ({ batch, consistency }: Recipe): number => batch * (consistency?.ratio ?? 0);

/** Draws of a step: a mask a dropout layer, and the noise of the logits. */
export const seedsOf = ({ dropouts }: Network): number => dropouts + 1;

/** A training's variables with their first values; they are all that a step's result depends on but for its feeds. */
export function studentVariables({ network, recipe, pool, mixed }: StudentShape, seed: Readonly<SeedPair>) {
  const vector = (data: Float32Array) => ({ shape: [data.length], data });
  const weights = initialWeights(network, seed);
  const statistics = network.statistics.length > 0 ? { statistics: vector(initialStatistics(network)) } : {};
  const averaged = recipe.averaging > 0;
  return {
    weights: vector(weights),
    ...statistics,
    ...Object.fromEntries(optimiserOf(recipe).slots.map((slot) => [slot, vector(new Float32Array(weights.length))])),
    ...(averaged ? { 'average.weights': vector(weights.slice()) } : {}),
    ...(averaged && 'statistics' in statistics ? { 'average.statistics': vector(initialStatistics(network)) } : {}),
    ...(mixed && recipe.pseudoWeight !== null ? { 'loss.averages': vector(new Float32Array(2)) } : {}),
    ...(recipe.consistency ? thresholdVariables(recipe.consistency, network.spec.classes, pool) : {}),
  };
}

/** The feeds of a step. Images: the labelled ones, then the pool's. */
export function studentFeeds({ network, recipe }: StudentShape): Record<string, FeedSpec> {
  const { height, width, channels } = network.spec.image;
  const { batch } = recipe;
  const unlabelled = unlabelledBatch(recipe);
  const all = batch + unlabelled;
  const scalars = [...optimiserOf(recipe).numbers, ...(recipe.averaging > 0 ? ['averaging'] : [])];
  const float = (...shape: number[]): FeedSpec => ({ shape, dtype: 'float32' });
  return {
    pixels: { shape: [all, height, width, channels], dtype: 'uint8' },
    labels: float(batch, network.spec.classes),
    weights: float(batch),
    human: float(batch),
    seeds: { shape: [seedsOf(network), 2], dtype: 'int32' },
    ...(recipe.pull === undefined ? {} : { anchors: float(batch, network.featureWidth), anchored: float(batch) }),
    ...(changes(recipe) ? { views: float(all, VIEW_WIDTH) } : {}),
    ...(unlabelled > 0 ? { places: { shape: [unlabelled], dtype: 'int32' } } : {}),
    ...(unlabelled > 0 && recipe.weak ? { weakViews: float(unlabelled, VIEW_WIDTH) } : {}),
    ...Object.fromEntries(scalars.map((name) => [name, float()])),
  };
}

/**
 * One training step: forward, gradient, update. Outputs: `loss`, and for a consistency student `taught`, the share of the
 * pool's images that taught.
 *
 * Consistency: the weak views of pool images pass through the weights as they stand, without dropout, and where they are
 * certain they teach the strong views (FixMatch). The weights as they stand and not their average, as in the paper: an
 * average over a thousand steps lags most when there is most to learn. Labelled images and strong views share one pass.
 */
export function studentStep(backend: Backend, shape: StudentShape): Step {
  const { tf } = backend;
  const { network, recipe } = shape;
  const optimiser = optimiserOf(recipe);
  const decayed = decayMask(network);
  return (variables, feeds) => {
    const pixels = floatPixels(backend, feeds['pixels'] as Tensor4D);
    const teaching = recipe.consistency ? teachFromWeak(backend, shape, pixels, variables, feeds) : null;
    const { value, gradient, updates } = lossAndGradient(backend, shape, pixels, teaching, variables, feeds);
    const after = optimiser.update(
      backend,
      { weights: variables['weights'] as Tensor1D, gradient, decayed: tf.tensor1d(decayed), slots: variables },
      feeds,
    );
    const moved: Tensors = { weights: after.weights, ...after.slots, ...updates, ...teaching?.updates };
    return {
      outputs: { loss: value, ...(teaching ? { taught: tf.mean(teaching.mask) } : {}) },
      updates: { ...moved, ...(recipe.averaging > 0 ? averages(backend, moved, variables, feeds) : {}) },
    };
  };
}

/** What the weak views of the pool's images teach, without a gradient. */
function teachFromWeak(
  backend: Backend,
  { network, recipe }: StudentShape,
  pixels: Tensor4D,
  variables: Tensors,
  feeds: Tensors,
): Teaching {
  const pool = backend.tf.slice(pixels, [recipe.batch, 0, 0, 0]);
  const x = view(backend, pool, (feeds['weakViews'] ?? null) as Tensor2D | null, augmentations(recipe).weak);
  const pass: Pass = {
    backend,
    weights: splitWeights(backend, network, variables['weights'] as Tensor1D),
    statistics: splitStatistics(backend, network, (variables['statistics'] ?? null) as Tensor1D | null),
    // The moving statistics lag behind the weights as long as they move fast.
    normalisation: 'batch',
    mask: () => null,
  };
  const q: Tensor2D = backend.tf.softmax(network.head(pass, network.trunk(pass, x)).logits);
  return teach(
    backend,
    recipe.consistency as NonNullable<Recipe['consistency']>,
    q,
    feeds['places'] as Tensor1D,
    variables,
  );
}

function lossAndGradient(
  backend: Backend,
  shape: StudentShape,
  pixels: Tensor4D,
  teaching: Teaching | null,
  variables: Tensors,
  feeds: Tensors,
): { value: Scalar; gradient: Tensor1D; updates: Tensors } {
  const { tf } = backend;
  const { network, recipe } = shape;
  const x = studentImages(backend, recipe, pixels, feeds);
  const seeds = tf.unstack(feeds['seeds'] as Tensor2D);
  const noiseSeed = seeds[network.dropouts] as Tensor;
  const noise = normal(backend, [recipe.draws, x.shape[0], network.spec.classes], noiseSeed) as Tensor3D;
  const labels = feeds['labels'] as Tensor2D;
  const targets = teaching ? tf.concat([labels, teaching.targets]) : labels;
  const statistics = splitStatistics(backend, network, (variables['statistics'] ?? null) as Tensor1D | null);
  const side = new SideOutputs(backend);
  const loss = (...weights: Tensor[]): Scalar => {
    const pass: Pass = {
      backend,
      weights,
      statistics,
      normalisation: 'batch',
      mask: (sides, layer) =>
        recipe.dropout === 0 ? null : dropoutMask(backend, sides, recipe.dropout, seeds[layer] as Tensor),
      observe: (index, mean, variance) => {
        side.keep(`mean.${index}`, mean);
        side.keep(`variance.${index}`, variance);
      },
    };
    const { features, logits, logVariance }: Output = network.head(pass, network.trunk(pass, x));
    const losses = heteroscedasticLoss(backend, logits, logVariance, targets, noise);
    const sum = total(backend, shape, losses, teaching, variables, feeds, side);
    return recipe.pull === undefined ? sum : tf.add(sum, tf.mul(pullOf(backend, recipe, features, feeds), recipe.pull));
  };
  const parameters = splitWeights(backend, network, variables['weights'] as Tensor1D);
  const { value, grads } = tf.valueAndGrads(loss)(parameters);
  const gradient = tf.concat1d(grads.map((part) => part.flatten()));
  const { averages: lossAverages, ...observed } = side.take();
  const updates: Tensors = lossAverages ? { 'loss.averages': lossAverages } : {};
  if (network.statistics.length > 0) {
    const seen = network.statistics.flatMap((_, i) => [observed[`mean.${i}`], observed[`variance.${i}`]] as Tensor1D[]);
    updates['statistics'] = moving(backend, variables['statistics'] as Tensor, tf.concat1d(seen), STATISTICS_MOMENTUM);
  }
  return { value: value, gradient, updates };
}

/** Of the labelled images: a pool image that is learnt from for its consistency alone has no centroid. */
function pullOf(backend: Backend, { batch }: Recipe, features: Tensor2D, feeds: Tensors): Scalar {
  const labelled = backend.tf.slice(features, [0, 0], [batch, features.shape[1]]);
  return pullLoss(backend, labelled, feeds['anchors'] as Tensor2D, feeds['anchored'] as Tensor1D);
}

/** Labelled images, then strong views of the pool's. */
function studentImages(backend: Backend, recipe: Recipe, pixels: Tensor4D, feeds: Tensors): Tensor4D {
  const { tf } = backend;
  const { labelled, strong } = augmentations(recipe);
  const views = (feeds['views'] ?? null) as Tensor2D | null;
  if (!recipe.consistency) return view(backend, pixels, views, labelled);
  const at = [recipe.batch, unlabelledBatch(recipe)];
  const images = tf.split(pixels, at) as [Tensor4D, Tensor4D];
  const parts = views ? (tf.split(views, at) as [Tensor2D, Tensor2D]) : ([null, null] as const);
  return tf.concat([view(backend, images[0], parts[0], labelled), view(backend, images[1], parts[1], strong)]);
}

/** The loss of a step out of its items' losses, [batch + pool images]. */
function total(
  backend: Backend,
  { recipe, mixed }: StudentShape,
  losses: Tensor1D,
  teaching: Teaching | null,
  variables: Tensors,
  feeds: Tensors,
  side: SideOutputs,
): Scalar {
  const { tf } = backend;
  const { batch, consistency, pseudoWeight } = recipe;
  const [labelled, unlabelled] = teaching
    ? (tf.split(losses, [batch, unlabelledBatch(recipe)]) as [Tensor1D, Tensor1D])
    : [losses, null];
  const weights = feeds['weights'] as Tensor1D;
  const human = feeds['human'] as Tensor1D;
  let sum: Scalar = tf.div(tf.sum(tf.mul(labelled, weights)), batch);
  if (mixed && pseudoWeight !== null) {
    const h = weightedMean(backend, labelled, weights, human);
    const p = weightedMean(backend, labelled, weights, tf.sub(1, human));
    const averages = side.keep(
      'averages',
      moving(backend, variables['loss.averages'] as Tensor, tf.stack([h, p]), LOSS_MOMENTUM),
    );
    const [averageH, averageP] = tf.unstack(averages) as [Tensor, Tensor];
    sum = normalisedSum(backend, h, p, { human: averageH, pseudo: averageP }, pseudoWeight);
  }
  if (!unlabelled || !teaching || !consistency) return sum;
  const taught: Scalar = tf.div(tf.sum(tf.mul(unlabelled, teaching.mask)), unlabelledBatch(recipe));
  return tf.add(sum, tf.mul(taught, consistency.weight));
}

/** momentum * old + (1 - momentum) * seen */
const moving = ({ tf }: Backend, old: Tensor, seen: Tensor, momentum: number): Tensor =>
  tf.add(tf.mul(old, momentum), tf.mul(seen, 1 - momentum));

/** Averages over the steps of the weights, and of the statistics that belong to them. */
function averages({ tf }: Backend, moved: Tensors, variables: Tensors, feeds: Tensors): Tensors {
  const share = tf.sub(1, feeds['averaging'] as Tensor);
  return Object.fromEntries(
    ['weights', 'statistics']
      .filter((name) => `average.${name}` in variables)
      .map((name) => {
        const old = variables[`average.${name}`] as Tensor;
        return [`average.${name}`, tf.add(old, tf.mul(tf.sub(moved[name] as Tensor, old), share))];
      }),
  );
}

/**
 * Which decay the average of the weights has at a step: at first small, so that it does not keep the random start.
 * Source: TensorFlow's ExponentialMovingAverage with `num_updates`.
 */
export const averagingAt = ({ averaging }: Recipe, step: number): number =>
  Math.min(averaging, (1 + step) / (10 + step));
