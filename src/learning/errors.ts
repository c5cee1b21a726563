import { messageOf, problem } from '../contracts/errors.js';
import type { ImageShape } from '../contracts/dataset.js';

/** All that can go wrong with tensors, as a user reads it. */
export const learningErrors = {
  /** The compute library could not be loaded. */
  unavailable: (cause: unknown) =>
    problem(
      'LEARNER_UNAVAILABLE',
      `the compute library (@tensorflow/tfjs-node-gpu) could not be loaded: ${messageOf(cause).split('\n')[0]}. ` +
        `'labelloop doctor' says what is missing and how to mend it.`,
      cause,
    ),
  /** An operation asked for more memory than there is. */
  outOfMemory: (cause: unknown) =>
    problem(
      'LEARNER_OUT_OF_MEMORY',
      `out of memory: ${messageOf(cause).split('\n')[0]}. Import the dataset at a smaller image size, or use a device with more memory.`,
      cause,
    ),
  /** The loss is no number any more, or so large that the student knows less than one that guesses. */
  diverged: (step: number, loss: number, guessing: number) =>
    problem(
      'TRAINING_DIVERGED',
      `the training loss ${Number.isFinite(loss) ? `rose to ${loss.toPrecision(4)}` : `became ${loss}`} by step ${step}; guessing ` +
        `has ${guessing.toPrecision(3)}. Check the labels and the images, start the run with another seed, or use 'precision: float32' ` +
        `where it is bfloat16.`,
    ),
  cancelled: () => problem('CANCELLED', 'the task was stopped.'),
  noItems: (path: string) => problem('SHAPE_MISMATCH', `${path}: nothing to train on.`),
  noPool: () =>
    problem('SHAPE_MISMATCH', 'a consistency student learns from the pool, and the task names no pool images.'),
  itemLength: (path: string, name: string, got: number, expected: number) =>
    problem('SHAPE_MISMATCH', `${path}: got ${got} of '${name}', expected ${expected}.`),
  itemOutOfRange: (path: string, row: number, what: string) =>
    problem('SHAPE_MISMATCH', `${path}: item ${row} has a ${what} that is out of range.`),
  /** A pixel file is not a whole number of images, or shorter than the rows that are asked for. */
  pixelFile: (path: string, bytes: number, image: ImageShape, rows?: number) =>
    problem(
      'SHAPE_MISMATCH',
      `${path}: ${bytes} bytes, expected ${rows === undefined ? 'whole images' : `at least ${rows} images`} of ` +
        `${image.height}x${image.width}x${image.channels}.`,
    ),
  notAModel: (path: string, what: string) => problem('FORMAT_UNKNOWN', `${path}: ${what}.`),
  /** A member of an ensemble takes other images or has other classes than the first. */
  otherImages: (path: string) =>
    problem('SHAPE_MISMATCH', `${path}: a model of other images or classes than the first one; sample it by itself.`),
  /** A training can start from a model of the same network and images alone. */
  otherStart: (path: string, what: string, got: unknown, expected: unknown) =>
    problem(
      'SHAPE_MISMATCH',
      `${path}: a model with ${what} ${JSON.stringify(got)}, and the training is of ${JSON.stringify(expected)}; it can't start ` +
        `from it. Start from a model of the same network, images and classes (more may be added), or from fresh weights.`,
    ),
  noAnchors: () =>
    problem('SHAPE_MISMATCH', 'a recipe with a pull needs centroids, and the task names none: leave out `pull`.'),
  otherWidth: (path: string, shape: readonly number[], width: number) =>
    problem('SHAPE_MISMATCH', `${path}: centroids [${shape.join(', ')}], expected [k, ${width}], k of at least 1.`),
  otherTask: (path: string) =>
    problem('SHAPE_MISMATCH', `${path}: a checkpoint of another task; it can't be resumed here. Start without it.`),
  /** A step wants a value in JavaScript while it is traced. */
  traceReads: (step: string) =>
    problem(
      'INTERNAL',
      `step '${step}': reads a tensor's values (dataSync, data, array, print; tf.gather does, for its indices) while it is ` +
        `traced, and a compiled step has values only when it runs. Return the tensor as an output, or compute with ` +
        `tensors (backend.op('GatherV2') for tf.gather).`,
    ),
  traceType: (step: string, what: string) =>
    problem('INTERNAL', `step '${step}': ${what} is of a type that graphs here don't have. Cast it, or leave it out.`),
  traceVaries: (step: string, where: string) =>
    problem(
      'INTERNAL',
      `step '${step}': ${where}, differs between two traces, and a compiled step would keep the first. ` +
        `Make what changes (a seed, a rate, a counter) a feed, and random tensors with the ops of random-ops.ts.`,
    ),
  nestedTrace: (step: string, what: string) =>
    problem('INTERNAL', `step '${step}': ${what} while it is traced. Call the plain function in its place.`),
  notATensor: (step: string, kind: string, name: string, what: string) =>
    problem('INTERNAL', `step '${step}': its ${kind} '${name}' is ${what}. Return a tensor that the step made.`),
  unknownName: (step: string, kind: string, name: string, known: readonly string[]) =>
    problem('INTERNAL', `step '${step}': no ${kind} '${name}' was declared, only ${known.join(', ') || 'none'}.`),
  valueMismatch: (step: string, what: string, got: string, expected: string) =>
    problem('SHAPE_MISMATCH', `step '${step}': ${what} is ${got}, expected ${expected}. Compile one step a shape.`),
  /** TensorFlow does not take a graph: most often an attribute that it infers when it runs an op alone. */
  graphRefused: (step: string, cause: unknown) =>
    problem('INTERNAL', `step '${step}': TensorFlow refuses its graph: ${messageOf(cause).split('\n')[0]}`, cause),
  stepDisposed: (step: string) => problem('INTERNAL', `step '${step}': used after it was disposed.`),
};

/** Whether an error of the compute library says that memory ran out. */
export const isOutOfMemory = (error: unknown): boolean =>
  /resource.?exhausted|\bOOM\b|out of memory|bad_alloc/i.test(messageOf(error));
