import type { Writable } from 'node:stream';
import type { CertificateNow, RunListEntry, ShiftOptions } from '../client/index.js';
import type { AskingState } from '../contracts/asking.js';
import type { Answer, AuditLine, AuditState, Question } from '../contracts/audit.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { Explanation } from '../contracts/explanation.js';
import type { QuestionsState } from '../contracts/questions.js';
import type { NearDuplicate, Suspect } from '../contracts/look.js';
import type { NamedCluster, Naming, NamingOptions, NovelView } from '../contracts/novel.js';
import type { RunProgress, RunSummary, RunView } from '../contracts/run.js';
import type { CertifySettingsInput, RunSettingsInput, RunSettings } from '../contracts/settings.js';
import type { ShiftWorkflowOutput } from '../contracts/shift.js';
import type { ReviewOptions, ReviewServer } from '../review/index.js';
import type { LabelRow } from '../contracts/tables.js';
import type * as answerFiles from '../datasets/answers/index.js';

/*
 * What the command line needs of the other rooms, and no more. The verbs take it by injection, so that none of them
 * loads a server's client or a decoder before it is used; `wiring.ts` binds it to the rooms.
 */

/** The client's runs: start, steer, read. */
export interface RunsClient {
  /** The same settings while they run give the run that is under way; an ended one starts again from the store. */
  start(settings: RunSettingsInput, options?: { run?: string }): Promise<{ run: string }>;
  show(run: string): Promise<RunView>;
  /** Complete; null until the run's first stage has checked them. */
  settings(run: string): Promise<RunSettings | null>;
  list(): Promise<RunListEntry[]>;
  progress(run: string): Promise<RunProgress>;
  /** Ends when the run ends. */
  watch(run: string, options?: { signal?: AbortSignal; intervalMs?: number }): AsyncIterable<RunProgress>;
  pause(run: string): Promise<void>;
  resume(run: string): Promise<void>;
  cancel(run: string): Promise<void>;
  result(run: string): Promise<RunSummary>;
  labels(run: string): AsyncIterable<LabelRow>;
  explain(run: string, image: string): Promise<Explanation>;
  /** Of the last round that is done; so are the duplicates. */
  suspects(run: string): Promise<Suspect[]>;
  duplicates(run: string): Promise<NearDuplicate[]>;
  dataset(run: string): Promise<DatasetManifest | null>;
  /** Waits for the answer. */
  shift(run: string, dataset: string, options?: ShiftOptions): Promise<ShiftWorkflowOutput>;
  /** @throws LabelloopError AUDIT_UNKNOWN where the run has no audit */
  audit(run: string): Promise<AuditState>;
  questions(run: string, asked: { by: string; limit: number }): Promise<Question[]>;
  /** Has people asked where they can be; null: the run goes on without asking. */
  ask(run: string): Promise<AskingState | null>;
  /** @throws LabelloopError AUDIT_UNKNOWN where nobody was ever asked */
  asking(run: string): Promise<AskingState>;
  /** Takes answers message by message, each all or none; tells after each how many were taken. */
  answer(
    run: string,
    answers: readonly Answer[],
    options?: { onTaken?: (taken: number, state: AskingState) => void },
  ): Promise<AskingState>;
  startQuestions(run: string, options?: { budget?: number; answers?: string }): Promise<QuestionsState>;
  stopQuestions(run: string): Promise<QuestionsState>;
  /** What people have said in the audit or to the questions that are open, or were last. */
  answers(run: string): Promise<AuditLine[]>;
  startAudit(run: string, settings: CertifySettingsInput): Promise<AuditState>;
  nonce(run: string, value: string): Promise<AuditState>;
  stopAudit(run: string): Promise<AuditState>;
  certificate(run: string, audit?: number): Promise<CertificateNow>;
  /** Returns the names of the files. */
  exportCertificate(run: string, dir: string, audit?: number): Promise<string[]>;
  close(): Promise<void>;
}

/** A process of the embedded stack. */
export interface ProcessStatus {
  name: string;
  pid: number | null;
  healthy: boolean;
  restarts: number;
  /** ISO 8601, null where it does not run. */
  since: string | null;
  /** Path of its log. */
  log: string | null;
}

/** The embedded stack as `status` prints it. */
export interface StackStatus {
  readonly processes: readonly ProcessStatus[];
}

/** One thing that a run needs of this machine; `mend` is the command that puts it right, null where nothing is wrong. */
export interface Check {
  name: string;
  ok: boolean;
  version: string | null;
  source: string | null;
  mend: string | null;
}

export interface Diagnosis {
  ok: boolean;
  readonly checks: readonly Check[];
}

/** Says what is being done, a line each. */
export interface Telling {
  onLine: (line: string) => void;
}

/** The stack on this machine. */
export interface LocalStack {
  up(options: Telling): Promise<StackStatus>;
  down(options: Telling): Promise<unknown>;
  status(): Promise<StackStatus>;
  doctor(): Promise<Diagnosis>;
  provision(options: Telling): Promise<unknown>;
}

export const sourceKinds = ['folder', 'csv', 'jsonl', 'idx'] as const;
export type SourceKind = (typeof sourceKinds)[number];

/** What `dataset import` asks for. */
export interface ImportRequest {
  path: string;
  name: string;
  kind?: SourceKind;
  /** Dataset whose classes and pixels' shape this one gets. */
  like?: string;
  size?: { height: number; width: number };
  channels?: 1 | 3;
  /** Labels that stay; the rest are hidden as the truth (a dry run). */
  keepLabels?: number;
  keep?: 'balanced' | 'random';
  seed?: number;
  /** Images of the pool at most. */
  pool?: number;
  skipBad?: boolean;
  shardSize?: number;
  onProgress?: (progress: { done: number; total: number | null }) => void;
  signal?: AbortSignal;
}

/** Datasets in the store. */
export interface Datasets {
  importDataset(request: ImportRequest): Promise<DatasetManifest>;
  listDatasets(): Promise<DatasetManifest[]>;
  /** @throws LabelloopError DATASET_UNKNOWN */
  readDataset(name: string): Promise<DatasetManifest>;
  /** A dataset with further classes: the same images under a new name. */
  addClasses(name: string, classes: readonly string[], as?: string): Promise<DatasetManifest>;
}

export const answerFormats = ['csv', 'jsonl', 'label-studio'] as const;
export type AnswerFormat = (typeof answerFormats)[number];

/** Files that people answer in. */
export type AnswerFiles = Pick<
  typeof answerFiles,
  'writeTasks' | 'readAnswers' | 'answerFormatOf' | 'checkAnswers' | 'labelStudioConfig' | 'vocabularyOf'
> & {
  /** Writes the images of questions into a folder; returns file names by id. */
  writeImages(run: string, questions: readonly Question[], folder: string): Promise<ReadonlyMap<string, string>>;
};
export type { ReviewOptions, ReviewServer };

export const exportFormats = ['csv', 'jsonl', 'parquet'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** What `labels export` writes: a table, or the images in a folder a class. */
export const labelFormats = [...exportFormats, 'folder'] as const;
export type LabelFormat = (typeof labelFormats)[number];

export const workerRoles = ['workflows', 'stages', 'all'] as const;
export type WorkerRole = (typeof workerRoles)[number];

/** Which run the demo goes on with: `<home>/demo.json`. */
export interface DemoRun {
  run: string;
  salt: string;
}

/** What the demo needs besides the rooms. */
export interface DemoState {
  /** Folder with MNIST as IDX files. */
  images(): string;
  last(): Promise<DemoRun | null>;
  remember(demo: DemoRun): Promise<void>;
}

export interface Services {
  client(): Promise<RunsClient>;
  local(): Promise<LocalStack>;
  datasets(): Promise<Datasets>;
  /** Writes the rows to the stream. */
  exportLabels(rows: AsyncIterable<LabelRow>, format: ExportFormat, stream: Writable): Promise<void>;
  answerFiles(): Promise<AnswerFiles>;
  /** Writes the labelled images into a folder a class, and the rows beside them; returns how many images. */
  exportFolder(run: string, rows: AsyncIterable<LabelRow>, folder: string): Promise<number>;
  /** Serves tasks until SIGTERM. */
  runWorker(options: { role: WorkerRole }): Promise<void>;
  /** Runs verify.mjs over a bundle; what it said, and whether it holds. */
  verifyBundle(dir: string): Promise<{ holds: boolean; lines: string[] }>;
  /** Serves the page on which people answer, until it is closed. */
  review(run: string, options: ReviewOptions): Promise<ReviewServer>;
  /** Writes the HTML report; returns its path. */
  writeReport(run: string): Promise<string>;
  /** Writes the HTML report of a comparison; returns its path, and the classes of the run. */
  writeShiftReport(
    run: string,
    dataset: string,
    output: ShiftWorkflowOutput,
  ): Promise<{ path: string; classes: readonly string[] }>;
  /** Writes the page of clusters that may be new; by default beside the report. */
  writeNovelPage(run: string, options: { images: number; out?: string }): Promise<{ page: string; view: NovelView }>;
  /** Makes the dataset with the classes and answers of a person who named clusters. */
  nameClusters(run: string, named: readonly NamedCluster[], options: NamingOptions): Promise<Naming>;
  demo: DemoState;
}
