import { scoreShards } from './score.js';
import { together } from './window.js';
import { learner, stages } from './stages.js';
import type { Control } from './control.js';
import type { SplitName } from '../contracts/dataset.js';
import type { Heard } from '../contracts/heard.js';
import type { Ref } from '../contracts/references.js';
import type { Adapting, RoundState } from '../contracts/run.js';
import type { RunSettings } from '../contracts/settings.js';
import type { Sampling } from '../contracts/shift.js';
import type {
  ClusterCounts,
  RelabelInput,
  SampleOutput,
  StageResult,
  ThresholdInput,
  TrainOutput,
} from '../contracts/stages.js';

/*
 * The steps of a round, each as the activities that it takes.
 */

/** What a round needs to know: the settings and references that don't change from here to its end. */
export type Opened = Omit<RoundState, 'version' | 'labels' | 'history'> & { labels: Ref | null; history: Ref | null };

/** What came from where: seconds by stage, and the stages that the store had already. */
export class Ledger {
  readonly seconds: Record<string, number> = {};
  private readonly computed = new Set<string>();
  private readonly cached = new Set<string>();

  take<T>(stage: string, result: StageResult<T>): T {
    this.seconds[stage] = Math.round(((this.seconds[stage] ?? 0) + result.seconds) * 1000) / 1000;
    (result.cached ? this.cached : this.computed).add(stage);
    return result.output;
  }

  /** Stages of which no part was computed anew. */
  get fromStore(): string[] {
    return [...this.cached].filter((stage) => !this.computed.has(stage));
  }
}

/** One student, or the members of an ensemble; with `folds` a student a fold, which it does not see. */
export async function train(control: Control, run: Opened, ledger: Ledger, folds?: number): Promise<TrainOutput[]> {
  const { settings } = run;
  const members = folds ?? (settings.posterior === 'ensemble' ? settings.members : 1);
  const trained = await control.stage('train', (summary) =>
    together(
      Array.from(
        { length: members },
        (_, member) => () =>
          learner.train.executeWithOptions(
            {
              summary:
                members === 1
                  ? summary
                  : `${summary}, ${folds ? 'without fold' : 'member'} ${member + 1} of ${members}`,
            },
            [
              {
                dataset: run.dataset,
                split: run.split,
                labels: run.labels,
                network: settings.network,
                student: settings.student,
                weights: settings.weights,
                steps: settings.steps ?? null,
                precision: settings.precision,
                member,
                // No key where there are no folds: inputs are addresses in the store.
                ...(folds ? { leftOut: { folds, fold: member } } : {}),
                ...moved(run.adapting),
                seed: settings.seed,
                round: run.round,
                salt: settings.salt,
              },
            ],
          ),
      ),
    ),
  );
  return trained.map((result) => ledger.take('train', result));
}

/** Not what else is known of the source: it would change what a student is computed from. */
export const heardOf = ({ source: { dataset, split, labels, earlier } }: Adapting): Heard => ({
  ...{ dataset, split },
  ...(labels ? { labels } : {}),
  ...(earlier ? { earlier } : {}),
});

/** What an adapting run's students start from: the model that moves, the images that it learnt from, where the groups lie. */
const moved = (adapting: Opened['adapting']) =>
  adapting && {
    recipe: 'adapt' as const,
    source: heardOf(adapting),
    initial: adapting.source.model,
    anchors: adapting.clusters,
  };

/**
 * Scores one split, a shard an activity, and gathers the references into one.
 *
 * @param of whose images, where they are not the run's
 */
export async function sample(
  control: Control,
  run: Opened,
  ledger: Ledger,
  split: SplitName,
  models: Ref[],
  cutoff: Ref | null,
  byFold?: { crossFit: true },
  of: { dataset: Ref; shards: number } = { dataset: run.dataset, shards: run.shards[split] },
): Promise<{ set: Ref; passes: number }> {
  const { settings, round } = run;
  const { dataset, shards } = of;
  // By shard: one that is scored again counts once.
  const passes = new Map<number, number>();
  const task = {
    dataset,
    split,
    models,
    ...byFold,
    ...samplingOf(settings),
    cutoff,
    seed: settings.seed,
    round,
    salt: settings.salt,
  };
  const onShard = (shard: number, scored: StageResult<SampleOutput>): void => {
    passes.set(shard, ledger.take('sample', scored).passes);
    if (split === 'pool') control.shardsDone(passes.size);
  };
  return control.stage('sample', async () => {
    if (split === 'pool') control.state.shards = { done: 0, total: shards };
    const set = await scoreShards({ ...task, shards }, settings.window, onShard);
    return { set, passes: [...passes.values()].reduce((sum, each) => sum + each, 0) };
  });
}

/**
 * How an adapting run's last model sees the images that its source's people labelled: what is known where hardly anyone has
 * labelled anything here (client/novel.ts).
 *
 * @returns null in all other rounds and runs
 */
export async function sampleSource(control: Control, run: Opened, ledger: Ledger, models: Ref[]): Promise<Ref | null> {
  const { adapting, round, settings } = run;
  if (!adapting || round < settings.rounds) return null;
  const { dataset, labelledShards: shards } = adapting.source;
  return (await sample(control, run, ledger, 'labelled', models, null, undefined, { dataset, shards })).set;
}

/** How a run looks at images. */
export const samplingOf = ({ posterior, passes, precision }: RunSettings): Sampling => ({
  posterior,
  passes,
  precision,
});

export async function threshold(control: Control, run: Opened, ledger: Ledger, labelled: { set: Ref }) {
  const { settings, adapting } = run;
  const input = {
    ...wantedCutoff(run, labelled.set),
    ...(settings.crossFit ? { holdBack: true as const } : {}),
    ...(adapting ? { borrowed: adapting.source.cutoff } : {}),
  };
  return ledger.take(
    'threshold',
    await control.stage('threshold', (summary) => stages.threshold.executeWithOptions({ summary }, [input])),
  );
}

/** What a cut-off is chosen by. */
const wantedCutoff = ({ settings, dataset, split }: Opened, labelled: Ref): Omit<ThresholdInput, 'holdBack'> => ({
  dataset,
  split,
  labelled,
  rule: settings.threshold,
  score: settings.score,
  limit: settings.limit,
  classwise: settings.classwise,
  targetError: settings.targetError,
  scaling: settings.scaling,
  seed: settings.seed,
  salt: settings.salt,
});

/**
 * The release of a run with `crossFit`, in its last round: the pool's labels come from students that never saw the image, and
 * the conditional estimate is made of them. Every image gets all passes: pool and calibration images have to be scored alike.
 *
 * @returns what replaces the round's own labelling and record; undefined in all other rounds and runs
 */
export async function crossFit(control: Control, run: Opened, ledger: Ledger) {
  const folds = run.settings.crossFit;
  if (folds === undefined || run.round < run.settings.rounds) return undefined;
  const models = (await train(control, run, ledger, folds)).map(({ model }) => model);
  const labelled = await sample(control, run, ledger, 'labelled', models, null, { crossFit: true });
  const pool = await sample(control, run, ledger, 'pool', models, null, { crossFit: true });
  const input = { ...wantedCutoff(run, labelled.set), pool: pool.set, folds, release: 1 };
  const { cutoff, estimate, calibrationError, conditional } = ledger.take(
    'release',
    await control.stage('release', (summary) => stages.release.executeWithOptions({ summary }, [input])),
  );
  return {
    labelling: { pool: pool.set, cutoff, foldModels: models, seed: run.settings.seed },
    record: { pool: pool.set, cutoff, estimate, calibrationError, conditional },
  };
}

export async function cluster(
  control: Control,
  run: Opened,
  ledger: Ledger,
  pool: Ref,
  labelled: Ref,
): Promise<{ clusters: Ref; counts: ClusterCounts | null }> {
  const { settings } = run;
  const { clusters, counts } = ledger.take(
    'cluster',
    await control.stage('cluster', (summary) =>
      stages.cluster.executeWithOptions({ summary }, [
        {
          dataset: run.dataset,
          pool,
          clustersPerClass: settings.clustersPerClass,
          labelled,
          split: run.split,
          labels: run.labels,
          ...(run.adapting && !run.adapting.labelled ? { sharesOf: run.adapting.source.dataset } : {}),
          seed: settings.seed,
          round: run.round,
          salt: settings.salt,
        },
      ]),
    ),
  );
  // Results that a release before recorded have no counts by this name.
  return { clusters, counts: counts ?? null };
}

/** Images to ask people about, those first whose answers label most. */
export async function choose(
  control: Control,
  { dataset, labels, settings: { adapt, seed, salt }, round }: Opened,
  ledger: Ledger,
  from: { clusters: Ref; pool: Ref },
): Promise<Ref> {
  // Some can't be answered, and are made up for by others.
  const limit = Math.min(MOST_ASKED, 2 * (adapt?.ask ?? 1));
  const input = { ...from, dataset, labels, limit, seed, round, salt };
  return ledger.take(
    'choose',
    await control.stage('choose', (summary) => stages.choose.executeWithOptions({ summary }, [input])),
  ).questions;
}

const MOST_ASKED = 5000;

export async function relabel(
  control: Control,
  run: Opened,
  ledger: Ledger,
  from: Pick<RelabelInput, 'model' | 'pool' | 'cutoff' | 'clusters' | 'foldModels' | 'seed' | 'by'>,
) {
  const { dataset, round, labels, settings } = run;
  return ledger.take(
    'relabel',
    await control.stage('relabel', (summary) =>
      stages.relabel.executeWithOptions({ summary }, [
        { ...from, dataset, round, previous: labels, tenure: settings.labels, salt: settings.salt },
      ]),
    ),
  );
}
