import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import type { Ref } from '../contracts/references.js';
import type { RoundState, RunState, RunSummary, SelfTrainingInput } from '../contracts/run.js';
import type { SplitName } from '../contracts/dataset.js';
import type {
  ClusterCounts,
  ClusterOutput,
  OpenOutput,
  RelabelInput,
  RoundRecord,
  SampleOutput,
  StageResult,
  ThresholdInput,
  TrainOutput,
} from '../contracts/stages.js';
import { certifyRun } from './certify-run.js';
import { Control } from './control.js';
import { asFailure } from './failures.js';
import { completed } from './first-release.js';
import { learner, stages } from './stages.js';
import { slidingWindow, together } from './window.js';

/** What a round needs to know: the settings and references that don't change from here to its end. */
type Opened = Omit<RoundState, 'version' | 'labels' | 'history'> & { labels: Ref | null; history: Ref | null };

/** What came from where: seconds by stage, and the stages that the store had already. */
class Ledger {
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

/**
 * Labels a pool by Bayesian self-training (arXiv 1812.01681): each round trains a student from labels and pseudo-labels,
 * scores the pool with MC dropout, sets the cut-off, clusters, and decides every pool image anew. A round is a run of
 * its own in Temporal's sense (continue-as-new), so a history stays small however long it all takes.
 */
export async function selfTraining(input: SelfTrainingInput): Promise<RunSummary> {
  const state = stateOf(input);
  const control = new Control(initialState(state));
  for (let tries = 1; ; tries++) {
    try {
      return await round(control, input, state);
    } catch (error) {
      if (tries === TRIES_AT_LOST_BLOBS || !lostBlob(error)) throw asFailure(error, 'the run was cancelled');
      log.warn(
        'a stored result was lost, damaged or of another release; going through the round again, which makes it anew',
      );
    }
  }
}

/**
 * What the round before handed over. Continue-as-new alone writes it: whatever else starts a run with a `state`, or with
 * no settings at all, must reach the check of the settings, and not break the workflow's code, which would be tried for ever.
 */
const stateOf = (input: SelfTrainingInput): RoundState | undefined =>
  workflowInfo().continuedFromExecutionRunId === undefined ? undefined : input.state;

async function round(control: Control, input: SelfTrainingInput, state?: RoundState): Promise<RunSummary> {
  const ledger = new Ledger();
  const run = state ? { ...state, settings: completed(state.settings) } : await open(control, input, ledger);
  show(control, run);

  const students = await train(control, run, ledger);
  const models = students.map(({ model }) => model);
  const labelled = await sample(control, run, ledger, 'labelled', models, null);
  // Runs that an earlier release began score the pool first; the cut-off must come before passes that depend on it.
  const early = patched('cut-off before pool');
  const poolBefore = early ? null : await sample(control, run, ledger, 'pool', models, null);
  const cutoff = await threshold(control, run, ledger, labelled);
  const sequential = run.settings.sampling === 'sequential' && run.settings.posterior === 'mc-dropout';
  const pool = poolBefore ?? (await sample(control, run, ledger, 'pool', models, sequential ? cutoff.cutoff : null));
  const { clusters, clustering } = await cluster(control, run, ledger, pool.set, labelled.set);
  const crossFitted = await crossFit(control, run, ledger);
  const [student, ...others] = students as [TrainOutput, ...TrainOutput[]];
  const relabelled = await relabel(control, run, ledger, {
    model: student.model,
    pool: pool.set,
    cutoff: cutoff.cutoff,
    clusters,
    ...crossFitted?.labelling,
  });
  const test = run.shards.test > 0 ? await sample(control, run, ledger, 'test', models, null) : null;
  const record: Omit<RoundRecord, 'testAccuracy' | 'calibrationAccuracy'> = {
    round: run.round,
    model: student.model,
    members: others.map(({ model }) => model),
    labels: relabelled.labels,
    cutoff: cutoff.cutoff,
    clusters,
    pool: pool.set,
    counts: relabelled.counts,
    clustering,
    shift: null,
    labelled: labelled.set,
    estimate: cutoff.estimate,
    calibrationError: cutoff.calibrationError,
    conditional: null,
    ...crossFitted?.record,
    loss: student.loss,
    stopped: student.stopped,
    passes: pool.passes / Math.max(1, run.counts.pool),
    seconds: ledger.seconds,
    fromStore: ledger.fromStore,
  };
  const { history } = await control.stage('evaluate', (summary) =>
    stages.evaluate.executeWithOptions({ summary }, [
      {
        dataset: run.dataset,
        split: run.split,
        labelled: labelled.set,
        test: test?.set ?? null,
        history: run.history,
        record,
      },
    ]),
  );
  log.info('round done', { round: run.round, ...relabelled.counts });

  const next: RoundState = {
    ...run,
    version: 1,
    round: run.round + 1,
    labels: relabelled.labels,
    history,
    accepted: relabelled.counts.accepted,
    outliers: relabelled.counts.outliers,
  };
  if (run.round < run.settings.rounds) {
    await condition(allHandlersFinished);
    if (control.paused) next.pausedBy = 'user';
    else delete next.pausedBy;
    return continueAsNew<typeof selfTraining>({ ...run.settings, state: next });
  }
  show(control, { ...next, round: run.round });
  const comparison = run.hasTruth
    ? await control.stage('compare', (summary) =>
        stages.compare.executeWithOptions({ summary }, [{ dataset: run.dataset, history, salt: run.settings.salt }]),
      )
    : null;
  const audited = run.settings.certify ? await certifyRun(control, { ...run, history }, run.settings.certify) : null;
  const labels = audited?.refs?.labels ?? relabelled.labels;
  if (audited) Object.assign(control.state, { labels, budget: { ...run.budget, audit: audited.seen } });
  if (audited?.pool) Object.assign(control.state.pool, audited.pool);
  control.state.status = 'completed';
  control.remember();
  await condition(allHandlersFinished);
  return {
    history,
    labels,
    model: student.model,
    comparison: comparison?.comparison ?? null,
    truth: comparison?.last ?? null,
    rounds: run.round,
    ...(audited ? { audit: { audit: audited.audit, certificate: audited.refs?.certificate ?? null } } : {}),
  };
}

async function open(control: Control, input: SelfTrainingInput, ledger: Ledger): Promise<Opened> {
  const opened: OpenOutput = await control.stage('open', (summary) =>
    stages.open.executeWithOptions({ summary }, [{ settings: input }]),
  );
  const { settings, dataset } = opened;
  const parts = ledger.take(
    'split',
    await control.stage('split', (summary) =>
      stages.split.executeWithOptions({ summary }, [
        {
          dataset,
          calibrationShare: settings.calibrationShare,
          calibrationMost: settings.calibrationMost,
          validationShare: settings.validationShare,
          seed: settings.seed,
          salt: settings.salt,
        },
      ]),
    ),
  );
  return {
    ...opened,
    round: 1,
    split: parts.split,
    budget: { train: parts.train, validation: parts.validation, calibration: parts.calibration, audit: 0 },
    labels: opened.labels ?? null,
    history: null,
    accepted: 0,
    outliers: 0,
    startedAt: control.state.startedAt,
  };
}

/** One student, or the members of an ensemble; with `folds` a student a fold, which it does not see. */
async function train(control: Control, run: Opened, ledger: Ledger, folds?: number): Promise<TrainOutput[]> {
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

/** Scores one split, a shard an activity, and gathers the references into one. */
async function sample(
  control: Control,
  run: Opened,
  ledger: Ledger,
  split: SplitName,
  models: Ref[],
  cutoff: Ref | null,
  byFold?: { crossFit: true },
): Promise<{ set: Ref; passes: number }> {
  const { settings, round } = run;
  const shards = run.shards[split];
  // By shard: one that is scored again counts once.
  const passes = new Map<number, number>();
  const task = {
    dataset: run.dataset,
    split,
    models,
    ...byFold,
    posterior: settings.posterior,
    passes: settings.passes,
    precision: settings.precision,
    cutoff,
    seed: settings.seed,
    round,
    salt: settings.salt,
  };
  const scoreShard = async (shard: number): Promise<void> => {
    const summary = `round ${round}: sample ${split}, shard ${shard + 1} of ${shards}`;
    const scored: StageResult<SampleOutput> = await learner.sample.executeWithOptions({ summary }, [
      { ...task, shard },
    ]);
    passes.set(shard, ledger.take('sample', scored).passes);
    if (split === 'pool') control.shardsDone(passes.size);
  };
  return control.stage('sample', async () => {
    if (split === 'pool') control.state.shards = { done: 0, total: shards };
    await slidingWindow(shards, settings.window, scoreShard);
    for (;;) {
      const { set, missing } = await stages.gather({ ...task, shards });
      if (set) return { set, passes: [...passes.values()].reduce((sum, each) => sum + each, 0) };
      // A shard's result was damaged or another release wrote it since: score those again.
      await slidingWindow(missing.length, settings.window, (i) => scoreShard(missing[i] as number));
    }
  });
}

async function threshold(control: Control, run: Opened, ledger: Ledger, labelled: { set: Ref }) {
  const input = { ...wantedCutoff(run, labelled.set), ...(run.settings.crossFit ? { holdBack: true as const } : {}) };
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
async function crossFit(control: Control, run: Opened, ledger: Ledger) {
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

async function cluster(
  control: Control,
  run: Opened,
  ledger: Ledger,
  pool: Ref,
  labelled: Ref,
): Promise<{ clusters: Ref; clustering: ClusterCounts | null }> {
  const { settings } = run;
  // Histories of earlier releases have results without counts.
  const output: Omit<ClusterOutput, 'counts'> & { counts?: ClusterCounts } = ledger.take(
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
          seed: settings.seed,
          round: run.round,
          salt: settings.salt,
        },
      ]),
    ),
  );
  return { clusters: output.clusters, clustering: output.counts ?? null };
}

async function relabel(
  control: Control,
  run: Opened,
  ledger: Ledger,
  from: Pick<RelabelInput, 'model' | 'pool' | 'cutoff' | 'clusters' | 'foldModels' | 'seed'>,
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

function initialState(from: RoundState | undefined): RunState {
  return {
    status: from?.pausedBy ? 'paused' : 'running',
    round: from?.round ?? 1,
    rounds: from?.settings.rounds ?? 0,
    stage: from ? 'train' : 'open',
    shards: { done: 0, total: from?.shards.pool ?? 0 },
    budget: { train: 0, validation: 0, calibration: 0, audit: 0, ...from?.budget },
    pool: { total: 0, labelled: 0, open: 0, outliers: 0 },
    settings: from?.settings ?? null,
    dataset: from?.dataset ?? null,
    history: from?.history ?? null,
    labels: from?.labels ?? null,
    startedAt: from?.startedAt ?? Date.now(),
  };
}

/** Brings what people see up to date with the state that the round works on. */
function show(control: Control, run: Opened): void {
  const total = run.counts.pool;
  Object.assign(control.state, {
    round: run.round,
    rounds: run.settings.rounds,
    budget: run.budget,
    pool: { total, labelled: run.accepted, open: total - run.accepted - run.outliers, outliers: run.outliers },
    shards: { done: 0, total: run.shards.pool },
    settings: run.settings,
    dataset: run.dataset,
    history: run.history,
    labels: run.labels,
  });
  control.remember();
}

/**
 * A result that a later stage could not read, because it was damaged or removed, or because another release made it before
 * the hosts changed in the middle of a round, is made again by the stage that it came from when the round asks for it; all
 * else is still in the store. What no stage makes (a dataset) stays lost, so tries end.
 */
const TRIES_AT_LOST_BLOBS = 3;
const LOST = ['STORE_MISSING', 'STORE_DAMAGED', 'FORMAT_UNKNOWN'];

function lostBlob(error: unknown): boolean {
  const failed = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure;
  const cause = failed ? error.cause : undefined;
  return cause instanceof ApplicationFailure && LOST.includes(cause.type ?? '');
}
