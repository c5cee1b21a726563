import { createHash } from 'node:crypto';
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import canonicalize from 'canonicalize';
import { auditPaths, openedAudit } from '../contracts/audit-stages.js';
import { auditLine, certificate } from '../contracts/audit.js';
import type { AskingState } from '../contracts/asking.js';
import type { Answer, AuditLine, AuditRefs, AuditState, Certificate, Question, Verdict } from '../contracts/audit.js';
import { complaintsOf } from '../contracts/complaints.js';
import { datasetManifest } from '../contracts/dataset.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { Explanation } from '../contracts/explanation.js';
import type { NearDuplicate, Suspect } from '../contracts/look.js';
import { paths } from '../contracts/paths.js';
import {
  ADAPT_WORKFLOW_TYPE,
  MEMO_RUN,
  QUERY_STATUS,
  TASK_QUEUE,
  UPDATE_PAUSE,
  UPDATE_RESUME,
  WORKFLOW_TYPE,
} from '../contracts/names.js';
import { questionsOptions } from '../contracts/questions.js';
import type { QuestionsState } from '../contracts/questions.js';
import type { Ref } from '../contracts/references.js';
import type { NamedCluster, NamingOptions, NovelView } from '../contracts/novel.js';
import { hasEnded } from '../contracts/run-status.js';
import type { RunStatus } from '../contracts/run-status.js';
import type { RunMemo, RunProgress, RunState, RunSummary, RunView } from '../contracts/run.js';
import { runSettings } from '../contracts/settings.js';
import type { ShiftWorkflowOutput } from '../contracts/shift.js';
import type { CertifySettingsInput, RunSettings, RunSettingsInput } from '../contracts/settings.js';
import { comparisonFile, historyFile } from '../contracts/stages.js';
import type { ComparisonFile, RoundRecord } from '../contracts/stages.js';
import type { LabelRow } from '../contracts/tables.js';
import { correctLabel, firstVerdicts } from '../labelling/audit/correct.js';
import { inForce, readCorrections, readRows, Store, tables } from '../store/index.js';
import { Audits } from './audits.js';
import { writeBundle } from './bundle.js';
import { certificateNow, readBundle, signingKey } from './certificates.js';
import type { CertificateNow } from './certificates.js';
import { findConnections } from './connections.js';
import type { Connections } from './connections.js';
import { explain } from './explain.js';
import { clientErrors } from './errors.js';
import type { RunFacts } from './facts.js';
import { novelAnswers, novelClusters } from './novel.js';
import type { NovelAnswers, NovelSource } from './novel.js';
import { asClientError, failureOf } from './failures.js';
import { PoolImages } from './images.js';
import type { QuestionImage } from './images.js';
import { People } from './people.js';
import type { OnTaken } from './people.js';
import { nearDuplicates, suspects } from './look.js';
import type { Looked } from './look.js';
import { progressOf } from './progress.js';
import { RunQuestions } from './questions.js';
import { compareWithRun } from './shifts.js';
import type { ShiftOptions } from './shifts.js';
import { reportFile, reportPath, viewOf } from './view.js';
import type { Corrected } from './view.js';

export interface ConnectOptions {
  /** Folder of the embedded stack; by default LABELLOOP_HOME or the user's data folder. */
  home?: string;
  /** Servers to use instead of those that are configured or embedded. */
  connections?: Connections;
}

export interface RunListEntry {
  run: string;
  status: RunStatus;
  dataset: string | null;
  round: number;
  startedAt: string;
}

/** How long a question to a run may take before the answer is "waiting": its worker may be down. */
const ANSWER_MS = 3_000;
/** How long a watcher bears with a server that does not answer, before it gives up; a restart takes seconds. */
const PATIENCE_MS = 120_000;

/**
 * The public API: start runs, follow them, steer them, read what they gave.
 *
 *     const labelloop = await Labelloop.connect();
 *     const { run } = await labelloop.start({ dataset: 'digits', seed: 7 });
 *     for await (const progress of labelloop.watch(run)) console.log(progress.stage);
 *     console.log(await labelloop.result(run));
 */
export class Labelloop {
  private constructor(
    private readonly connection: Connection,
    private readonly client: Client,
    /** The store behind the runs, for readers of artefacts. */
    readonly store: Store,
    /** Folder of this machine's HTML reports. */
    private readonly reports: string,
    /** Folder of this machine's keys. */
    private readonly keys: string,
  ) {
    this.audits = new Audits(client, store);
    this.asked = new RunQuestions(client, store);
    this.people = new People(this.audits, this.asked, store);
  }

  private readonly audits: Audits;
  private readonly asked: RunQuestions;
  private readonly people: People;
  /** By run: pages ask for one image after the other. */
  private readonly images = new Map<string, Promise<PoolImages>>();

  /**
   * Connects to Temporal and the store: as configured (TEMPORAL_*, temporal.toml, MINIO_*), else the embedded stack.
   * @throws STACK_UNAVAILABLE, STORE_UNAVAILABLE, STORE_DENIED
   */
  static async connect(options: ConnectOptions = {}): Promise<Labelloop> {
    const places = paths(options.home ? { ...process.env, LABELLOOP_HOME: options.home } : process.env);
    const { temporal, store } = options.connections ?? findConnections(places.stackFile);
    const opened = await Store.open(store, { cacheDir: places.blobs });
    const address = temporal.connectionOptions.address ?? 'localhost:7233';
    const connection = await Connection.connect({ connectTimeout: '10 seconds', ...temporal.connectionOptions }).catch(
      (error: unknown) => {
        throw clientErrors.noTemporal(address, error);
      },
    );
    const client = new Client({ connection, ...(temporal.namespace ? { namespace: temporal.namespace } : {}) });
    return new Labelloop(connection, client, opened, places.reports, places.keys);
  }

  /**
   * Starts a run, or finds it running: the same settings have the same id. Stages that the store has are not computed
   * again, so starting a finished run once more costs seconds. A dataset that is not there fails the run, not the start.
   * @throws SETTINGS_INVALID; RUN_EXISTS where a run of the given id is under way with other settings
   */
  async start(settings: RunSettingsInput, options: { run?: string } = {}): Promise<{ run: string }> {
    const checked = runSettings.safeParse(settings);
    if (!checked.success) throw clientErrors.badSettings(complaintsOf(checked.error, settings));
    const run = options.run ?? runId(checked.data);
    if (options.run !== undefined) await this.refuseOtherSettings(run, checked.data);
    const { adapt, dataset, seed } = checked.data;
    await this.client.workflow.start(adapt ? ADAPT_WORKFLOW_TYPE : WORKFLOW_TYPE, {
      taskQueue: TASK_QUEUE,
      workflowId: run,
      args: [checked.data],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: adapt
        ? `Move the model of ${adapt.from} to dataset ${dataset} (seed ${seed})`
        : `Label dataset ${dataset} (seed ${seed})`,
    });
    return { run };
  }

  /** All that is known of a run. @throws RUN_UNKNOWN */
  async show(run: string): Promise<RunView> {
    const facts = await this.facts(run);
    const ended = await this.audits.ended(run);
    return viewOf(facts, {
      audit: await this.audits.shown(run),
      questions: await this.asked.find(run),
      answers: ended.reduce((sum, { seen }) => sum + seen, 0),
      certificates: await this.certificatesOf(ended, facts),
      corrected: await this.corrected(run, facts),
      manifest: await this.manifestOf(facts),
      rounds: await this.rounds(facts),
      comparison: await this.comparison(facts),
      report: reportPath(this.reports, run),
    });
  }

  /** The settings of a run, complete; null until its first stage has checked them. */
  async settings(run: string): Promise<RunSettings | null> {
    return (await this.facts(run)).memo?.settings ?? null;
  }

  /** The rounds that are done, with their references. */
  async roundRecords(run: string): Promise<RoundRecord[]> {
    return this.rounds(await this.facts(run));
  }

  /** The dataset of a run, null before its first stage has found it. */
  async dataset(run: string): Promise<DatasetManifest | null> {
    return this.manifestOf(await this.facts(run));
  }

  /** The closing comparison with hidden labels; null where there is none (yet). */
  async truth(run: string): Promise<ComparisonFile | null> {
    return this.comparison(await this.facts(run));
  }

  /** The runs that the server knows, newest first; those under way are asked whether they are paused. */
  async list(): Promise<RunListEntry[]> {
    const entries = new Map<string, RunListEntry>();
    const query = `WorkflowType IN ('${WORKFLOW_TYPE}', '${ADAPT_WORKFLOW_TYPE}') AND ExecutionStatus != 'ContinuedAsNew'`;
    for await (const info of this.client.workflow.list({ query })) {
      if (entries.has(info.workflowId)) continue;
      const memo = (info.memo?.[MEMO_RUN] as RunMemo | undefined) ?? null;
      entries.set(info.workflowId, {
        run: info.workflowId,
        status: statusOf(info.status.name),
        dataset: memo?.settings?.dataset ?? null,
        round: memo?.round ?? 0,
        startedAt: new Date(memo?.startedAt ?? info.startTime).toISOString(),
      });
    }
    await Promise.all(
      [...entries.values()]
        .filter(({ status }) => status === 'running')
        .map(async (entry) => (entry.status = await this.liveStatus(entry.run))),
    );
    return [...entries.values()].sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  }

  /** One look at a run. @throws RUN_UNKNOWN */
  async progress(run: string): Promise<RunProgress> {
    const facts = await this.facts(run);
    const audit = facts.live?.stage === 'audit' ? await this.audits.find(run).catch(() => null) : null;
    return progressOf(facts, await this.rounds(facts), audit);
  }

  /**
   * Looks at a run again and again until it ends; the last value is of the ended run. Bears with servers that restart.
   */
  async *watch(run: string, options: { signal?: AbortSignal; intervalMs?: number } = {}): AsyncGenerator<RunProgress> {
    const interval = options.intervalMs ?? 1_000;
    let lastAnswer = Date.now();
    while (!options.signal?.aborted) {
      try {
        const progress = await this.progress(run);
        lastAnswer = Date.now();
        yield progress;
        if (hasEnded(progress.status)) return;
      } catch (error) {
        const known = error instanceof Error && 'code' in error && error.code === 'RUN_UNKNOWN';
        if (known || Date.now() - lastAnswer > PATIENCE_MS) throw error;
      }
      await rest(interval, options.signal);
    }
  }

  /** Stops work at the next checkpoint, until resume. */
  async pause(run: string): Promise<void> {
    await this.update(run, UPDATE_PAUSE);
  }

  /** Goes on after pause. */
  async resume(run: string): Promise<void> {
    await this.update(run, UPDATE_RESUME);
  }

  /** Ends a run; what it has computed stays in the store, and the same settings go on from there. */
  async cancel(run: string): Promise<void> {
    const { status } = await this.facts(run);
    if (hasEnded(status)) throw clientErrors.ended(run, status);
    await this.client.workflow.getHandle(run).cancel();
  }

  /** Waits for the end. @throws the run's own error, by its code, when it failed */
  async result(run: string): Promise<RunSummary> {
    try {
      return (await this.client.workflow.getHandle(run).result()) as RunSummary;
    } catch (error) {
      throw asClientError(run, error);
    }
  }

  /**
   * Whether a dataset's images are of the law that a run's model knows; nothing is trained. Waits for the answer.
   *
   * @throws RUN_NO_RESULTS, DATASET_UNKNOWN; SETTINGS_INVALID where the model can't look at such images
   */
  shift(run: string, dataset: string, options: ShiftOptions = {}): Promise<ShiftWorkflowOutput> {
    return compareWithRun(this.client, { run, dataset }, options);
  }

  /** Where the HTML report of a run is kept on this machine, written or not. */
  reportFile(run: string): string {
    return reportFile(this.reports, run);
  }

  /** The pool's labels of the last round that is done, an image a row; flat in memory. @throws RUN_NO_RESULTS */
  async *labels(run: string): AsyncGenerator<LabelRow> {
    const facts = await this.facts(run);
    const { labels, said } = await this.labelsInForce(run, facts);
    if (!labels) throw clientErrors.noLabels(run, facts.error?.message);
    const rows = readRows(tables.labels, await this.store.fetch(labels));
    if (said === null) {
      yield* rows;
      return;
    }
    const classes = (await this.manifestOf(facts))?.classes ?? [];
    for await (const row of rows) yield correctLabel(row, said.get(row.id), null, null, classes);
  }

  /**
   * Where an image's label comes from: what each round made of it, what people said of it, the certificate it is under.
   *
   * @param image id or name of an image of the pool
   * @throws RUN_NO_RESULTS; USAGE where the pool has no such image, or several of that name
   */
  async explain(run: string, image: string): Promise<Explanation> {
    const facts = await this.facts(run);
    const [manifest, rounds] = [await this.manifestOf(facts), await this.rounds(facts)];
    const { labels, said } = await this.labelsInForce(run, facts);
    if (!manifest || !labels) throw clientErrors.noLabels(run, facts.error?.message);
    const [audits, corrections] = [await this.allAudits(run), await readCorrections(this.store, run)];
    const questions = corrections.filter(({ of }) => of === 'questions');
    return explain(this.store, { run, manifest, rounds, labels, said, audits, questions }, image);
  }

  /**
   * Labels that people gave and that model and cluster both deny in the last round that is done, the least credible first.
   *
   * @throws RUN_NO_RESULTS
   */
  async suspects(run: string): Promise<Suspect[]> {
    return suspects(this.store, await this.looked(run));
  }

  /** Images of the pool that look alike in the last round that is done, group by group. @throws RUN_NO_RESULTS */
  async duplicates(run: string): Promise<NearDuplicate[]> {
    return nearDuplicates(this.store, await this.looked(run));
  }

  /**
   * Clusters of a run's pool that may be of a class that nobody has labelled: far from every labelled image, tight in
   * themselves. The largest first, each with its most central images.
   *
   * @param images of each cluster at most
   * @throws RUN_NO_RESULTS
   */
  async novel(run: string, images: number): Promise<NovelView> {
    return novelClusters(this.store, await this.novelSource(run), images);
  }

  /**
   * What a person says by naming clusters: their most central images, and what was said before in the run's audits. It changes
   * nothing; `extendDataset` of the datasets makes a dataset with it, on which a run goes on.
   *
   * @throws RUN_NO_RESULTS; USAGE for a cluster that there is not, or an image to leave out that would not be taken
   */
  async novelAnswers(
    run: string,
    named: readonly NamedCluster[],
    options: Pick<NamingOptions, 'images' | 'not'>,
  ): Promise<NovelAnswers> {
    return novelAnswers(this.store, await this.novelSource(run), named, options);
  }

  private async novelSource(run: string): Promise<NovelSource> {
    const facts = await this.facts(run);
    const [manifest, record] = [await this.manifestOf(facts), (await this.rounds(facts)).at(-1)];
    const dataset = facts.memo?.dataset;
    if (!dataset || !manifest || !record) throw clientErrors.noLabels(run, facts.error?.message);
    const { labels, said } = await this.labelsInForce(run, facts);
    return { run, dataset, manifest, record, labels: labels ?? record.labels, said };
  }

  /**
   * Where a run's audit stands: what it waits for, what it has certified, what it asked.
   *
   * @param audit its number; by default the last one
   * @throws AUDIT_UNKNOWN where the run has none
   */
  audit(run: string, audit?: number): Promise<AuditState> {
    return this.audits.get(run, audit);
  }

  /**
   * Opens an audit of a finished run's labels. Questions that are open end before: what people said to them is in the labels
   * that are audited.
   *
   * @throws SETTINGS_INVALID; RUN_NO_RESULTS; AUDIT_INVALID where one is under way, or where nothing is left to spend
   */
  async startAudit(run: string, settings: CertifySettingsInput): Promise<AuditState> {
    const { status, memo, summary, error } = await this.facts(run);
    if (!hasEnded(status)) throw clientErrors.runUnderWay(run);
    const history = summary?.history ?? memo?.history;
    if (!history || !memo?.dataset || !memo.settings) throw clientErrors.noLabels(run, error?.message);
    const asked = await this.asked.open(run);
    if (asked) await this.asked.stop(asked);
    return this.audits.start({ run, dataset: memo.dataset, history, settings: memo.settings }, settings);
  }

  /**
   * Has people asked about a finished run without an audit: about the images without a label, those first on which the
   * model's passes disagree most. Questions that are open stay, and cancelled ones go on.
   *
   * @param options.budget images that people answer at most; by default all, 5,000 at a time
   * @param options.answers `people`; in a dry run `truth`, or `truth:0.02`, which errs in 2 %
   * @throws SETTINGS_INVALID; RUN_NO_RESULTS; AUDIT_INVALID where an audit is open, or the run goes on
   */
  async startQuestions(run: string, options: { budget?: number; answers?: string } = {}): Promise<QuestionsState> {
    const { budget = null, answers = 'people' } = options;
    const checked = questionsOptions.safeParse({ budget, answers });
    if (!checked.success) throw clientErrors.badSettings(complaintsOf(checked.error, options));
    const facts = await this.facts(run);
    const { status, memo, error } = facts;
    if (!hasEnded(status)) throw clientErrors.asksAtEnd(run);
    const audit = await this.people.openAudit(run);
    if (audit) throw clientErrors.auditFirst(run, audit.audit);
    const base = (await this.rounds(facts)).at(-1)?.labels;
    const { labels } = await this.labelsInForce(run, facts);
    if (!labels || !base || !memo?.dataset || !memo.settings) throw clientErrors.noLabels(run, error?.message);
    const source = { run, dataset: memo.dataset };
    return this.asked.start({ source, labels, base, questions: null, budget, answers, seed: memo.settings.seed });
  }

  /** Ends a run's questions; what people said stays in its labels. @throws AUDIT_UNKNOWN where none are open */
  async stopQuestions(run: string): Promise<QuestionsState> {
    const open = await this.asked.open(run);
    if (!open) throw clientErrors.nothingAsked(run);
    return this.asked.stop(open);
  }

  /**
   * Has people asked where they can be: an open audit asks already, and of a finished run that never had one the questions are asked.
   *
   * @returns what asks; null while the run goes on without asking, and after an audit
   */
  async ask(run: string): Promise<AskingState | null> {
    const { status, memo } = await this.facts(run);
    const audit = await this.people.openAudit(run);
    if (audit) return audit;
    // After an audit people are done, unless somebody says otherwise ('labelloop questions start').
    if (!hasEnded(status) || (await this.audits.opened(run)) > 0) return this.asked.open(run);
    return memo?.labels ? this.startQuestions(run) : null;
  }

  /**
   * What asks people about a run, or did last: its audit or, where none is open, its questions.
   *
   * @throws AUDIT_UNKNOWN where nobody was ever asked
   */
  asking(run: string): Promise<AskingState> {
    return this.people.asking(run);
  }

  /**
   * Takes people's answers down, of the open audit or of the questions. A message brings up to 100, all of them or, where one
   * can't be taken, none; more go message by message, and none after the end of what asks. The same answer again changes
   * nothing.
   *
   * @param options.onTaken told after every message how many were taken in all
   * @returns the state after them
   * @throws AUDIT_INVALID naming the answer that can't be taken, and why; AUDIT_UNKNOWN
   */
  answer(run: string, answers: readonly Answer[], options: { onTaken?: OnTaken } = {}): Promise<AskingState> {
    return this.people.answer(run, answers, options.onTaken ?? (() => undefined));
  }

  /**
   * The next images for one person. Of an audit: images that it needs, that need a second answer, and open ones that the model
   * would learn most from, mixed so that nobody can tell which is which. Empty where nothing is left to ask.
   */
  async questions(run: string, { by, limit }: { by: string; limit: number }): Promise<Question[]> {
    const next = await this.people.next(run, by, limit);
    if (next.length === 0) return [];
    const images = await this.poolImages(run);
    return Promise.all(next.map(async ({ id, position, again }) => ({ id, again, ...(await images.find(position)) })));
  }

  /** A question's image, for display. @throws AUDIT_INVALID where it is not at that place */
  async image(run: string, question: Pick<Question, 'id' | 'shard' | 'index'>): Promise<QuestionImage> {
    return (await this.poolImages(run)).read(question);
  }

  /** Gives the nonce of the draw, where a person is to give it. @throws AUDIT_INVALID where none is waited for */
  nonce(run: string, value: string): Promise<AuditState> {
    return this.audits.nonce(run, value);
  }

  /** Ends an audit with what is certified by now. @throws AUDIT_INVALID where it is over */
  stopAudit(run: string): Promise<AuditState> {
    return this.audits.stop(run);
  }

  /**
   * A certificate of a run's labels, with what still holds of it.
   *
   * @param audit number of the audit that issued it; by default the last one that issued any
   * @throws AUDIT_UNKNOWN without one
   */
  async certificate(run: string, audit?: number): Promise<CertificateNow> {
    const refs = await this.certified(run, audit);
    const facts = await this.facts(run);
    // A run that was started anew under its id has labels of its own, and no audit's corrections of them.
    const now = (await this.corrected(run, facts))?.labels ?? (await this.rounds(facts)).at(-1)?.labels ?? null;
    return certificateNow(this.store, refs, now);
  }

  /**
   * Writes the bundle by which anyone can check a certificate of a run, offline: `node DIR/verify.mjs DIR`. Signed with this
   * machine's key, which is made when it is first needed.
   *
   * @returns the names of the files
   */
  async exportCertificate(run: string, dir: string, audit?: number): Promise<string[]> {
    const parts = await readBundle(this.store, await this.certified(run, audit));
    return writeBundle(dir, parts, await signingKey(this.keys));
  }

  /**
   * What people have said, in the order in which it was taken down: in the open audit, to the open questions, or in the last
   * of them.
   *
   * @throws AUDIT_UNKNOWN where nobody was ever asked
   */
  async answers(run: string): Promise<AuditLine[]> {
    const { refs } = await this.asking(run);
    return refs?.log ? this.store.readJsonLines(refs.log, auditLine) : [];
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  /** All audits of a run, in their order; the last may be under way. */
  private async allAudits(run: string): Promise<AuditState[]> {
    const [ended, last] = await Promise.all([this.audits.ended(run), this.audits.shown(run)]);
    const known = ended.reverse();
    return last === null || known.some(({ audit }) => audit === last.audit) ? known : [...known, last];
  }

  /** What the lists of a run's last round are read from. */
  private async looked(run: string): Promise<Looked> {
    const facts = await this.facts(run);
    const [manifest, last] = [await this.manifestOf(facts), (await this.rounds(facts)).at(-1)];
    if (!manifest || !last) throw clientErrors.noLabels(run, facts.error?.message);
    return { run, manifest, clusters: last.clusters };
  }

  private async facts(run: string): Promise<RunFacts> {
    const handle = this.client.workflow.getHandle(run);
    const description = await handle.describe().catch((error: unknown) => {
      throw asClientError(run, error);
    });
    if (description.type !== WORKFLOW_TYPE && description.type !== ADAPT_WORKFLOW_TYPE)
      throw clientErrors.unknownRun(run);
    const memo = (description.memo?.[MEMO_RUN] as RunMemo | undefined) ?? null;
    const facts: RunFacts = {
      run,
      status: statusOf(description.status.name),
      memo,
      live: null,
      description,
      summary: null,
      error: null,
    };
    if (facts.status === 'running') {
      facts.live = await this.answerOf(handle);
      facts.status = liveStatusOf(facts.live);
    } else {
      try {
        facts.summary = (await handle.result()) as RunSummary;
      } catch (error) {
        facts.error = failureOf(error);
      }
    }
    return facts;
  }

  /** An id that the user gave says nothing about the settings, and Temporal would hand over the run that has it. */
  private async refuseOtherSettings(run: string, settings: RunSettings): Promise<void> {
    const description = await this.client.workflow
      .getHandle(run)
      .describe()
      .catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      });
    const memo = (description?.memo?.[MEMO_RUN] as RunMemo | undefined) ?? null;
    if (description?.status.name !== 'RUNNING' || !memo?.settings) return;
    if (canonicalize(memo.settings) !== canonicalize(settings)) throw clientErrors.taken(run);
  }

  private async liveStatus(run: string): Promise<RunStatus> {
    return liveStatusOf(await this.answerOf(this.client.workflow.getHandle(run)));
  }

  private async answerOf(handle: WorkflowHandle): Promise<RunState | null> {
    try {
      return await this.client.withDeadline(Date.now() + ANSWER_MS, () => handle.query<RunState>(QUERY_STATUS));
    } catch {
      return null;
    }
  }

  private async update(run: string, name: string): Promise<void> {
    const facts = await this.facts(run);
    if (facts.status === 'waiting') throw clientErrors.noWorker(run);
    if (!facts.live) throw clientErrors.ended(run, facts.status);
    await this.client.workflow.getHandle(run).executeUpdate(name);
  }

  /** The run's labels with what people said in audits and to questions that have ended. */
  private async corrected(run: string, known?: RunFacts): Promise<Corrected | null> {
    const base = (await this.rounds(known ?? (await this.facts(run)))).at(-1)?.labels;
    const corrections = await readCorrections(this.store, run);
    const last = base ? inForce(corrections, base) : null;
    if (!last) return null;
    const labels = last.labels ?? last.from;
    if (labels.sha256 === base?.sha256) return null;
    return { labels, pool: corrections.find((each) => each.labels?.sha256 === labels.sha256)?.pool ?? null };
  }

  /** As `corrected`; `said`: what people said since, to questions that are open. */
  private async labelsInForce(
    run: string,
    facts: RunFacts,
  ): Promise<{ labels: Ref | null; said: ReadonlyMap<string, Verdict> | null }> {
    const base = (await this.rounds(facts)).at(-1)?.labels;
    const correction = base ? inForce(await readCorrections(this.store, run), base) : null;
    if (!correction) return { labels: facts.summary?.labels ?? facts.memo?.labels ?? null, said: null };
    const { labels, from, log } = correction;
    if (labels) return { labels, said: null };
    return { labels: from, said: firstVerdicts(log ? await this.store.readJsonLines(log, auditLine) : []) };
  }

  /** A run of the same id that was started with other settings has other labels. */
  private async isOfLastRound({ run, audit }: AuditState, facts: RunFacts): Promise<boolean> {
    const opened = await this.store.getPointer(auditPaths.opened(run, audit), openedAudit);
    return opened?.base.sha256 === (await this.rounds(facts)).at(-1)?.labels.sha256;
  }

  /** All that were issued of the last round's labels, the newest first: an audit of each class issues one. */
  private async certificatesOf(ended: readonly AuditState[], facts: RunFacts): Promise<Certificate[]> {
    const issued: Certificate[] = [];
    for (const state of ended)
      if (state.refs?.certificate && (await this.isOfLastRound(state, facts)))
        issued.push(await this.store.readJson(state.refs.certificate, certificate));
    return issued;
  }

  private async certified(run: string, audit?: number): Promise<AuditRefs> {
    const issued = (await this.audits.ended(run)).filter((state) => state.refs?.certificate);
    const refs = issued.find((state) => audit === undefined || state.audit === audit)?.refs;
    if (!refs) {
      // Whether the run is unknown, too, is the user's question.
      await this.facts(run);
      throw clientErrors.noCertificate(
        run,
        issued.map((state) => state.audit),
      );
    }
    return refs;
  }

  private poolImages(run: string): Promise<PoolImages> {
    const known = this.images.get(run);
    if (known) return known;
    const opening = this.dataset(run).then((manifest) => {
      if (!manifest) throw clientErrors.noLabels(run, undefined);
      return new PoolImages(this.store, manifest);
    });
    opening.catch(() => this.images.delete(run));
    this.images.set(run, opening);
    return opening;
  }

  private async manifestOf({ memo }: RunFacts): Promise<DatasetManifest | null> {
    return memo?.dataset ? this.store.readJson(memo.dataset, datasetManifest) : null;
  }

  private async rounds({ summary, memo }: RunFacts): Promise<RoundRecord[]> {
    const history = summary?.history ?? memo?.history;
    return history ? (await this.store.readJson(history, historyFile)).rounds : [];
  }

  private async comparison({ summary }: RunFacts): Promise<ComparisonFile | null> {
    return summary?.comparison ? this.store.readJson(summary.comparison, comparisonFile) : null;
  }
}

/** The same settings have the same id, so that starting them twice finds the run. */
export function runId(settings: RunSettings): string {
  const digest = createHash('sha256')
    .update(canonicalize(settings) ?? '')
    .digest('hex');
  return `${settings.dataset}-${digest.slice(0, 8)}`;
}

function statusOf(name: string): RunStatus {
  switch (name) {
    case 'COMPLETED':
      return 'completed';
    case 'CANCELLED':
    case 'TERMINATED':
      return 'cancelled';
    case 'FAILED':
    case 'TIMED_OUT':
      return 'failed';
    default:
      return 'running';
  }
}

/** Of a run that has not ended, by its answer; none where no worker is up. */
const liveStatusOf = (live: RunState | null): RunStatus =>
  live === null ? 'waiting' : live.status === 'paused' ? 'paused' : 'running';

function rest(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}
