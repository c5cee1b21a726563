import type { ImageShape } from '../contracts/dataset.js';
import type { ModelSpec, NetworkName, Recipe } from '../contracts/learner.js';
import type { StudentName } from '../contracts/presets.js';

/** What a recipe depends on. */
export interface RecipeInput {
  network: NetworkName;
  student: StudentName;
  image: ImageShape;
  /** Counted from 1. */
  round: number;
  /** Labelled and pseudo-labelled images. */
  items: number;
  /** Images of the pool. */
  pool: number;
  /** Overrides the recipe's own number of steps. */
  steps?: number | null;
  /** A student that is moved to a new dataset, and how many labels a class people gave there; absent: an ordinary one. */
  adapt?: { labelsAClass: number };
  /** There are centroids to pull features to. */
  pulled?: boolean;
  precision: Recipe['precision'];
}

/** The network of a round: DenseNet grows with the rounds, 12 at first and 24 later, as in arXiv 1812.01681. */
export const specOf = (network: NetworkName, image: ImageShape, classes: number, round: number): ModelSpec => ({
  network,
  image,
  classes,
  growth: network === 'densenet' ? Math.min(12 * round, 24) : null,
});

/**
 * The training recipe of a network and a student, for a new dataset without tuning. It stands with the learner's client
 * since the activity host needs it and must not load `learning`. A change here raises the version of the stage `train`.
 */
export function recipeOf(input: RecipeInput): Recipe {
  const recipe = {
    ...BASIS[input.network](input),
    ...LEARNING[input.student](input),
    student: input.student,
    precision: input.precision,
    ...(input.pulled ? { pull: PULL } : {}),
  };
  const moved = input.adapt ? move(recipe, input.adapt.labelsAClass) : recipe;
  return input.steps == null ? moved : { ...moved, steps: input.steps };
}

/**
 * For a student that starts from the weights of a source's model: it has less to learn, so it takes fewer steps. The rate
 * stays that of a fresh one: the features have far to go. Where labels are few, or lack a class,
 * little keeps a consistency student from finding few classes for all images, so that the shares of the classes are aligned.
 */
function move(recipe: Recipe, labelsAClass: number): Recipe {
  const { consistency } = recipe;
  const aligned = consistency && labelsAClass < FEW ? { consistency: { ...consistency, aligned: true as const } } : {};
  return { ...recipe, ...aligned, steps: Math.ceil(MOVED * recipe.steps) };
}

/** Labels a class below which shares are aligned; what was measured of it and of the steps is in docs/decisions.md. */
const FEW = 5;
/** Share of the steps. */
const MOVED = 0.4;

/** Weight of the pull to centroids: lambda. */
const PULL = 0.3;

type Basis = Omit<Recipe, 'student' | 'precision' | 'weak' | 'strong' | 'consistency' | 'averaging'>;
type Learning = Pick<Recipe, 'weak' | 'strong' | 'consistency' | 'averaging'> & Partial<Basis>;

/** Ribeiro et al. 2018, arXiv 1812.01681, as its code has it: 100 epochs, each with a look at the validation images. */
function densenet({ round, items }: RecipeInput): Basis {
  const batch = round === 1 ? 16 : 32;
  const epoch = Math.ceil(items / batch);
  return {
    steps: 100 * epoch,
    batch,
    optimiser: 'sgd',
    learningRate: 0.1,
    schedule: 'steps',
    // Keras's l2(1e-4) adds 1e-4 w^2 to the loss: a gradient of 2e-4 w.
    weightDecay: 2e-4,
    dropout: 0.2,
    draws: 100,
    humanShare: null,
    pseudoWeight: null,
    classWeights: true,
    validateEvery: epoch,
    patience: 50,
  };
}

/** The small network for digits. */
function compact({ image }: RecipeInput): Basis {
  return {
    steps: 1200,
    batch: batchFor(image, 96),
    optimiser: 'adamw',
    learningRate: 2e-3,
    schedule: 'cosine',
    weightDecay: 0.02,
    dropout: 0.5,
    draws: 20,
    humanShare: 0.25,
    pseudoWeight: 1,
    classWeights: false,
    validateEvery: 100,
    // The cosine ends the training: much of what it reaches, it reaches as the rate falls.
    patience: 0,
  };
}

/** The small network for photos; figures in docs/decisions.md. */
function resnet(input: RecipeInput): Basis {
  return {
    ...compact(input),
    batch: batchFor(input.image, 64),
    optimiser: 'sgd',
    learningRate: 0.06,
    weightDecay: 5e-4,
    // It drops whole channels of the last block, and features after that: half of both is more than a short training bears.
    dropout: 0.2,
  };
}

const BASIS: Record<NetworkName, (input: RecipeInput) => Basis> = { compact, resnet, densenet };

/** Left and right are swapped in photographs alone: a mirrored digit is another sign, or none. */
const distortion = ({ network, image }: RecipeInput, erase: number): NonNullable<Recipe['weak']> => ({
  ...(network === 'resnet' ? SHIFTED : TURNED),
  erase,
  flip: image.channels === 3 ? 0.5 : 0,
});

const TURNED = { shift: 0.07, rotation: 12, scale: 0.1 };
/** 4 of 32 pixels, as for CIFAR since He et al. 2015; photos are taken upright, and turning blurs what has few pixels. */
const SHIFTED = { shift: 0.125, rotation: 0, scale: 0 };

const LEARNING: Record<StudentName, (input: RecipeInput) => Learning> = {
  supervised: () => ({ weak: null, strong: null, consistency: null, averaging: 0 }),
  augmented: (input) => ({ weak: distortion(input, 0.3), strong: null, consistency: null, averaging: 0 }),
  // FixMatch has batches of 64 with 7 pool images a labelled one. On MNIST, 300 labels, held-out training images, at like cost
  // (40 to 48 CPU seconds): 64 and 7 for 600 steps label 94.8 % at 1 % error, 64 and 3 for 1,000 steps 95.8, 32 and 3 for
  // 2,000 steps 97.0.
  consistency: (input) => ({
    weak: distortion(input, 0),
    strong: { operations: 2, magnitude: 0.5 },
    consistency: { ratio: 3, threshold: 0.95, thresholds: 'fixed', weight: 1 },
    averaging: 0.99,
    batch: batchFor(input.image, 32),
    // A larger pool has more to teach, but not each of its images needs to be seen as often.
    steps: 100 * Math.round(20 * Math.sqrt(Math.max(1, input.pool / 10_000))),
  }),
};

/** Images of up to 128 x 128 take the whole batch; larger ones take less, so that the activations fit into memory. */
function batchFor({ height, width }: ImageShape, whole: number): number {
  return Math.max(Math.ceil(whole / 6), Math.min(whole, Math.floor((whole * 4 * 64 * 64) / (height * width))));
}
