import {
  allHandlersFinished,
  condition,
  ContinueAsNew,
  continueAsNew,
  isCancellation,
  log,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import type { RoundState, RunState, RunSummary, SelfTrainingInput } from '../contracts/run.js';
import type { OpenOutput, RoundRecord, TrainOutput } from '../contracts/stages.js';
import { certifyRun } from './certify-run.js';
import { compareAfter, comparePool } from './compare-pool.js';
import { Control } from './control.js';
import { asFailure, lostBlob, TRIES_AT_LOST_BLOBS } from './failures.js';
import { moveIn } from './move-in.js';
import { completed } from './first-release.js';
import { stages } from './stages.js';
import {
  cluster,
  crossFit,
  heardOf,
  Ledger,
  relabel,
  sample,
  sampleSource,
  samplingOf,
  threshold,
  train,
} from './steps.js';
import type { Opened } from './steps.js';

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
      if (tries === TRIES_AT_LOST_BLOBS || !lostBlob(error)) {
        const failure = asFailure(error, 'the run was cancelled');
        // Whoever asks an ended run gets the state that it ended with.
        if (!(failure instanceof ContinueAsNew))
          control.state.status = isCancellation(failure) ? 'cancelled' : 'failed';
        throw failure;
      }
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
  const groups = await cluster(control, run, ledger, pool.set, labelled.set);
  const { clusters } = groups;
  const compared = await comparePool(control, run, ledger, { labelled: labelled.set, pool: pool.set, clusters });
  const crossFitted = await crossFit(control, run, ledger);
  const [student, ...others] = students as [TrainOutput, ...TrainOutput[]];
  const relabelled = await relabel(control, run, ledger, {
    model: student.model,
    pool: pool.set,
    cutoff: cutoff.cutoff,
    clusters,
    // Nothing is known of its error here: clusters must agree with the model.
    ...(cutoff.borrowed ? { by: 'agreement' as const } : {}),
    ...crossFitted?.labelling,
  });
  const sourceLabelled = await sampleSource(control, run, ledger, models);
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
    clustering: groups.counts,
    ...compared,
    moved: run.adapting
      ? {
          before: run.adapting.before,
          after: await compareAfter(control, run, ledger, { labelled: sourceLabelled, pool: pool.set, clusters }),
        }
      : null,
    labelled: labelled.set,
    sourceLabelled,
    estimate: cutoff.estimate,
    // A borrowed cut-off's is the other run's.
    calibrationError: cutoff.borrowed ? null : cutoff.calibrationError,
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
        sampling: samplingOf(run.settings),
        ...(run.adapting ? { source: heardOf(run.adapting) } : {}),
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
    ...(run.adapting ? { adapting: { ...run.adapting, clusters } } : {}),
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
  const fresh: Opened = {
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
  if (!opened.source) return fresh;
  show(control, fresh);
  return { ...fresh, ...(await moveIn(control, fresh, opened.source, ledger)) };
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
