import { borrowedWords, isBorrowed } from '../contracts/borrowed-words.js';
import { conditionalWords } from '../contracts/grades.js';
import { shiftWords } from '../contracts/shift-words.js';
import { auditLines } from './audit-lines.js';
import { count, duration, pairs, percent, plural, table } from './format.js';
import { questionLines } from './questions.js';
import type { RunView } from '../contracts/run.js';
import type { Column } from './format.js';

type Round = RunView['rounds'][number];

const NONE = '-';

/**
 * The rounds of a run, a row each. With the truth: the label error and its 95 % interval, and kappa. Without: what the
 * calibration labels estimate, called an estimate.
 */
export function roundTable(view: RunView, width?: number): string[] {
  const known = view.rounds.some((round) => round.truth !== null);
  const columns: [Column, (round: Round) => string][] = [
    [right('round'), (round) => String(round.round)],
    [right('accepted'), (round) => count(round.accepted)],
    [right('added'), (round) => count(round.added)],
    [right('flipped'), (round) => count(round.flipped)],
    [right('revoked'), (round) => count(round.revoked)],
    [right('for people'), (round) => count(round.open + round.outliers)],
    ...(known
      ? ([
          [{ title: 'label error' }, labelError],
          [right('kappa'), (round) => round.truth?.kappa?.toFixed(3) ?? NONE],
        ] as [Column, (round: Round) => string][])
      : ([
          [
            { title: 'estimate (upper)' },
            ({ estimate }) =>
              estimate.coverage > 0 ? `${percent(estimate.error)} (${percent(estimate.upper)})` : NONE,
          ],
        ] as [Column, (round: Round) => string][])),
    [right('test accuracy'), (round) => (round.testAccuracy === null ? NONE : percent(round.testAccuracy))],
    [right('seconds'), (round) => round.seconds.toFixed(1)],
    [right('from store'), (round) => (round.fromStore.length === 0 ? NONE : plural(round.fromStore.length, 'stage'))],
  ];
  return table(
    columns.map(([column]) => column),
    view.rounds.map((round) => columns.map(([, cell]) => cell(round))),
    width,
  );
}

const right = (title: string): Column => ({ title, align: 'right' });

function labelError({ truth }: Round): string {
  if (truth?.labelError == null) return NONE;
  const interval = truth.labelErrorInterval;
  const range =
    interval === null ? '' : ` [${(interval.lower * 100).toFixed(2)}, ${(interval.upper * 100).toFixed(2)}]`;
  return `${percent(truth.labelError)}${range}`;
}

/** Which stages were taken from the store, rounds with the same ones together; empty where all was computed. */
export function fromStoreLines(view: RunView): string[] {
  const groups = new Map<string, number[]>();
  for (const { round, fromStore } of view.rounds) {
    if (fromStore.length === 0) continue;
    const stages = [...new Set(fromStore)].join(', ');
    groups.set(stages, [...(groups.get(stages) ?? []), round]);
  }
  return [...groups].map(
    ([stages, rounds]) => `From the store, not computed again, in round ${rounds.join(', ')}: ${stages}.`,
  );
}

const STOPPED = {
  converged: 'its loss no longer fell',
  validation: 'the validation images saw no better one',
} as const;

/** Which students were done before their last step, and why. */
const stoppedLines = (view: RunView): string[] =>
  view.rounds.flatMap(({ round, stopped }) =>
    stopped === null ? [] : [`Round ${round}: training ended early, as ${STOPPED[stopped]}.`],
  );

/** What the last round's clusters give people to look at. */
export function lookLines({ run, rounds }: RunView): string[] {
  const clustering = rounds.at(-1)?.clustering;
  if (!clustering) return [];
  const { clusters, mixed, suspects, duplicates } = clustering;
  return [
    ...(suspects === 0
      ? []
      : [
          `Look at: ${plural(suspects, 'label')} of people that model and cluster deny: labelloop labels suspects ${run}`,
        ]),
    ...(duplicates === 0
      ? []
      : [
          `${plural(duplicates, 'image')} of the pool ${duplicates === 1 ? 'looks' : 'look'} like another one: labelloop labels duplicates ${run}`,
        ]),
    `Clusters: ${count(clusters)}, of which ${count(mixed)} have no label.`,
  ];
}

/** What the figures are worth, in words. */
export function gradeLines(view: RunView): string[] {
  const last = view.rounds.at(-1);
  const statement = [...shiftLines(view), ...(view.conditional ? conditionalWords(view.conditional) : [])];
  const estimate = last ? [...statement, ...estimateLines(view, last), ...calibrationLines(last)] : [];
  if (!view.dryRun) return estimate;
  const compared = view.rounds.some((round) => round.truth !== null);
  return compared
    ? [
        'Label error: measured on the whole pool, in brackets its exact 95 % interval (Clopper-Pearson).',
        ...estimate,
        "Dry run: the pool's true labels were hidden at import and used for this comparison alone.",
      ]
    : [...estimate, "Dry run: the pool's true labels are hidden; the closing comparison alone will read them."];
}

/** A pool that is unlike the labelled images; where no difference was found there is nothing to say. */
const shiftLines = ({ run, shift }: RunView): string[] =>
  shift?.differs
    ? [
        ...shiftWords(shift, { known: 'the calibration images', seen: 'the pool', together: true }),
        `Labels of such images are worth less than the estimate says: labelloop report ${run} shows them.`,
      ]
    : [];

function estimateLines({ run, budget: { calibration } }: RunView, last: Round): string[] {
  if (isBorrowed(last)) return borrowedWords(run);
  const { error, upper, coverage } = last.estimate;
  // Nothing accepted, nothing to estimate: the figures are those of no image at all.
  if (coverage === 0)
    return [
      'The cut-off accepts nothing: no calibration result met the target error.',
      // (errors + 1/2) / (accepted + 1), as in labelling/cutoff.ts, with all of them right.
      `At best, ${plural(calibration, 'calibration label')} can show ${percent(0.5 / (calibration + 1))}.`,
      'More labels, more --steps or a higher --target-error help.',
    ];
  return [
    `Estimate (grade C): label error ${percent(error)}, upper limit ${percent(upper)}, on calibration labels ` +
      'that steered the run.',
    'It promises nothing.',
  ];
}

const calibrationLines = ({ calibrationError: error }: Round): string[] =>
  error === null
    ? []
    : [
        `Probabilities: calibration error ${percent(error.before)} as sampled, ${percent(error.after)} as exported, ` +
          'on calibration labels.',
      ];

/** The end of `run watch` and of the demo: the table, what it is worth, where things are. */
export const resultLines = (view: RunView, width?: number): string[] => [
  ...roundTable(view, width),
  ...fromStoreLines(view),
  ...stoppedLines(view),
  '',
  ...gradeLines(view),
  ...lookLines(view),
  '',
  ...certifiedLines(view),
  ...whereLines(view),
];

/** The audit and what it came to, grade A, the only one that promises; and what people are asked without one. */
const certifiedLines = ({ audit, certificate, earlierCertificates = [], questions, run }: RunView): string[] =>
  audit === null && certificate === null && !questions
    ? []
    : [
        ...(certificate
          ? [
              `Certificate (grade A): ${certificate.statement}`,
              ...earlierCertificates.map((one) => `Certificate of audit ${one.audit}: ${one.statement}`),
              `Check it: labelloop certificate export ${run} --out ${run}-certificate`,
            ]
          : []),
        ...(audit ? auditLines(audit) : []),
        ...(questions ? questionLines(questions) : []),
        '',
      ];

/** Where the labels, the model and the report are. */
export function whereLines(view: RunView): string[] {
  const { budget, pool } = view;
  const people = budget.train + budget.validation + budget.calibration + budget.audit;
  return pairs([
    [
      'People',
      `${plural(people, 'label')}: ${count(budget.train)} for training, ${budget.validation > 0 ? `${count(budget.validation)} for validation, ` : ''}${count(budget.calibration)} for calibration, ${count(budget.audit)} for audit`,
    ],
    ...(view.labelsDigest === null
      ? []
      : ([
          ['Labels', `${count(pool.labelled)} of ${plural(pool.total, 'image')}, SHA-256 ${view.labelsDigest}`],
          ['', `labelloop labels export ${view.run} --out ${view.run}.parquet`],
        ] as const)),
    // contracts/references.ts: a blob's place in the store follows from its digest.
    ...(view.model === null
      ? []
      : ([
          ['Model', `object sha256/${view.model.sha256.slice(0, 2)}/${view.model.sha256} in the object store`],
        ] as const)),
    ['Report', view.report ?? `labelloop report ${view.run}`],
  ]);
}

/** A run as `run show` prints it. */
export function runLines(view: RunView, width?: number): string[] {
  const stage = view.stage === null ? '' : `, ${view.stage}`;
  const took = view.endedAt === null ? null : (Date.parse(view.endedAt) - Date.parse(view.startedAt)) / 1000;
  const { pool } = view;
  return [
    ...pairs([
      ['Run', view.run],
      ['Status', view.error === null ? view.status : `${view.status}: ${view.error.code}: ${view.error.message}`],
      ['Dataset', `${view.dataset ?? NONE}${view.dryRun ? ' (dry run)' : ''}`],
      ['Round', `${view.round}${stage}`],
      [
        'Pool',
        `${count(pool.labelled)} of ${count(pool.total)} labelled, ${count(pool.open)} open, ${count(pool.outliers)} outliers`,
      ],
      ['Started', `${view.startedAt}${took === null ? '' : `, took ${duration(took)}`}`],
    ]),
    '',
    ...(view.rounds.length > 0 ? resultLines(view, width) : whereLines(view)),
  ];
}
