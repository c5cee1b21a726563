import { count, plural } from './format.js';
import type { DatasetManifest } from '../contracts/dataset.js';

/** The first screen of the demo. */
export const demoIntro: readonly string[] = [
  'Labels 10,000 real handwritten digits (MNIST, of 70,000) from 500 labels.',
  'Each round trains a Bayesian student, samples its uncertainty over the pool, and',
  'labels what it is sure of. At the end a random sample of the labels is audited and',
  'a certificate comes out. Dry run: the true labels are known and hidden; they answer',
  'the audit for people, and the comparison at the end reads them. Ctrl-C leaves this',
  'view, not the run.',
];

/** Ctrl-C in `run watch`. */
export const watchInterrupted = (run: string): string =>
  [
    `No longer watching; the run ${run} goes on without this terminal.`,
    `  labelloop run watch ${run}    watch it again`,
    `  labelloop run pause ${run}    let it rest at its next checkpoint`,
    `  labelloop run cancel ${run}   end it`,
    '  labelloop down    stop everything on this machine; what is done stays done',
  ].join('\n');

/** Ctrl-C in `audit start`. */
export const auditInterrupted = (run: string): string =>
  `No longer waiting; the audit goes on without this terminal: labelloop audit show ${run}`;

/** Ctrl-C in the demo. */
export const demoInterrupted: string = [
  'Everything keeps running; npm start goes on from here.',
  'labelloop down stops it, npm start resumes later.',
].join('\n');

/** Ctrl-C in `dataset import`. */
export const importInterrupted = (name: string): string =>
  `Import stopped; dataset '${name}' was not made. The same command begins it again.`;

/** A dataset in words: counts, classes, and what the import found. */
export function datasetLines(manifest: DatasetManifest): string[] {
  const { counts, image, notes, classes } = manifest;
  const shown = classes.slice(0, 20).join(', ');
  return [
    `Dataset ${manifest.name}: ${plural(counts.labelled, 'image')} labelled, ${count(counts.pool)} in the pool, ${count(counts.test)} for test.`,
    `${plural(classes.length, 'class', 'classes')}: ${shown}${classes.length > 20 ? ', …' : ''}`,
    `Model's size: ${image.height}x${image.width}, ${image.channels === 1 ? 'grey' : 'colour'}. Source: ${manifest.source.kind}, ${manifest.source.path}`,
    ...(manifest.inverted ? ['White and black are turned round, as --invert asked for.'] : []),
    ...(notes.duplicates > 0
      ? [`${plural(notes.duplicates, 'image')} had the content of another and became one with it.`]
      : []),
    ...(notes.testOverlap > 0
      ? [
          `${plural(notes.testOverlap, 'test image')} also in the labelled images or the pool: figures on the test split flatter the model.`,
        ]
      : []),
    ...(notes.skipped > 0 ? [`${plural(notes.skipped, 'bad image')} left out.`] : []),
    ...notes.examples.map((example) => `  ${example}`),
    ...(manifest.dryRun
      ? ["Dry run: the pool's true labels are known and hidden; only a run's closing comparison reads them."]
      : []),
  ];
}

/** After an import without unlabelled images: no run could start. */
export const nothingToLabel =
  'No image is unlabelled, so a run has nothing to label. Import with --keep-labels N to hide labels for a dry run.';

export const nextRunStart = (dataset: string): string => `Next: labelloop run start --dataset ${dataset} --watch`;

/** Ctrl-C while a comparison is waited for. */
export const shiftInterrupted = (run: string, dataset: string): string =>
  `The comparison goes on; its answer comes by the same command: labelloop shift ${run} ${dataset}`;
