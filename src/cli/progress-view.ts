import { hasEnded } from '../contracts/run-status.js';
import { count, duration, fit, oneLine, percent } from './format.js';
import type { RunProgress, StageName } from '../contracts/run.js';

/** What a stage does, for someone who sees it for the first time. */
const stageWords: Record<StageName, string> = {
  open: 'checking settings and dataset',
  split: 'parting labelled images into training and calibration',
  train: 'the student learns from labels and pseudo-labels',
  sample: 'stochastic passes over the pool',
  threshold: 'choosing the cut-off from the calibration labels',
  release: 'testing what the held-back calibration labels say of the pool',
  cluster: 'grouping the pool, marking outliers',
  choose: 'choosing what to ask',
  shift: 'comparing with what is known',
  questions: 'waiting for answers',
  relabel: 'accepting, keeping, flipping, revoking labels',
  evaluate: 'measuring the round on test images',
  compare: 'comparing with the hidden truth',
  freeze: 'listing the labels that are audited',
  audit: 'people check a random sample of the labels',
  certify: 'issuing the certificate, correcting labels',
};

const BAR = 24;

/** A live block of four lines, and a line for each task that had to be tried again. */
export function progressLines(progress: RunProgress, columns = 80): string[] {
  const { stage, pool } = progress;
  const status = progress.status === 'running' ? '' : `  (${progress.status})`;
  const words = stage === null ? idleWords(progress) : `${stage}: ${stageWords[stage]}`;
  const accepted = `  accepted ${acceptedOf(pool)}   open ${count(pool.open)}   outliers ${count(pool.outliers)}`;
  const lines = hasEnded(progress.status)
    ? [`${progress.run}  ${roundOf(progress)}${status}`, accepted]
    : [
        `${progress.run}  ${roundOf(progress)}${status}  ${words}`,
        `  ${bar(fractionOf(progress))}  ${workOf(progress)}`,
        accepted,
        progress.status === 'paused'
          ? `  go on: labelloop run resume ${progress.run}`
          : progress.waitsFor !== null
            ? `  ${oneLine(progress.waitsFor)}`
            : `  time left ${progress.secondsLeft === null ? 'not known yet' : `about ${duration(progress.secondsLeft)}`}`,
        ...warnings(progress).map((line) => `  ${line}`),
      ];
  return lines.map((line) => fit(line.trimEnd(), columns));
}

/** The same in one line, for logs. */
export function progressLine(progress: RunProgress): string {
  const left = progress.secondsLeft === null ? '' : `, about ${duration(progress.secondsLeft)} left`;
  const status = progress.status === 'running' ? '' : ` (${progress.status})`;
  return [
    `${roundOf(progress)}${status}`,
    progress.stage ?? idleWords(progress),
    workOf(progress),
    progress.waitsFor === null ? `accepted ${acceptedOf(progress.pool)}${left}` : oneLine(progress.waitsFor),
  ]
    .filter((part) => part !== '')
    .join('  ');
}

/** What a run without a stage is doing: it has ended, or no worker has answered yet. */
const idleWords = ({ status }: RunProgress): string =>
  status === 'waiting' ? 'no worker answers yet' : status === 'running' ? 'starting' : '';

/** A sentence for each task on its second attempt or later. */
export const warnings = (progress: RunProgress): string[] =>
  progress.tasks
    .filter((task) => task.attempt > 1)
    .map(
      (task) =>
        `! ${task.stage}: attempt ${task.attempt}` +
        (task.lastFailure === null ? '' : `, since the last one failed: ${oneLine(task.lastFailure)}`),
    );

const roundOf = (progress: RunProgress): string =>
  progress.rounds === 0 ? `round ${progress.round}` : `round ${progress.round}/${progress.rounds}`;

const acceptedOf = (pool: RunProgress['pool']): string =>
  pool.total === 0
    ? count(pool.labelled)
    : `${count(pool.labelled)} of ${count(pool.total)} (${percent(pool.labelled / pool.total)})`;

/** Shards, steps or images done, speed and loss: whatever the stage has. */
function workOf(progress: RunProgress): string {
  const { stage, shards } = progress;
  const tasks = progress.tasks.filter((task) => task.stage === stage);
  const speed = tasks.reduce((sum, task) => sum + task.imagesPerSecond, 0);
  const loss = tasks.find((task) => task.loss !== null)?.loss ?? null;
  const step = tasks.find((task) => task.total > 0);
  return [
    stage === 'sample' && shards.total > 0 ? `shards ${count(shards.done)}/${count(shards.total)}` : '',
    stage !== 'sample' && step ? `${stage === 'train' ? 'step ' : ''}${count(step.done)}/${count(step.total)}` : '',
    speed > 0 ? `${count(speed)} images/s` : '',
    loss === null ? '' : `loss ${loss.toFixed(3)}`,
  ]
    .filter((part) => part !== '')
    .join('  ');
}

/** How much of the stage is done, between 0 and 1; null where nothing counts it. */
function fractionOf(progress: RunProgress): number | null {
  const tasks = progress.tasks.filter((task) => task.stage === progress.stage && task.total > 0);
  const inTasks = tasks.reduce((sum, task) => sum + task.done / task.total, 0);
  const { done, total } = progress.shards;
  if (progress.stage === 'sample' && total > 0) return Math.min(1, (done + inTasks) / total);
  return tasks.length === 0 ? null : Math.min(1, inTasks / tasks.length);
}

function bar(fraction: number | null): string {
  if (fraction === null) return `[${' '.repeat(BAR)}]     `;
  const full = Math.round(fraction * BAR);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${String(Math.floor(fraction * 100)).padStart(3)} %`;
}

/**
 * Shows progress where it is looked at: a block that is redrawn on a terminal, and lines elsewhere (one at each change
 * of round, stage or status, and at most one every five seconds between).
 */
export interface ProgressDisplay {
  show(progress: RunProgress): void;
  /** Leaves the last state on the screen. */
  end(): void;
}

const REDRAW_MS = 250;
const LOG_MS = 5_000;

interface Screen {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

/** The display that suits the stream. */
export const progressDisplay = (screen: Screen, now: () => number = () => performance.now()): ProgressDisplay =>
  screen.isTTY ? liveBlock(screen, now) : progressLog(screen, now);

function liveBlock(screen: Screen, now: () => number): ProgressDisplay {
  let height = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let pending: RunProgress | null = null;
  const draw = (progress: RunProgress): void => {
    const lines = progressLines(progress, screen.columns ?? 80);
    // Up to the block's first line, then clear to the end of the screen: the new block may have fewer lines.
    const back = height === 0 ? '' : `\u001b[${height}A\u001b[J`;
    screen.write(`${back}${lines.join('\n')}\n`);
    height = lines.length;
    drawnAt = now();
    pending = null;
  };
  return {
    show(progress) {
      if (now() - drawnAt >= REDRAW_MS) draw(progress);
      else pending = progress;
    },
    end() {
      if (pending !== null) draw(pending);
    },
  };
}

function progressLog(screen: Screen, now: () => number): ProgressDisplay {
  let last = '';
  let writtenAt = Number.NEGATIVE_INFINITY;
  let warned = new Set<string>();
  return {
    show(progress) {
      const at = `${progress.round} ${progress.stage} ${progress.status}`;
      if (at !== last || now() - writtenAt >= LOG_MS) {
        screen.write(`${progressLine(progress)}\n`);
        writtenAt = now();
        last = at;
      }
      const warning = warnings(progress);
      for (const line of warning) if (!warned.has(line)) screen.write(`${line}\n`);
      warned = new Set(warning);
    },
    end: () => undefined,
  };
}
