import { ApplicationFailure, Context } from '@temporalio/activity';
import type { LearnerActivities, StageActivities } from '../../src/contracts/activities.js';
import type { BlobKind, Ref } from '../../src/contracts/references.js';
import type { Conditional } from '../../src/contracts/grades.js';
import { runSettings } from '../../src/contracts/settings.js';
import { AuditScript } from './audit-script.js';
import type {
  ClusterCounts,
  ClusterInput,
  RelabelInput,
  StageResult,
  ThresholdInput,
  TrainInput,
} from '../../src/contracts/stages.js';
import { QuestionsScript } from './questions-script.js';

/** A reference to nothing, told from others by its number. */
export const ref = (kind: BlobKind, n: number): Ref => ({ kind, sha256: n.toString(16).padStart(64, '0'), bytes: 1 });
const fresh = <T>(output: T): StageResult<T> => ({ output, key: 'k', cached: false, seconds: 1 });

const conditionalOf = ({ folds, same }: { folds: number; same: boolean }): Conditional => ({
  ...{
    grade: 'C',
    refused: 'two-sample',
    claim: null,
    epsilon: 0.02,
    release: 1,
    alpha: 0.025,
    totalAlpha: 0.05,
    folds,
  },
  calibration: { images: 20, accepted: 0, errors: 0 },
  twoSample: { p: same ? 1 : 0.001, level: 0.05, calibration: 20, pool: 80 },
});

/** What a run that adapts comes from. */
export const MOVED = {
  ...{
    dataset: ref('dataset/1', 51),
    split: ref('split/2', 52),
    model: ref('model/2', 53),
    cutoff: ref('cutoff/2', 54),
    labelled: ref('posterior-set/1', 55),
    clusters: ref('clusters/2', 56),
    labelledShards: 2,
  },
};

/** The order of things alone is under test here: activities answer with references to nothing. */
export class Script {
  readonly calls: string[] = [];
  inFlight = 0;
  mostInFlight = 0;
  missingOnce: number[] = [];
  missingForEver: number[] = [];
  hangIn: string | undefined;
  diesOnCancel = false;
  loseOnce: string | undefined;
  failIn: string | undefined;
  /** Calls that were told to stop and did. */
  readonly stopped: string[] = [];
  /** Mean passes a pool image, by round. */
  readonly passes: (number | null)[] = [];
  /** What the cluster stage was asked, and what the rounds' records keep of its answer. */
  readonly clusterInputs: ClusterInput[] = [];
  readonly clusterings: (ClusterCounts | null)[] = [];
  /** Labelled images of the dataset. */
  labelled = 100;
  private calibration = 0;
  /** What the other stages were asked. */
  readonly trainInputs: TrainInput[] = [];
  readonly relabelInputs: RelabelInput[] = [];
  readonly thresholdInputs: ThresholdInput[] = [];
  /** As releases before clusters had labels: their results have no counts. */
  oldClusters = false;
  /** Conditional estimates, by round. */
  readonly conditionals: (Conditional | null)[] = [];

  /** Of an adapting run, by round: whether the source's labelled images were scored, and its calibration error. */
  readonly adapted: { source: boolean; calibration: boolean }[] = [];

  /** Images outside every cluster, by round. */
  readonly shifts: (number | null)[] = [];

  /** The audit at the run's end. */
  readonly audit = new AuditScript();
  /** What people are asked without one. */
  readonly questions = new QuestionsScript();

  activities(shards: number): LearnerActivities & StageActivities {
    const note = async (name: string): Promise<void> => {
      this.calls.push(name);
      if (name === this.failIn) throw ApplicationFailure.nonRetryable('the loss is NaN', 'TRAINING_DIVERGED');
      if (name !== this.hangIn) return;
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), 100);
      try {
        await context.cancelled;
      } catch (error) {
        this.stopped.push(name);
        if (!this.diesOnCancel) throw error;
        throw ApplicationFailure.retryable('the worker ended', 'LEARNER_DIED');
      } finally {
        clearInterval(beat);
      }
    };
    return {
      ...this.audit.activities(),
      ...this.questions.activities(),
      open: async ({ settings }) => {
        await note('open');
        const checked = runSettings.safeParse(settings);
        if (!checked.success) throw ApplicationFailure.nonRetryable('settings can not be used', 'SETTINGS_INVALID');
        return {
          settings: checked.data,
          dataset: ref('dataset/1', 1),
          shards: { labelled: 1, pool: shards, test: 1 },
          counts: { labelled: this.labelled, pool: 1000, test: 100 },
          hasTruth: true,
          ...(checked.data.labelsFrom ? { labels: ref('labels/2', 9) } : {}),
          ...(checked.data.adapt ? { source: MOVED } : {}),
        };
      },
      split: async ({ calibrationShare, calibrationMost }) => {
        const calibration = (this.calibration = Math.min(
          Math.round(this.labelled * calibrationShare),
          calibrationMost ?? Infinity,
        ));
        return fresh({ split: ref('split/1', 2), train: this.labelled - calibration, validation: 0, calibration });
      },
      train: async (input) => {
        const { round, labels, member, leftOut } = input;
        this.trainInputs.push(input);
        const which = leftOut
          ? ` without fold ${leftOut.fold} of ${leftOut.folds}`
          : member === 0
            ? ''
            : ` member ${member}`;
        await note(`train ${round}${which} ${labels ? 'with' : 'without'} pseudo-labels`);
        const model = ref('model/1', 100 + round + 1000 * member);
        return fresh({
          ...{ model, steps: 1, loss: 0.1, parameters: 1, images: 1 },
          stopped: null,
          validationAccuracy: null,
        });
      },
      sample: async ({ dataset, split, shard, models, cutoff, crossFit }) => {
        this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
        await new Promise((resolve) => setImmediate(resolve));
        this.inFlight--;
        this.calls.push(
          `sample ${dataset.sha256 === MOVED.dataset.sha256 ? 'source ' : ''}${split} ${shard}${models.length > 1 ? ` by ${models.length}` : ''}${crossFit ? ' folds' : ''}${cutoff ? ' until settled' : ''}`,
        );
        return fresh({
          posteriors: ref('posteriors/1', shard),
          features: ref('features/1', shard),
          count: 4,
          passes: 40,
        });
      },
      gather: async ({ split }) => {
        const missing = split === 'pool' ? this.missingOnce : [];
        this.missingOnce = split === 'pool' ? [] : this.missingOnce;
        if (split === 'pool') missing.push(...this.missingForEver);
        return missing.length ? { set: null, missing } : { set: ref('posterior-set/1', 3), missing };
      },
      threshold: async (input) => {
        this.thresholdInputs.push(input);
        this.calls.push('threshold');
        return fresh({
          cutoff: ref('cutoff/1', 4),
          value: 1,
          estimate: { grade: 'C' as const, accepted: 1, errors: 0, error: 0, upper: 1, coverage: 1 },
          calibrationError: { before: 0.1, after: 0.05 },
          // As the stage does where too few images calibrate.
          ...(input.borrowed && this.calibration < 25 ? { borrowed: true as const } : {}),
        });
      },
      release: async ({ folds, labelled, pool }) => {
        this.calls.push(`release of ${folds} folds`);
        return fresh({
          ...{ cutoff: ref('cutoff/2', 7), value: 1 },
          estimate: { grade: 'C' as const, accepted: 1, errors: 0, error: 0, upper: 1, coverage: 1 },
          calibrationError: { before: 0.1, after: 0.05 },
          conditional: conditionalOf({ folds, same: labelled.sha256 === pool.sha256 }),
        });
      },
      cluster: async (input) => {
        this.calls.push('cluster');
        this.clusterInputs.push(input);
        if (this.loseOnce) {
          const code = this.loseOnce;
          this.loseOnce = undefined;
          throw ApplicationFailure.nonRetryable('no such blob', code);
        }
        const counts = { clusters: 30, mixed: 30, outliers: 10, duplicates: 0, suspects: 0 };
        const output = { clusters: ref('clusters/2', 5), parts: [], counts };
        return fresh(this.oldClusters ? ({ clusterCount: 30, ...output, counts: undefined } as never) : output);
      },
      choose: async () => fresh({ questions: ref('questions/1', 8) }),
      openShift: async ({ run, dataset }) => {
        await note(`open ${run} and ${dataset}`);
        return {
          known: {
            ...{ dataset: ref('dataset/1', 1), split: ref('split/1', 2), labelled: ref('posterior-set/1', 3) },
            clusters: ref('clusters/2', 5),
          },
          seen: { dataset: ref('dataset/1', 8), split: 'pool' },
          ...{ shards, models: [ref('model/1', 101), ref('model/1', 1101)], round: 2, trainedOn: false },
          sampling: { posterior: 'ensemble', passes: 1, precision: 'float32' },
        };
      },
      shift: async ({ seen, trainedOn, picture }) => {
        await note(`shift of ${seen.split}${trainedOn ? ', trained on' : ''}${picture ? ', with a picture' : ''}`);
        const summary = { tests: [], differs: true, outside: 7, expectedOutside: 2.5, moved: [] };
        return fresh({ summary, shift: ref('shift/1', 400) });
      },
      relabel: async (input) => {
        const { round, foldModels, cutoff } = input;
        this.relabelInputs.push(input);
        if (foldModels) this.calls.push(`relabel ${round} by ${foldModels.length} folds at ${cutoff.kind}`);
        return fresh({
          labels: ref('labels/1', 200 + round),
          counts: { accepted: 900, added: 900, kept: 0, flipped: 0, revoked: 0, open: 90, outliers: 10 },
        });
      },
      evaluate: async ({ record }) => {
        await note(`evaluate ${record.round}`);
        this.adapted.push({ source: record.sourceLabelled !== null, calibration: record.calibrationError !== null });
        this.passes.push(record.passes);
        this.clusterings.push(record.clustering);
        this.conditionals.push(record.conditional);
        this.shifts.push(record.shift?.outside ?? null);
        return { history: ref('history/1', 300 + record.round), testAccuracy: 0.9 };
      },
      compare: async () => ({
        comparison: ref('comparison/1', 6),
        last: {
          coverage: 0.9,
          labelError: 0.01,
          labelErrorInterval: { lower: 0, upper: 0.02 },
          kappa: 0.9,
          testAccuracy: 0.9,
          aurc: 0.01,
          coverageAt: [],
        },
      }),
    };
  }
}
