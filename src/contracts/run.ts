import { z } from 'zod';
import { auditState, certificate } from './audit.js';
import { conditional } from './grades.js';
import { questionsState } from './questions.js';
import { ref } from './references.js';
import { runStatuses } from './run-status.js';
import { shiftSummary } from './shift.js';
import { calibrationError, clusterCounts, labelCounts, roundRecord, truthRecord } from './stages.js';
import type { Heard } from './heard.js';
import type { Ref } from './references.js';
import type { RunStatus } from './run-status.js';
import type { RunSettings, RunSettingsInput } from './settings.js';
import type { TruthRecord } from './stages.js';

/** Human labels by use; none counts nowhere. */
export interface Budget {
  train: number;
  validation: number;
  calibration: number;
  audit: number;
}

/** What an adapting run begins with and keeps: the run it comes from, and whether it can calibrate by itself. */
export interface Adapting {
  source: Heard & {
    model: Ref;
    cutoff: Ref;
    labelled: Ref;
    labelledShards: number;
    clusters: Ref;
  };
  /** How its images looked beside this dataset's through the model that moves: `shift/1`; null where too few calibrate there. */
  before: Ref | null;
  /** The clusters that the labels in force were last compared with: `clusters/2`. */
  clusters: Ref;
  /** People have labelled images of this dataset; else clusters are all there is. */
  labelled: boolean;
}

/** What continue-as-new hands on: a wire format between releases, so it has a version. */
export interface RoundState {
  version: 1;
  round: number;
  settings: RunSettings;
  dataset: Ref;
  shards: { labelled: number; pool: number; test: number };
  counts: { labelled: number; pool: number; test: number };
  hasTruth: boolean;
  split: Ref;
  budget: Budget;
  labels: Ref;
  history: Ref;
  accepted: number;
  outliers: number;
  startedAt: number;
  pausedBy?: 'user';
  /** An adapting run's beginning (workflows/adapt.ts). */
  adapting?: Adapting;
}

/** Input of the workflow: the settings as a user writes them; `state` is set by continue-as-new alone. */
export type SelfTrainingInput = RunSettingsInput & { state?: RoundState };

export const stageNames = [
  'open',
  'split',
  'train',
  'sample',
  'threshold',
  'release',
  'cluster',
  'choose',
  'shift',
  'relabel',
  'evaluate',
  'compare',
  'freeze',
  'audit',
  'certify',
  'questions',
] as const;
export const stageName = z.enum(stageNames);
export type StageName = z.infer<typeof stageName>;

export const runStatus = z.enum(runStatuses);

/** Answer of the workflow's `status` query. Small: what grows is behind `history`. */
export interface RunState {
  status: Exclude<RunStatus, 'waiting'>;
  round: number;
  rounds: number;
  stage: StageName;
  /** Pool shards scored in this round, of all. */
  shards: { done: number; total: number };
  /** Images of the labelled split by use. */
  budget: Budget;
  /** Pool counts at the end of the round before this one; after the audit, by the labels that it corrected. */
  pool: { total: number; labelled: number; open: number; outliers: number };
  /** Checked and complete; null until the first stage has checked them. */
  settings: RunSettings | null;
  dataset: Ref | null;
  history: Ref | null;
  labels: Ref | null;
  startedAt: number;
}

/** The part of the state that is kept in the workflow's memo, so that a run can be shown while no worker is up. */
export type RunMemo = Pick<
  RunState,
  'round' | 'rounds' | 'budget' | 'pool' | 'settings' | 'dataset' | 'history' | 'labels' | 'startedAt'
>;

/** Details of a learner activity's heartbeat: progress for people, never needed to resume. */
export interface HeartbeatDetails {
  stage: StageName;
  done: number;
  total: number;
  imagesPerSecond: number;
  loss: number | null;
}

/** What a finished run returns. */
export interface RunSummary {
  history: Ref;
  labels: Ref;
  model: Ref;
  comparison: Ref | null;
  truth: TruthRecord | null;
  rounds: number;
  /** The audit at the run's end; absent from runs without one. */
  audit?: { audit: number; certificate: Ref | null };
}

/** A run, as `labelloop run show --json` prints it and the client returns it. */
export const runView = z.strictObject({
  run: z.string(),
  status: runStatus,
  /** Why it failed: the code and the message that the CLI prints. */
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  dataset: z.string().nullable(),
  dryRun: z.boolean(),
  round: z.int(),
  stage: stageName.nullable(),
  budget: z.strictObject({ train: z.int(), validation: z.int(), calibration: z.int(), audit: z.int() }),
  /** By the labels in force: after an audit, by those that people's answers corrected. */
  pool: z.strictObject({ total: z.int(), labelled: z.int(), open: z.int(), outliers: z.int() }),
  rounds: z.array(
    z.strictObject({
      round: z.int(),
      ...labelCounts.shape,
      seconds: z.number(),
      modelDigest: z.string(),
      testAccuracy: z.number().nullable(),
      /** Grade C. */
      estimate: z.strictObject({ grade: z.literal('C'), error: z.number(), upper: z.number(), coverage: z.number() }),
      fromStore: z.array(z.string()),
      /** Why training ended before its last step; null where it didn't. */
      stopped: roundRecord.shape.stopped,
      /** Expected calibration error of the probabilities as sampled, and as exported; null where the cut-off is another run's. */
      calibrationError: calibrationError.nullable(),
      /** What the clusters came to; null in runs of before. */
      clustering: clusterCounts.nullable(),
      /** Mean stochastic passes a pool image. */
      passes: z.number().nullable(),
      /** This round against the hidden labels; null until the closing comparison, or where there are none. */
      truth: truthRecord.nullable(),
    }),
  ),
  /** The last audit: what it waits for or has come to; null where there is none. */
  audit: auditState
    .pick({ audit: true, phase: true, settings: true, seen: true, judgement: true, outlook: true, words: true })
    .nullable(),
  /** What people are, or were last, asked without an audit; absent where they never were. */
  questions: questionsState
    .pick({ number: true, phase: true, answered: true, left: true, budget: true, answers: true, words: true })
    .optional(),
  /** What people certified, as it was issued; 'labelloop certificate show' says what holds now. */
  certificate: certificate.nullable(),
  /** Those that audits before the last one issued of the same labels, the newest first; absent where there are none. */
  earlierCertificates: z.array(certificate).optional(),
  labelsDigest: z.string().nullable(),
  labels: ref.nullable(),
  model: ref.nullable(),
  truth: truthRecord.nullable(),
  /** Grade B of the labels in force, or why it was refused; null where the run did not ask for it or is not done. */
  conditional: conditional.nullable(),
  /** Whether labelled images and pool are of one law, of the last round that was told; null where none was. */
  shift: shiftSummary.nullable(),
  /** Path of the HTML report on this machine, null until `labelloop report` wrote it. */
  report: z.string().nullable(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
});
export type RunView = z.infer<typeof runView>;

/** One look at a running run: what `run watch` draws. */
export interface RunProgress {
  run: string;
  status: RunStatus;
  round: number;
  rounds: number;
  stage: StageName | null;
  shards: { done: number; total: number };
  pool: { total: number; labelled: number; open: number; outliers: number };
  /** Tasks on devices right now. */
  tasks: {
    stage: string;
    done: number;
    total: number;
    imagesPerSecond: number;
    loss: number | null;
    attempt: number;
    lastFailure: string | null;
  }[];
  secondsLeft: number | null;
  /** What an audit waits for, in words; null where none does. */
  waitsFor: string | null;
  error: { code: string; message: string } | null;
}
