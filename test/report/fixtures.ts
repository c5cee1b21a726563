import type { CutoffFile } from '../../src/contracts/stages.js';
import type { RunView } from '../../src/contracts/run.js';
import { runView } from '../../src/contracts/run.js';
import { runSettings } from '../../src/contracts/settings.js';
import { clopperPearson } from '../../src/labelling/statistics.js';
import { EntropyHistogram } from '../../src/report/histogram.js';
import type { ReportExtra } from '../../src/report/types.js';

const digest = (letter: string): string => letter.repeat(64);

/** A finished dry run of three rounds on a pool of 10,000; `changes` go over it. */
export function finishedRun(changes: Partial<RunView> = {}): RunView {
  const accepted = [8713, 9288, 9412];
  const rounds = accepted.map((labels, i) => {
    const before = accepted[i - 1] ?? 0;
    const revoked = [0, 41, 63][i]!;
    const outliers = [61, 66, 68][i]!;
    const wrong = [96, 104, 92][i]!;
    return {
      round: i + 1,
      accepted: labels,
      added: labels - before + revoked,
      kept: before && before - revoked - 20,
      flipped: before && 20,
      revoked,
      open: 10_000 - labels - outliers,
      outliers,
      seconds: [95.2, 131.7, 128.4][i]!,
      modelDigest: digest('abc'[i]!),
      testAccuracy: [0.9671, 0.9792, 0.9814][i]!,
      estimate: {
        grade: 'C' as const,
        error: [0.0142, 0.0131, 0.0185][i]!,
        upper: [0.0334, 0.0318, 0.0401][i]!,
        coverage: 0.93,
      },
      stopped: null,
      calibrationError: { before: 0.031, after: 0.012 },
      clustering: { clusters: 30, mixed: 2, outliers: 68, duplicates: 12, suspects: 3 },
      passes: 30,
      fromStore: i === 0 ? ['split', 'train'] : [],
      truth: {
        coverage: labels / 10_000,
        labelError: wrong / labels,
        labelErrorInterval: clopperPearson(wrong, labels),
        kappa: 1 - (1.11 * wrong) / labels,
        testAccuracy: [0.9671, 0.9792, 0.9814][i]!,
        aurc: 0.0014,
        coverageAt: [],
      },
    };
  });
  return runView.parse({
    run: 'mnist-500',
    status: 'completed',
    error: null,
    dataset: 'mnist',
    dryRun: true,
    round: 3,
    stage: null,
    budget: { train: 300, validation: 0, calibration: 200, audit: 0 },
    pool: { total: 10_000, labelled: 9412, open: 520, outliers: 68 },
    rounds,
    audit: null,
    certificate: null,
    labelsDigest: digest('d'),
    labels: { kind: 'labels/1', sha256: digest('d'), bytes: 481_223 },
    model: { kind: 'model/1', sha256: digest('c'), bytes: 1_204_711 },
    truth: rounds.at(-1)?.truth ?? null,

    conditional: null,
    shift: null,
    report: null,
    startedAt: '2026-11-24T20:01:07.000Z',
    endedAt: '2026-11-24T20:07:42.000Z',
    ...changes,
  } satisfies RunView);
}

/** A cut-off at .33 of an overconfident model, whose temperature mends half of it; `changes` go over it. */
export function cutoff(changes: Partial<CutoffFile> = {}): CutoffFile {
  const counts = [0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 8, 10, 14, 25, 120];
  const bins = (gap: number) =>
    counts.map((count, i) => {
      const confidence = count === 0 ? 0 : (i + 0.6) / 15;
      return { count, confidence, accuracy: Math.max(0, confidence - gap * (1 - confidence)) };
    });
  return {
    format: 'labelloop.cutoff/2',
    score: 'predictive-entropy',
    rule: 'target-error',
    values: new Array<number>(10).fill(0.33),
    classwise: false,
    top: null,
    scaling: {
      method: 'temperature',
      scale: new Array<number>(10).fill(0.8),
      bias: new Array<number>(10).fill(0),
      before: { ece: 0.0412, nll: 0.31, bins: bins(0.6) },
      after: { ece: 0.0187, nll: 0.27, bins: bins(0.2) },
    },
    estimate: { grade: 'C', accepted: 186, errors: 2, error: 2.5 / 187, upper: 0.0335, coverage: 0.93 },
    ...changes,
  };
}

/** The run's further figures: ten classes, a bell of entropies, a confusion matrix; without pictures. */
export function figures(changes: Partial<ReportExtra> = {}): ReportExtra {
  const classes = Array.from({ length: 10 }, (_, i) => String(i));
  const histogram = new EntropyHistogram(10);
  for (let i = 0; i < 2000; i++) {
    // Evenly spread quantiles of a logistic law on the logarithm.
    const u = (i + 0.5) / 2000;
    const entropy = Math.min(2.3, Math.exp(-4.6 + 1.1 * Math.log(u / (1 - u))));
    const status = i % 147 === 0 ? 'outlier' : entropy <= 0.33 ? 'accepted' : 'open';
    for (let copy = 0; copy < 5; copy++) histogram.add({ status, predictive_entropy: entropy });
  }
  return {
    settings: runSettings.parse({ dataset: 'mnist', seed: 7 }),
    classes,
    classCounts: classes.map((_, i) => 930 + ((i * 37) % 60)),
    histogram: histogram.result(0.33),
    confusion: classes.map((_, i) =>
      classes.map((__, j) => (i === j ? 925 + i : (i * 7 + j * 3) % 11 === 0 ? i + j : 0)),
    ),
    cutoff: cutoff(),
    latents: [],
    moved: null,
    pictures: [],
    suspects: [],
    ...changes,
  };
}
