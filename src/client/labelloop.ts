import { Client, Connection } from '@temporalio/client';
import { auditLine } from '../contracts/audit.js';
import type { AskingState } from '../contracts/asking.js';
import type { Answer, AuditLine, AuditState, Question } from '../contracts/audit.js';
import { complaintsOf } from '../contracts/complaints.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { Explanation } from '../contracts/explanation.js';
import type { NearDuplicate, Suspect } from '../contracts/look.js';
import { paths } from '../contracts/paths.js';
import { UPDATE_PAUSE, UPDATE_RESUME } from '../contracts/names.js';
import { questionsOptions } from '../contracts/questions.js';
import type { QuestionsState } from '../contracts/questions.js';
import type { NamedCluster, NamingOptions, NovelView } from '../contracts/novel.js';
import { hasEnded } from '../contracts/run-status.js';
import type { RunProgress, RunSummary, RunView } from '../contracts/run.js';
import type { ShiftWorkflowOutput } from '../contracts/shift.js';
import type { CertifySettingsInput, RunSettings, RunSettingsInput } from '../contracts/settings.js';
import type { ComparisonFile, RoundRecord } from '../contracts/stages.js';
import type { LabelRow } from '../contracts/tables.js';
import { Store } from '../store/index.js';
import { Audits } from './audits.js';
import { writeBundle } from './bundle.js';
import { certificateNow, readBundle, signingKey } from './certificates.js';
import type { CertificateNow } from './certificates.js';
import { findConnections } from './connections.js';
import type { Connections } from './connections.js';
import { clientErrors } from './errors.js';
import { novelAnswers, novelClusters } from './novel.js';
import type { NovelAnswers, NovelSource } from './novel.js';
import { PoolImages } from './images.js';
import type { QuestionImage } from './images.js';
import { People } from './people.js';
import type { OnTaken } from './people.js';
import { nearDuplicates, suspects } from './look.js';
import type { Looked } from './look.js';
import { progressOf } from './progress.js';
import { RunQuestions } from './questions.js';
import { RunLabels } from './run-labels.js';
import { Runs } from './runs.js';
import type { RunListEntry } from './runs.js';
import { compareWithRun } from './shifts.js';
import type { ShiftOptions } from './shifts.js';
import { reportFile, reportPath, viewOf } from './view.js';
import { watch } from './watch.js';

export interface ConnectOptions {
  /** Folder of the embedded stack; by default LABELLOOP_HOME or the user's data folder. */
  home?: string;
  /** Servers to use instead of those that are configured or embedded. */
  connections?: Connections;
}

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
    this.runs = new Runs(client, store);
    this.audits = new Audits(client, store);
    this.runLabels = new RunLabels(store, this.runs, this.audits);
    this.asked = new RunQuestions(client, store);
    this.people = new People(this.audits, this.asked, store);
  }

  private readonly runs: Runs;
  private readonly audits: Audits;
  private readonly runLabels: RunLabels;
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
  start(settings: RunSettingsInput, options: { run?: string } = {}): Promise<{ run: string }> {
    return this.runs.start(settings, options);
  }

  /** All that is known of a run. @throws RUN_UNKNOWN */
  async show(run: string): Promise<RunView> {
    const facts = await this.runs.facts(run);
    const ended = await this.audits.ended(run);
    return viewOf(facts, {
      audit: await this.audits.shown(run),
      questions: await this.asked.find(run),
      answers: ended.reduce((sum, { seen }) => sum + seen, 0),
      certificates: await this.runLabels.certificatesOf(ended, facts),
      corrected: await this.runLabels.corrected(run, facts),
      manifest: await this.runs.manifestOf(facts),
      rounds: await this.runs.rounds(facts),
      comparison: await this.runs.comparison(facts),
      report: reportPath(this.reports, run),
    });
  }

  /** The settings of a run, complete; null until its first stage has checked them. */
  async settings(run: string): Promise<RunSettings | null> {
    return (await this.runs.facts(run)).memo?.settings ?? null;
  }

  /** The rounds that are done, with their references. */
  async roundRecords(run: string): Promise<RoundRecord[]> {
    return this.runs.rounds(await this.runs.facts(run));
  }

  /** The dataset of a run, null before its first stage has found it. */
  async dataset(run: string): Promise<DatasetManifest | null> {
    return this.runs.manifestOf(await this.runs.facts(run));
  }

  /** The closing comparison with hidden labels; null where there is none (yet). */
  async truth(run: string): Promise<ComparisonFile | null> {
    return this.runs.comparison(await this.runs.facts(run));
  }

  /** The runs that the server knows, newest first; those under way are asked whether they are paused. */
  list(): Promise<RunListEntry[]> {
    return this.runs.list();
  }

  /** One look at a run. @throws RUN_UNKNOWN */
  async progress(run: string): Promise<RunProgress> {
    const facts = await this.runs.facts(run);
    const audit = facts.live?.stage === 'audit' ? await this.audits.find(run).catch(() => null) : null;
    return progressOf(facts, await this.runs.rounds(facts), audit);
  }

  /**
   * Looks at a run again and again until it ends; the last value is of the ended run. Bears with servers that restart.
   */
  watch(run: string, options: { signal?: AbortSignal; intervalMs?: number } = {}): AsyncGenerator<RunProgress> {
    return watch(() => this.progress(run), options);
  }

  /** Stops work at the next checkpoint, until resume. */
  async pause(run: string): Promise<void> {
    await this.runs.update(run, UPDATE_PAUSE);
  }

  /** Goes on after pause. */
  async resume(run: string): Promise<void> {
    await this.runs.update(run, UPDATE_RESUME);
  }

  /** Ends a run; what it has computed stays in the store, and the same settings go on from there. */
  cancel(run: string): Promise<void> {
    return this.runs.cancel(run);
  }

  /** Waits for the end. @throws the run's own error, by its code, when it failed */
  result(run: string): Promise<RunSummary> {
    return this.runs.result(run);
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
  labels(run: string): AsyncGenerator<LabelRow> {
    return this.runLabels.rows(run);
  }

  /**
   * Where an image's label comes from: what each round made of it, what people said of it, the certificate it is under.
   *
   * @param image id or name of an image of the pool
   * @throws RUN_NO_RESULTS; USAGE where the pool has no such image, or several of that name
   */
  explain(run: string, image: string): Promise<Explanation> {
    return this.runLabels.explain(run, image);
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
   * themselves. Those with most images without a label first, each with its most central images.
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
    const facts = await this.runs.facts(run);
    const [manifest, record] = [await this.runs.manifestOf(facts), (await this.runs.rounds(facts)).at(-1)];
    const dataset = facts.memo?.dataset;
    if (!dataset || !manifest || !record) throw clientErrors.noLabels(run, facts.error?.message);
    const { labels, said } = await this.runLabels.inForce(run, facts);
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
    const { status, memo, summary, error } = await this.runs.facts(run);
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
    const facts = await this.runs.facts(run);
    const { status, memo, error } = facts;
    if (!hasEnded(status)) throw clientErrors.asksAtEnd(run);
    const audit = await this.people.openAudit(run);
    if (audit) throw clientErrors.auditFirst(run, audit.audit);
    const base = (await this.runs.rounds(facts)).at(-1)?.labels;
    const { labels } = await this.runLabels.inForce(run, facts);
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
    const { status, memo } = await this.runs.facts(run);
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
    const refs = await this.runLabels.certified(run, audit);
    const facts = await this.runs.facts(run);
    // A run that was started anew under its id has labels of its own, and no audit's corrections of them.
    const now =
      (await this.runLabels.corrected(run, facts))?.labels ?? (await this.runs.rounds(facts)).at(-1)?.labels ?? null;
    return certificateNow(this.store, refs, now);
  }

  /**
   * Writes the bundle by which anyone can check a certificate of a run, offline: `node DIR/verify.mjs DIR`. Signed with this
   * machine's key, which is made when it is first needed.
   *
   * @returns the names of the files
   */
  async exportCertificate(run: string, dir: string, audit?: number): Promise<string[]> {
    const parts = await readBundle(this.store, await this.runLabels.certified(run, audit));
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

  /** What the lists of a run's last round are read from. */
  private async looked(run: string): Promise<Looked> {
    const facts = await this.runs.facts(run);
    const [manifest, last] = [await this.runs.manifestOf(facts), (await this.runs.rounds(facts)).at(-1)];
    if (!manifest || !last) throw clientErrors.noLabels(run, facts.error?.message);
    return { run, manifest, clusters: last.clusters };
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
}
