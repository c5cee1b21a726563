import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditState, Certificate, PoolCounts } from '../contracts/audit.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { QuestionsState } from '../contracts/questions.js';
import type { Ref } from '../contracts/references.js';
import type { RunView } from '../contracts/run.js';
import type { ComparisonFile, RoundRecord } from '../contracts/stages.js';
import type { RunFacts } from './facts.js';

/** Where the HTML report of a run is kept on this machine. */
export const reportFile = (reports: string, run: string): string => join(reports, `${run}.html`);

/** The report's path, null until it was written. */
export function reportPath(reports: string, run: string): string | null {
  const path = reportFile(reports, run);
  return existsSync(path) ? path : null;
}

/** What the audits made of a run's labels. */
export interface Corrected {
  labels: Ref;
  /** Null where the audit ended before it was counted. */
  pool: PoolCounts | null;
}

interface Found {
  audit: AuditState | null;
  questions: QuestionsState | null;
  /** Of people, in the audits that have ended. */
  answers: number;
  /** The newest first. */
  certificates: readonly Certificate[];
  /** Null where no audit of these labels has ended. */
  corrected: Corrected | null;
  manifest: DatasetManifest | null;
  rounds: RoundRecord[];
  comparison: ComparisonFile | null;
  report: string | null;
}

/** Puts together what `run show` prints. Pure. */
export function viewOf(
  facts: RunFacts,
  { audit, questions, answers, certificates, corrected, manifest, rounds, comparison, report }: Found,
): RunView {
  const { memo, live, summary } = facts;
  const last = rounds.at(-1);
  const total = manifest?.counts.pool ?? memo?.pool.total ?? 0;
  return {
    run: facts.run,
    status: facts.status,
    error: facts.error,
    dataset: memo?.settings?.dataset ?? null,
    dryRun: manifest?.dryRun ?? false,
    round: live?.round ?? memo?.round ?? 0,
    stage: live?.stage ?? null,
    budget: {
      ...{ train: 0, validation: 0, calibration: 0, ...memo?.budget },
      audit: answers + (audit && audit.phase !== 'done' ? audit.seen : 0),
    },
    pool: { total, ...(corrected?.pool ?? roundsPool(last, total)) },
    rounds: rounds.map((record, index) => ({
      round: record.round,
      ...record.counts,
      seconds: Object.values(record.seconds).reduce((sum, seconds) => sum + seconds, 0),
      modelDigest: record.model.sha256,
      testAccuracy: record.testAccuracy,
      estimate: {
        grade: record.estimate.grade,
        error: record.estimate.error,
        upper: record.estimate.upper,
        coverage: record.estimate.coverage,
      },
      fromStore: record.fromStore,
      stopped: record.stopped,
      calibrationError: record.calibrationError,
      clustering: record.clustering,
      passes: record.passes,
      truth: comparison?.rounds[index] ?? null,
    })),
    audit: audit && shown(audit),
    ...(questions ? { questions: asked(questions) } : {}),
    certificate: certificates[0] ?? null,
    ...(certificates.length > 1 ? { earlierCertificates: certificates.slice(1) } : {}),
    labelsDigest: (corrected?.labels ?? last?.labels)?.sha256 ?? null,
    labels: corrected?.labels ?? last?.labels ?? null,
    model: last?.model ?? null,
    truth: summary?.truth ?? null,
    conditional: last?.conditional ?? null,
    shift: rounds.findLast(({ shift }) => shift !== null)?.shift ?? null,
    report,
    startedAt: new Date(memo?.startedAt ?? facts.description.startTime).toISOString(),
    endedAt: facts.description.closeTime?.toISOString() ?? null,
  };
}

const roundsPool = (last: RoundRecord | undefined, total: number): PoolCounts =>
  last
    ? { labelled: last.counts.accepted, open: last.counts.open, outliers: last.counts.outliers }
    : { labelled: 0, open: total, outliers: 0 };

const shown = ({ audit, phase, settings, seen, judgement, outlook, words }: AuditState): RunView['audit'] => ({
  audit,
  phase,
  settings,
  seen,
  judgement,
  outlook,
  words,
});

const asked = ({ number, phase, answered, left, budget, answers, words }: QuestionsState): RunView['questions'] => ({
  ...{ number, phase, answered, left, budget, answers, words },
});
