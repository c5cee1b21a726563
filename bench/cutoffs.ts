import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { classwiseCutoffs, targetErrorCutoff } from '../src/labelling/cutoff.js';
import type { ScoredImage } from '../src/labelling/cutoff.js';

/*
 * One cut-off against one a class, on simulated images with a known law, as a Markdown table:
 *     node dist/bench/cutoffs.js
 * An image's score is uniform; the chance that it is wrong grows with the score, and for some classes faster than for others.
 * The pool is the law itself, 20,000 draws: calibration images are a fair sample of it, which self-training's are not.
 */
export interface Simulation {
  calibration: number;
  targetError: number;
  classes: number;
  repeats: number;
  seed: number;
}

export interface Outcome {
  /** Mean true error of what is accepted, over the repeats that accept anything. */
  error: number;
  /** Share of the repeats whose true error exceeds the target, and one and a half times it. */
  above: number;
  farAbove: number;
  coverage: number;
}

const POOL = 20_000;

/** Steepness by class: from easy to hard. */
function draw(stream: RandomStream, classes: number): ScoredImage {
  const predicted = stream.integer(classes);
  const score = stream.uniform();
  const hardness = 0.05 + (0.75 * predicted) / (classes - 1);
  return { score, predicted, correct: stream.uniform() >= hardness * score ** 4 };
}

/** Common and class-wise cut-offs on the same draws. */
export function simulateCutoffs(simulation: Simulation): { common: Outcome; classwise: Outcome } {
  const { calibration, targetError, classes, repeats, seed } = simulation;
  const key = deriveSeed(seed, 'split');
  const poolStream = new RandomStream(key, 0);
  const pool = Array.from({ length: POOL }, () => draw(poolStream, classes));
  const trials = Array.from({ length: repeats }, (_, repeat) => {
    const stream = new RandomStream(key, repeat + 1);
    const images = Array.from({ length: calibration }, () => draw(stream, classes));
    return {
      common: truthOf(pool, new Array<number>(classes).fill(targetErrorCutoff(images, targetError, 1))),
      classwise: truthOf(pool, classwiseCutoffs(images, targetError, 1, classes)),
    };
  });
  const outcome = (of: 'common' | 'classwise'): Outcome => {
    const accepting = trials.map((trial) => trial[of]).filter(({ accepted }) => accepted > 0);
    const errors = accepting.map(({ accepted, wrong }) => wrong / accepted);
    const share = (limit: number) => errors.filter((error) => error > limit).length / repeats;
    return {
      error: errors.reduce((a, b) => a + b, 0) / Math.max(1, errors.length),
      above: share(targetError),
      farAbove: share(1.5 * targetError),
      coverage: trials.reduce((sum, trial) => sum + trial[of].accepted, 0) / (repeats * POOL),
    };
  };
  return { common: outcome('common'), classwise: outcome('classwise') };
}

function truthOf(pool: readonly ScoredImage[], values: readonly number[]): { accepted: number; wrong: number } {
  let [accepted, wrong] = [0, 0];
  for (const { score, predicted, correct } of pool) {
    if (!(score <= (values[predicted] as number))) continue;
    accepted++;
    if (!correct) wrong++;
  }
  return { accepted, wrong };
}

function main(): void {
  const percent = (share: number): string => (100 * share).toFixed(2);
  console.log('| labels | target % | cut-off | true error % | above target % | above 1.5 x target % | coverage % |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const [calibration, targetError] of [
    [200, 0.02],
    [200, 0.05],
    [1000, 0.02],
    [1000, 0.05],
  ] as const)
    // prettier-ignore
    for (const [name, { error, above, farAbove, coverage }] of Object.entries(
      simulateCutoffs({ calibration, targetError, classes: 10, repeats: 300, seed: 1 }),
    ))
      console.log(
        `| ${calibration} | ${percent(targetError)} | ${[name, ...[error, above, farAbove, coverage].map(percent)].join(' | ')} |`,
      );
}

if (process.argv[1] === import.meta.filename) main();
