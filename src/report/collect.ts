import type { Labelloop } from '../client/index.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { Ref } from '../contracts/references.js';
import { shiftFile } from '../contracts/shift.js';
import type { RoundRecord } from '../contracts/stages.js';
import type { LabelRow } from '../contracts/tables.js';
import { decodeTable, readGroups, tables } from '../store/index.js';
import { anyCutoffFile, chartedCutoff, drawableCutoff } from './cutoff.js';
import { EntropyHistogram } from './histogram.js';
import { pngAt } from './pixels.js';
import { drawSuspects } from './suspects.js';
import type { Gallery, Picture, ReportExtra } from './types.js';

/** Pictures a montage. */
const PICTURES = 24;

interface Shown {
  row: LabelRow;
  /** Position in the pool. */
  position: number;
  /** True class; -1 where unknown. */
  truth: number;
}

/** Reads what a report shows beyond the run's view: one pass over the labels, and the pixels of the pictures. */
export async function collect(labelloop: Labelloop, run: string): Promise<ReportExtra | null> {
  const [settings, manifest] = [await labelloop.settings(run), await labelloop.dataset(run)];
  const record = (await labelloop.roundRecords(run)).at(-1);
  if (!settings || !manifest) return null;
  const empty = {
    settings,
    classes: manifest.classes,
    classCounts: null,
    histogram: null,
    confusion: null,
    cutoff: null,
    latents: [],
    moved: null,
    pictures: [],
    suspects: [],
  };
  if (!record) return empty;
  const comparison = await labelloop.truth(run);
  const cutoff = await labelloop.store.readJson(record.cutoff, anyCutoffFile);
  // Hidden labels are shown only once the run is over: they are part of its closing comparison.
  const truth = comparison ? await hiddenLabels(labelloop, manifest) : new Map<string, number>();
  const { classCounts, histogram, galleries } = await scan(labelloop, manifest, record, truth);
  return {
    ...empty,
    classCounts,
    histogram: histogram.result(drawableCutoff(cutoff)),
    cutoff: chartedCutoff(cutoff),
    latents: (await shiftFileOf(labelloop, record.shiftFile))?.picture ?? [],
    moved: record.moved && {
      before: await shiftFileOf(labelloop, record.moved.before),
      after: await shiftFileOf(labelloop, record.moved.after),
    },
    confusion: comparison?.confusion ?? null,
    pictures: await Promise.all(galleries.map((gallery) => draw(labelloop, manifest, gallery))),
    suspects: record.clusters.kind === 'clusters/2' ? await drawSuspects(labelloop, run, manifest) : [],
  };
}

const shiftFileOf = async ({ store }: Labelloop, file: Ref | null) => file && (await store.readJson(file, shiftFile));

async function hiddenLabels({ store }: Labelloop, { truth }: DatasetManifest): Promise<Map<string, number>> {
  if (!truth) return new Map();
  const rows = await decodeTable(tables.answers, await store.readBytes(truth));
  return new Map(rows.map((row) => [row.id, row.label]));
}

interface Montage {
  title: string;
  caption: string;
  shown: Shown[];
}

async function scan({ store }: Labelloop, manifest: DatasetManifest, record: RoundRecord, truth: Map<string, number>) {
  const byEntropy = ({ row }: Shown): number => row.predictive_entropy;
  const montages: { title: string; caption: string; best: Best; takes: (shown: Shown) => boolean }[] = [
    {
      title: 'Wrong labels',
      caption: 'Labels in force that differ from the hidden truth, the most certain first.',
      best: new Best((shown) => -byEntropy(shown)),
      takes: ({ row, truth: answer }) => answer >= 0 && row.label >= 0 && row.label !== answer,
    },
    {
      title: 'Labels just under the cut-off',
      caption: 'The most uncertain images that were labelled.',
      best: new Best(byEntropy),
      takes: ({ row }) => row.status === 'accepted',
    },
    {
      title: 'Left for people',
      caption: 'The most uncertain images; the class is what the model would have said.',
      best: new Best(byEntropy),
      takes: ({ row }) => row.status === 'open',
    },
    {
      title: 'Outliers',
      caption: 'Far from every group of the pool; never labelled by the model.',
      best: new Best(byEntropy),
      takes: ({ row }) => row.status === 'outlier',
    },
    {
      title: 'Flipped in the last round',
      caption: 'Their label changed.',
      best: new Best(byEntropy),
      takes: ({ row }) => row.change === 'flip',
    },
    {
      title: 'Revoked in the last round',
      caption: 'They had a label and lost it.',
      best: new Best(byEntropy),
      takes: ({ row }) => row.change === 'revoke',
    },
    {
      title: 'The most certain labels',
      caption: 'The images that the model is surest of.',
      best: new Best((shown) => -byEntropy(shown)),
      takes: ({ row }) => row.status === 'accepted',
    },
  ];
  const classCounts = new Array<number>(manifest.classes.length).fill(0);
  const histogram = new EntropyHistogram(manifest.classes.length);
  let position = 0;
  for await (const group of readGroups(tables.labels, await store.fetch(record.labels))) {
    for (const row of group) {
      if (row.label >= 0) classCounts[row.label]!++;
      histogram.add(row);
      const shown = { row, position: position++, truth: truth.get(row.id) ?? -1 };
      for (const montage of montages) if (montage.takes(shown)) montage.best.offer(shown);
    }
  }
  const galleries: Montage[] = montages.map(({ title, caption, best }) => ({ title, caption, shown: best.items }));
  return { classCounts, histogram, galleries };
}

/** Keeps the few with the highest score of a stream. */
class Best {
  readonly items: Shown[] = [];

  constructor(private readonly score: (shown: Shown) => number) {}

  offer(shown: Shown): void {
    const score = this.score(shown);
    const last = this.items.at(-1);
    if (this.items.length === PICTURES && last && score <= this.score(last)) return;
    const at = this.items.findIndex((item) => this.score(item) < score);
    this.items.splice(at < 0 ? this.items.length : at, 0, shown);
    if (this.items.length > PICTURES) this.items.pop();
  }
}

async function draw({ store }: Labelloop, manifest: DatasetManifest, montage: Montage): Promise<Gallery> {
  const items: Picture[] = [];
  for (const { row, position, truth } of montage.shown) {
    const png = await pngAt(store, manifest, 'pool', position);
    if (!png) continue;
    items.push({
      png,
      label: manifest.classes[row.predicted] ?? '',
      ...(truth >= 0 ? { truth: manifest.classes[truth] ?? '' } : {}),
      note: `H ${row.predictive_entropy.toFixed(3)}`,
    });
  }
  return { title: montage.title, caption: montage.caption, items };
}
