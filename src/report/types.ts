import type { RunSettings } from '../contracts/settings.js';
import type { ShiftFile } from '../contracts/shift.js';
import type { CutoffFile } from '../contracts/stages.js';
import type { LabelStatus } from '../contracts/tables.js';

/** How the pool's predictive entropies lie, by what became of the images. `EntropyHistogram` fills it. */
export interface EntropyCounts {
  /** Ascending, in nats; bin i is [edges[i], edges[i + 1]). */
  edges: readonly number[];
  /** Images a bin, edges.length - 1 numbers each. */
  counts: Readonly<Record<LabelStatus, readonly number[]>>;
  /** The last round's cut-off; null where it is not one number on the predictive entropy. */
  cutoff: number | null;
}

/** One image of a montage. */
export interface Picture {
  png: Uint8Array;
  /** Class that the model gave or would give. */
  label: string;
  /** True class; a dry run only. */
  truth?: string;
  /** A few words below the image, e.g. its entropy. */
  note: string;
}

/** A montage: e.g. most certain labels, most uncertain labels, open images, outliers, flipped, wrong labels. */
export interface Gallery {
  title: string;
  caption: string;
  items: readonly Picture[];
}

/** What a report shows beyond the run's view. */
export interface ReportExtra {
  settings: RunSettings;
  /** Class names, in the dataset's order. */
  classes: readonly string[];
  /** Labels in force by class, [classes]; null before the first round ended. */
  classCounts: readonly number[] | null;
  histogram: EntropyCounts | null;
  /** confusion[truth][label] of the labels in force; null where the truth is unknown. */
  confusion: readonly (readonly number[])[] | null;
  /** The last round's cut-off and calibration; null before the first round ended, and in runs of 0.1.0. */
  cutoff: CutoffFile | null;
  /** Labelled images and pool as the last model sees them; empty where they were not laid out. */
  latents: ShiftFile['picture'];
  /** Of an adapting run: its pool beside the images that its model comes from, before and after it moved. */
  moved: { before: ShiftFile | null; after: ShiftFile | null } | null;
  pictures: readonly Gallery[];
  /** Labels of people that model and cluster deny, the least credible first; `label` is what people said. */
  suspects: readonly Picture[];
}
