import { auditPaths, openedAudit } from '../contracts/audit-stages.js';
import { auditLine, certificate } from '../contracts/audit.js';
import type { AuditRefs, AuditState, Certificate, Verdict } from '../contracts/audit.js';
import type { Explanation } from '../contracts/explanation.js';
import type { Ref } from '../contracts/references.js';
import type { LabelRow } from '../contracts/tables.js';
import { correctLabel, firstVerdicts } from '../labelling/audit/correct.js';
import { inForce, readCorrections, readRows, tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import type { Audits } from './audits.js';
import { clientErrors } from './errors.js';
import { explain } from './explain.js';
import type { RunFacts } from './facts.js';
import type { Runs } from './runs.js';
import type { Corrected } from './view.js';

/** Labels of runs with what people said of them since, and the certificates that they are under. */
export class RunLabels {
  constructor(
    private readonly store: Store,
    private readonly runs: Runs,
    private readonly audits: Audits,
  ) {}

  /** @see Labelloop.labels */
  async *rows(run: string): AsyncGenerator<LabelRow> {
    const facts = await this.runs.facts(run);
    const { labels, said } = await this.inForce(run, facts);
    if (!labels) throw clientErrors.noLabels(run, facts.error?.message);
    const rows = readRows(tables.labels, await this.store.fetch(labels));
    if (said === null) {
      yield* rows;
      return;
    }
    const classes = (await this.runs.manifestOf(facts))?.classes ?? [];
    for await (const row of rows) yield correctLabel(row, said.get(row.id), null, null, classes);
  }

  /** @see Labelloop.explain */
  async explain(run: string, image: string): Promise<Explanation> {
    const facts = await this.runs.facts(run);
    const [manifest, rounds] = [await this.runs.manifestOf(facts), await this.runs.rounds(facts)];
    const { labels, said } = await this.inForce(run, facts);
    if (!manifest || !labels) throw clientErrors.noLabels(run, facts.error?.message);
    const [audits, corrections] = [await this.allAudits(run), await readCorrections(this.store, run)];
    const questions = corrections.filter(({ of }) => of === 'questions');
    return explain(this.store, { run, manifest, rounds, labels, said, audits, questions }, image);
  }

  /** The run's labels with what people said in audits and to questions that have ended. */
  async corrected(run: string, facts: RunFacts): Promise<Corrected | null> {
    const base = (await this.runs.rounds(facts)).at(-1)?.labels;
    const corrections = await readCorrections(this.store, run);
    const last = base ? inForce(corrections, base) : null;
    if (!last) return null;
    const labels = last.labels ?? last.from;
    if (labels.sha256 === base?.sha256) return null;
    return { labels, pool: corrections.find((each) => each.labels?.sha256 === labels.sha256)?.pool ?? null };
  }

  /** As `corrected`; `said`: what people said since, to questions that are open. */
  async inForce(
    run: string,
    facts: RunFacts,
  ): Promise<{ labels: Ref | null; said: ReadonlyMap<string, Verdict> | null }> {
    const base = (await this.runs.rounds(facts)).at(-1)?.labels;
    const correction = base ? inForce(await readCorrections(this.store, run), base) : null;
    if (!correction) return { labels: facts.summary?.labels ?? facts.memo?.labels ?? null, said: null };
    const { labels, from, log } = correction;
    if (labels) return { labels, said: null };
    return { labels: from, said: firstVerdicts(log ? await this.store.readJsonLines(log, auditLine) : []) };
  }

  /** All that were issued of the last round's labels, the newest first: an audit of each class issues one. */
  async certificatesOf(ended: readonly AuditState[], facts: RunFacts): Promise<Certificate[]> {
    const issued: Certificate[] = [];
    for (const state of ended)
      if (state.refs?.certificate && (await this.isOfLastRound(state, facts)))
        issued.push(await this.store.readJson(state.refs.certificate, certificate));
    return issued;
  }

  /**
   * What an audit of a run left that issued a certificate; by default the last such one.
   *
   * @throws AUDIT_UNKNOWN without one; RUN_UNKNOWN
   */
  async certified(run: string, audit?: number): Promise<AuditRefs> {
    const issued = (await this.audits.ended(run)).filter((state) => state.refs?.certificate);
    const refs = issued.find((state) => audit === undefined || state.audit === audit)?.refs;
    if (!refs) {
      // Whether the run is unknown, too, is the user's question.
      await this.runs.facts(run);
      throw clientErrors.noCertificate(
        run,
        issued.map((state) => state.audit),
      );
    }
    return refs;
  }

  /** All audits of a run, in their order; the last may be under way. */
  private async allAudits(run: string): Promise<AuditState[]> {
    const [ended, last] = await Promise.all([this.audits.ended(run), this.audits.shown(run)]);
    const known = ended.reverse();
    return last === null || known.some(({ audit }) => audit === last.audit) ? known : [...known, last];
  }

  /** A run of the same id that was started with other settings has other labels. */
  private async isOfLastRound({ run, audit }: AuditState, facts: RunFacts): Promise<boolean> {
    const opened = await this.store.getPointer(auditPaths.opened(run, audit), openedAudit);
    return opened?.base.sha256 === (await this.runs.rounds(facts)).at(-1)?.labels.sha256;
  }
}
